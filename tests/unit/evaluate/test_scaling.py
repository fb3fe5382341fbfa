"""Raw values to the scale of pretraining or of the benchmark, with what is absent left at 0."""

import numpy as np
import pytest

from olmoearth_core.data.sample import Sample
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.evaluate.scaling import scale_of
from olmoearth_core.interfaces.evaluation import Opened, Task
from olmoearth_core.interfaces.modality import BandSet, ModalitySpec, Statistics

SPEC = ModalitySpec(
    "optical", (BandSet(("red", "nir"), 16),), 16, multitemporal=True,
    statistics={"red": Statistics(1000.0, 500.0), "nir": Statistics(2000.0, 500.0)},
)  # fmt: skip
PUBLISHED = {"optical": {"red": Statistics(100.0, 50.0, 0.0, 300.0)}}


class Bench:
    name = "bench"


def sample(nir_present=False):
    values = np.zeros((1, 1, 1, 2), np.float32)
    values[..., 0] = 1500.0
    presence = np.array([True, nir_present]).reshape(1, 1, 1, 2)
    return Sample({"optical": values}, {"optical": presence}, np.zeros((1, 3), np.int32), np.zeros(2, np.float32))


def scaled(opened, one=None, profile="default", **options):
    task = Task(benchmark=Bench(), evaluator=None, **options)
    return scale_of(task, opened, [SPEC], fill="zero", profile_name=profile)(one or sample())


def test_the_scale_of_pretraining_maps_two_deviations_to_zero_and_one_and_absent_bands_to_zero():
    assert scaled(Opened({})).arrays["optical"].ravel().tolist() == pytest.approx([0.75, 0.0])


def test_values_in_a_foreign_unit_are_refused_by_default_and_taken_by_the_reference():
    foreign = Opened({}, foreign={"optical": "reflectance of another kind"})
    with pytest.raises(DataError, match=r'reflectance of another kind.*normalization = "dataset"'):
        scaled(foreign)
    assert scaled(foreign, profile="reference-2026.07").arrays["optical"].ravel().tolist() == pytest.approx([0.75, 0.0])


def test_published_statistics_are_used_on_request_and_absent_bands_need_none():
    found = scaled(Opened({}, statistics=PUBLISHED), normalization="dataset", norm_method="standardize")
    assert found.arrays["optical"].ravel().tolist() == [28.0, 0.0]
    assert found.arrays["optical"].dtype == np.float32


def test_a_band_that_is_there_without_a_statistic_is_an_error():
    with pytest.raises(DataError, match="no published statistics for nir of optical"):
        scaled(Opened({}, statistics=PUBLISHED), sample(nir_present=True), normalization="dataset")


def test_a_benchmark_without_statistics_and_a_typo_are_said():
    with pytest.raises(ConfigError, match="publishes no statistics"):
        scaled(Opened({}), normalization="dataset")
    with pytest.raises(ConfigError, match='Did you mean "standardize"'):
        scaled(Opened({}, statistics=PUBLISHED), normalization="dataset", norm_method="standardise")
    with pytest.raises(ConfigError, match="pretrained, dataset"):
        scaled(Opened({}), normalization="pretraind")


def test_a_profiles_quirk_is_applied_last():
    found = scaled(Opened({}, after_scale=lambda name, values: values + 1))
    assert found.arrays["optical"].ravel().tolist() == [1.75, 1.0]
