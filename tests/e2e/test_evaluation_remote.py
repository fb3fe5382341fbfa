"""Evaluation over memory:// and an S3 bucket gives what it gives over local files."""

import json

import pytest

from olmoearth_core.cli.main import main
from olmoearth_core.testing import buckets


@pytest.fixture
def bucket(monkeypatch):
    with buckets.bucket("series", monkeypatch):
        yield "s3://series"


def results(trained, tasks, out):
    """Evaluate without kept features, so that everything is read and computed anew."""
    with pytest.raises(SystemExit) as done:
        main([*trained, "--cache=", "--tasks=pixels", "--config", tasks, "--out", str(out)])
    assert done.value.code == 0
    (path,) = out.glob("*/pixels.task.json")
    return [
        {key: value for key, value in row.items() if key != "settings"} for row in json.loads(path.read_text())["rows"]
    ]


def test_numbers_do_not_depend_on_where_the_data_lies(trained, series, bucket, tmp_path):
    (tmp_path / "local").mkdir()
    local = results(trained, series(str(tmp_path / "local")), tmp_path / "a")
    assert len(local) > 10
    assert results(trained, series("memory://series"), tmp_path / "b") == local
    assert results(trained, series(bucket), tmp_path / "c") == local
