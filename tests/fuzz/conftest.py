"""The modules beside the tests, and where the real samples are."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite("fuzzing")

SAMPLES = Path(os.environ.get("OLMOEARTH_SAMPLES", Path(__file__).parents[3] / "shared" / "samples") or "/nowhere")


@pytest.fixture(scope="session")
def samples():
    if not SAMPLES.is_dir():
        pytest.skip(f"the sample tiles are not at {SAMPLES} (set OLMOEARTH_SAMPLES)")
    return SAMPLES
