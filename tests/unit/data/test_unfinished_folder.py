"""A conversion that still goes on, or was killed, is not taken for a data set."""

import pytest

from olmoearth_core.data.folder import METADATA, find
from olmoearth_core.errors import DataError


def numbered(root):
    (root / "2").mkdir(parents=True)
    (root / "2" / METADATA).write_text("sample_index,x\n0,1\n1,1\n")


def test_a_folder_with_a_dot_is_no_data_set(tmp_path):
    numbered(tmp_path / ".converting")
    with pytest.raises(DataError, match="not a data set"):
        find(str(tmp_path))
    numbered(tmp_path / "x")
    assert find(str(tmp_path)).url.endswith("x/2")
