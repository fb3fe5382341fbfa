"""One real sample of m-eurosat, against numbers that the reference computed."""

import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from olmoearth_benchmarks.m_eurosat import m_eurosat
from olmoearth_sentinel2.l2a import sentinel2_l2a

from olmoearth_core.errors import DataError
from olmoearth_core.evaluate.profile import REFERENCE
from olmoearth_core.evaluate.scaling import scale_of
from olmoearth_core.interfaces.evaluation import Context, Task

ROOT = Path(os.environ.get("OLMOEARTH_SAMPLES", Path(__file__).parents[5] / "shared" / "samples") or "/nowhere")
FOLDER = ROOT / "eval" / "m-eurosat"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the m-eurosat sample is not here: set OLMOEARTH_SAMPLES")
S2 = sentinel2_l2a()


def benchmark():
    return m_eurosat(root=str(FOLDER), label_fraction=0.01, missing="skip")


def test_the_one_sample_of_the_partition_is_read_with_its_classes():
    """Acceptance check 34, first half."""
    found = benchmark().open([S2], context=Context())
    assert found.source == "GEO-Bench v1 m-eurosat, partition 0.01x_train, 2019 of 2020 samples missing"
    assert {split: len(samples) for split, samples in found.splits.items()} == {"train": 1, "valid": 0, "test": 0}
    assert found.classes[1] == "Residential Buildings"
    assert found.statistics["sentinel2_l2a"]["B01"].mean == 1356.781697
    one = found.splits["train"][0]
    assert (one.name, int(one.label), one.sample.arrays["sentinel2_l2a"].shape) == ("id_1905", 1, (64, 64, 1, 12))
    assert one.sample.timestamps.tolist() == [[1, 6, 2020]]


def test_all_missing_files_are_counted_unless_they_may_be_skipped():
    with pytest.raises(DataError, match=r"2019 of the 2020 samples of partition 0\.01x_train are missing"):
        m_eurosat(root=str(FOLDER), label_fraction=0.01).open([S2], context=Context())


def test_bands_put_right_look_like_vegetation_and_not_like_haze():
    values = benchmark().open([S2], context=Context()).splits["train"][0].sample.arrays["sentinel2_l2a"]
    mean = dict(zip(S2.band_order, values.mean((0, 1, 2)), strict=True))
    assert mean["B8A"] > mean["B08"] > mean["B07"] > mean["B11"] > mean["B12"]
    assert min(mean.values()) > 300


@pytest.mark.parametrize(("kind", "expected"), [
    ("dataset", [0.302458, 0.228938, 0.249477, 0.468985, 0.203119, 0.369043, 0.418022, 0.489768, 0.217979, 0.427826,
                 0.355094, 0.286672]),
    ("pretrained", [0.455634, 0.387747, 0.335410, 0.422084, 0.312651, 0.369186, 0.405858, 0.167894, 0.107739, 0.581809,
                    0.512547, 0.192408]),
])  # fmt: skip
def test_the_first_pixel_is_that_of_the_reference_in_its_profile(kind, expected):
    """Acceptance check 35."""
    found = benchmark().open([S2], context=Context(profile=REFERENCE))
    task = Task(benchmark=benchmark(), evaluator=SimpleNamespace(), normalization=kind)
    scale = scale_of(task, found, [S2], fill="zero", profile_name=REFERENCE)
    done = scale(found.splits["train"][0].sample).arrays["sentinel2_l2a"]
    assert done.shape == (64, 64, 1, 12)
    np.testing.assert_allclose(done[0, 0, 0], expected, atol=1e-6)
