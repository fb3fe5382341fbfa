"""What the seven datasets give: values, bands, dates, labels and splits, in both profiles."""

import json
import pickle
from types import SimpleNamespace

import numpy as np
import pytest
from olmoearth_benchmarks.geobench_v1 import bands, imputation
from olmoearth_benchmarks.m_bigearthnet import m_bigearthnet
from olmoearth_benchmarks.m_brick_kiln import m_brick_kiln
from olmoearth_benchmarks.m_cashew_plant import m_cashew_plant
from olmoearth_benchmarks.m_eurosat import m_eurosat
from olmoearth_benchmarks.m_forestnet import m_forestnet
from olmoearth_benchmarks.m_sa_crop_type import m_sa_crop_type
from olmoearth_benchmarks.m_so2sat import m_so2sat
from olmoearth_landsat.level1 import landsat
from olmoearth_sentinel1.modality import sentinel1
from olmoearth_sentinel2.l2a import sentinel2_l2a

from olmoearth_core.data.normalize import bounds
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.evaluate.profile import REFERENCE
from olmoearth_core.evaluate.scaling import scale_of
from olmoearth_core.interfaces.evaluation import Benchmark, Context, Preparable, Published, Task

from .conftest import DAY, SENTINEL2, SPLITS

ALL = (m_bigearthnet, m_brick_kiln, m_cashew_plant, m_eurosat, m_forestnet, m_sa_crop_type, m_so2sat)
S2, L8 = sentinel2_l2a(), landsat()
TWELVE = tuple(band for band in SENTINEL2 if not band.startswith("10"))
SIX = ("02 - Blue", "03 - Green", "04 - Red", "05 - NIR", "06 - SWIR1", "07 - SWIR2")
REF = Context(profile=REFERENCE)


def opened(benchmark, specs=(S2,), context=None):
    return benchmark.open(specs, context=context or Context())


def first(found, modality="sentinel2_l2a"):
    """Return the values of the first training sample at one pixel, by band, absent ones left out."""
    sample, spec = found.splits["train"][0].sample, {"sentinel2_l2a": S2, "landsat": L8}[modality]
    there = np.broadcast_to(sample.presence[modality], sample.arrays[modality].shape)[0, 0, 0]
    values = sample.arrays[modality][0, 0, 0].tolist()
    assert all(value == 0 for value, here in zip(values, there, strict=True) if not here)
    return {band: v for band, v, here in zip(spec.band_order, values, there, strict=True) if here}


@pytest.mark.parametrize("factory", ALL, ids=lambda f: f.__name__)
def test_every_dataset_is_a_benchmark_that_says_where_it_comes_from_and_touches_no_disk(factory):
    made = factory(root="/nowhere")
    assert isinstance(made, Benchmark)
    assert isinstance(made, Published)
    assert isinstance(made, Preparable)
    assert made.name == factory.__name__
    assert made.about.variable == "GEOBENCH_DIR"
    assert made.about.downloads[0].url.endswith(f"/{made.facts.kind}_v1.0/{made.facts.dataset}.zip")


def test_values_are_raw_bands_in_our_order_and_the_label_a_number(make):
    make.dataset("m-brick-kiln", lambda n: n % 2, classes=2)
    found = opened(m_brick_kiln(root=str(make.root)))
    one = found.splits["train"][1]
    assert one.sample.arrays["sentinel2_l2a"].shape == (8, 8, 1, 12)
    assert one.sample.arrays["sentinel2_l2a"].dtype == np.float32
    expected = [101, 102, 103, 107, 104, 105, 106, 108, 111, 112, 100, 109]
    assert one.sample.arrays["sentinel2_l2a"][3, 4, 0].tolist() == expected
    assert (int(one.label), one.label.dtype, one.name) == (1, np.int64, "id_2")
    assert one.sample.timestamps.tolist() == [[1, 6, 2020]]
    assert found.classes == ("kind 0", "kind 1")


def test_the_order_of_bands_is_that_of_the_specification():
    """Acceptance check 19."""
    names = [name for _, name in bands.SENTINEL2.slots]
    place = [names.index(bands.SENTINEL2.plan()[band]) for band in S2.band_order]
    assert place == [1, 2, 3, 7, 4, 5, 6, 8, 11, 12, 0, 9]
    twelve = [name for name in names if not name.startswith("10")]
    place = [twelve.index(bands.SENTINEL2.plan()[band]) for band in S2.band_order]
    assert place == [1, 2, 3, 7, 4, 5, 6, 8, 10, 11, 0, 9]
    slots = sorted(bands.LANDSAT8.reference_plan(), key=lambda band: int(band[1:]))
    assert [slots.index(band) for band in L8.band_order] == [7, 0, 1, 2, 3, 4, 5, 6, 8, 9, 10]


def test_eurosat_bands_are_put_right_by_default_and_trusted_where_asked(make):
    """evaluation.md 9.1 number 28: "08A" holds B09, "09" B10, "10" B11, "11" B12, "12" B8A."""
    make.dataset("m-eurosat", lambda n: n)
    right = first(opened(m_eurosat(root=str(make.root))))
    assert (right["B8A"], right["B09"], right["B11"], right["B12"]) == (12, 8, 10, 11)
    for trusting in (opened(m_eurosat(root=str(make.root), trust_band_names=True)),
                     opened(m_eurosat(root=str(make.root)), context=REF)):  # fmt: skip
        wrong = first(trusting)
        assert (wrong["B8A"], wrong["B09"], wrong["B11"], wrong["B12"]) == (8, 9, 11, 12)
        assert trusting.statistics["sentinel2_l2a"]["B8A"].mean == 58.0
    found = opened(m_eurosat(root=str(make.root)))
    assert found.statistics["sentinel2_l2a"]["B8A"].mean == 62.0


def test_a_band_that_is_not_there_is_absent_by_default_and_a_copy_in_the_reference(make):
    ten = tuple(band for band in TWELVE if band[:2] not in ("01", "09"))
    make.dataset("m-so2sat", lambda n: n, bands=ten, classes=17, dtype=np.float64)
    benchmark = m_so2sat(root=str(make.root))
    assert sorted(set(S2.band_order) - set(first(opened(benchmark)))) == ["B01", "B09"]
    filled = first(opened(benchmark, context=REF))
    assert filled["B01"] == filled["B02"] == 0
    assert filled["B09"] == filled["B8A"] == 70_000
    measured = opened(benchmark, context=REF).statistics["sentinel2_l2a"]
    assert measured["B09"] == measured["B8A"]


def test_so2sat_is_brought_to_reflectance_times_ten_thousand_with_its_statistics(make):
    make.dataset("m-so2sat", lambda n: n, bands=TWELVE[1:9], classes=17, dtype=np.float32)
    found = opened(m_so2sat(root=str(make.root)))
    assert first(found)["B03"] == 10_000
    assert found.statistics["sentinel2_l2a"]["B03"].mean == 510_000
    assert found.statistics["sentinel2_l2a"]["B03"].maximum == 5_000_000


def test_imputing_a_band_that_is_there_raises_and_the_first_of_two_rules_counts():
    """Acceptance check 18."""
    with pytest.raises(DataError, match="'10 - SWIR - Cirrus' from '11 - SWIR': it is there already"):
        imputation.impute({"11 - SWIR": 1, "10 - SWIR - Cirrus": 2}, [("11 - SWIR", "10 - SWIR - Cirrus")])
    assert imputation.impute({"a": 1, "b": 2}, [("b", "c"), ("a", "c")])["c"] == 2
    with pytest.raises(DataError, match="there is no 'x'"):
        imputation.impute({"a": 1}, [("x", "y")])


def test_several_classes_are_one_number_each(make):
    make.dataset("m-bigearthnet", lambda n: [int(k % 5 == n) for k in range(43)], bands=TWELVE, classes=43)
    found = opened(m_bigearthnet(root=str(make.root)))
    assert np.flatnonzero(found.splits["train"][1].label).tolist() == list(range(1, 43, 5))
    assert len(first(opened(m_bigearthnet(root=str(make.root)), context=REF))) == 12


def test_a_map_of_classes_is_read_from_the_array_named_label(make):
    """Acceptance check 37, second half."""
    label = (np.arange(64).reshape(8, 8) % 7).astype(np.uint8)
    make.dataset("m-cashew-plant", lambda n: label, kind="segmentation", bands=TWELVE, classes=7)
    one = opened(m_cashew_plant(root=str(make.root))).splits["test"][0]
    assert one.label.dtype == np.int64
    assert one.label.tolist() == label.tolist()


@pytest.mark.parametrize("spelling", ["m-SA-crop-type", "m-sa-crop-type"])
def test_both_spellings_of_a_folder_and_the_folder_itself_are_found(make, spelling):
    folder = make.dataset(spelling, lambda n: np.full((8, 8), n), kind="segmentation", bands=TWELVE)
    for root in (make.root, folder, f"{make.root}/"):
        assert len(opened(m_sa_crop_type(root=str(root))).splits["train"]) == 2


def forest(make, **options):
    make.dataset("m-forestnet", lambda n: n, bands=SIX, classes=12, dtype=np.uint8, **options)
    return m_forestnet(root=str(make.root))


def scaled(benchmark, found, kind, profile="default"):
    task = Task(benchmark=benchmark, evaluator=SimpleNamespace(), normalization=kind)
    scale = scale_of(task, found, [L8], fill="zero", profile_name=profile)
    return dict(
        zip(L8.band_order, scale(found.splits["train"][1].sample).arrays["landsat"][0, 0, 0].tolist(), strict=True)
    )


def test_forestnet_refuses_the_scale_of_pretraining_and_takes_its_own(make):
    benchmark = forest(make)
    found = opened(benchmark, (L8,))
    assert first(found, "landsat") == {"B2": 0, "B3": 1, "B4": 2, "B5": 3, "B6": 4, "B7": 5}
    with pytest.raises(DataError, match="its landsat is brightness of an 8-bit composite"):
        scaled(benchmark, found, "pretrained")
    values = scaled(benchmark, found, "dataset")
    assert values["B3"] == pytest.approx((101 - (51 - 22)) / 44)
    assert values["B1"] == values["B8"] == 0


def test_forestnet_in_the_reference_copies_bands_after_scaling(make):
    """Acceptance check 36: green is scaled with the statistics of B8."""
    benchmark = forest(make)
    found = opened(benchmark, (L8,), REF)
    assert first(found, "landsat")["B8"] == 1
    values = scaled(benchmark, found, "pretrained", REFERENCE)
    assert values["B8"] == values["B3"] == pytest.approx((101 - (10132.09 - 2 * 7788.73)) / (4 * 7788.73), abs=1e-6)
    assert values["B1"] == values["B2"]
    assert values["B9"] == values["B10"] == values["B11"] == values["B7"]
    low, high = bounds(L8)
    b2, b7 = L8.band_order.index("B2"), L8.band_order.index("B7")
    assert values["B2"] == pytest.approx((100 - low[b2]) / (high[b2] - low[b2]), abs=1e-6)
    assert values["B7"] == pytest.approx((105 - low[b7]) / (high[b7] - low[b7]), abs=1e-6)
    own = scaled(benchmark, found, "dataset", REFERENCE)
    assert own["B8"] == own["B3"] == pytest.approx((101 - (51 - 22)) / 44)


def test_a_sample_that_says_its_date_has_it_and_in_the_reference_the_fixed_one(make):
    """Acceptance check 20, GEO-Bench."""
    make.dataset("m-brick-kiln", lambda n: 0, classes=2, date=DAY, stamp="_2018-03-09")
    benchmark = m_brick_kiln(root=str(make.root))
    assert opened(benchmark).splits["train"][0].sample.timestamps.tolist() == [[9, 2, 2018]]
    assert opened(benchmark, context=REF).splits["train"][0].sample.timestamps.tolist() == [[1, 6, 2020]]


def test_values_that_are_not_finite_are_absent(make):
    folder = make.dataset("m-brick-kiln", lambda n: 0, classes=2, dtype=np.float32)
    planes = {band: np.ones((8, 8), np.float32) for band in SENTINEL2}
    planes["02 - Blue"][2, 3] = np.nan
    make.sample(folder, "id_1", planes, 0)
    sample = opened(m_brick_kiln(root=str(make.root))).splits["train"][0].sample
    assert sample.presence["sentinel2_l2a"].sum() == 8 * 8 * 12 - 1
    assert sample.arrays["sentinel2_l2a"][2, 3, 0, 0] == 0


def test_a_share_of_the_training_split_has_a_partition_of_its_own(make):
    make.dataset("m-eurosat", lambda n: n, partition="0.10x_train")
    found = opened(m_eurosat(root=str(make.root), label_fraction=0.1))
    assert len(found.splits["train"]) == 2
    assert found.source == "GEO-Bench v1 m-eurosat, partition 0.10x_train"
    with pytest.raises(DataError, match=r'no partition "default"\. There is 0\.10x_train'):
        opened(m_eurosat(root=str(make.root)))


@pytest.mark.parametrize("fraction", [0.3, 0.0, -1.0, 0.101, 2.0, float("nan")])
def test_a_share_without_a_partition_raises_at_once(fraction):
    """Acceptance check 30, GEO-Bench."""
    with pytest.raises(ConfigError, match=r"expected one of 0\.01, 0\.02, 0\.05, 0\.1, 0\.2, 0\.5, 1\.0"):
        m_eurosat(label_fraction=fraction)


@pytest.mark.parametrize(
    "options", [{"partition": "a", "label_fraction": 0.1}, {"partition": "../x"}, {"missing": "x"}, {"patch_size": 0}]
)
def test_faults_in_the_arguments_are_found_at_once(options):
    with pytest.raises(ConfigError, match="m_eurosat: "):
        m_eurosat(**options)


def test_missing_files_are_counted_with_an_example_unless_they_may_be_skipped(make):
    folder = make.dataset("m-eurosat", lambda n: n)
    (folder / "id_2.hdf5").unlink()
    with pytest.raises(DataError, match=r"1 of the 4 samples of partition default are missing, for example id_2\."):
        opened(m_eurosat(root=str(make.root)))
    found = opened(m_eurosat(root=str(make.root), missing="skip"))
    assert {split: len(samples) for split, samples in found.splits.items()} == {"train": 1, "valid": 1, "test": 1}
    assert found.source.endswith(", 1 of 4 samples missing")


def test_a_folder_without_any_sample_or_without_the_dataset_says_so(make, tmp_path):
    folder = make.dataset("m-eurosat", lambda n: n)
    for file in folder.glob("*.hdf5"):
        file.unlink()
    with pytest.raises(DataError, match="none of the 4 samples"):
        opened(m_eurosat(root=str(make.root), missing="skip"))
    with pytest.raises(DataError, match=r"no classification_v1\.0/m-so2sat with \*_partition\.json below"):
        opened(m_so2sat(root=str(make.root)))
    with pytest.raises(DataError, match="Set the environment variable GEOBENCH_DIR"):
        opened(m_so2sat())


def test_the_folder_may_come_from_the_environment(make, monkeypatch):
    make.dataset("m-eurosat", lambda n: n)
    monkeypatch.setenv("GEOBENCH_DIR", str(make.root))
    assert len(opened(m_eurosat()).splits["train"]) == 2


def test_a_model_without_the_sensor_is_told_so():
    with pytest.raises(DataError, match="m_eurosat: its images are sentinel2_l2a, but the model knows sentinel1"):
        opened(m_eurosat(root="/nowhere"), (sentinel1(),))


def test_band_names_may_come_from_the_samples_alone(make):
    folder = make.dataset("m-brick-kiln", lambda n: 0, classes=2)
    (folder / "band_stats.json").unlink()
    (folder / "task_specs.pkl").unlink()
    found = opened(m_brick_kiln(root=str(make.root)))
    assert len(first(found)) == 12
    assert found.classes == ("class 0", "class 1")
    assert found.statistics == {}


def test_samples_are_a_sequence_that_reads_when_it_is_indexed(make):
    folder = make.dataset("m-eurosat", lambda n: n)
    train = opened(m_eurosat(root=str(make.root))).splits["train"]
    assert (train[-1].name, train[-1].sample.index) == ("id_2", 1)
    assert [one.name for one in train] == SPLITS["train"]
    assert [one.name for one in train[1:]] == ["id_2"]
    with pytest.raises(IndexError):
        train[2]
    (folder / "id_1.hdf5").write_bytes(b"no longer HDF5")
    with pytest.raises(DataError, match="id_1"):
        train[0]


NO_LABELS = [
    (10, "from 10 to 10"), (-1, "from -1"), ([1, 0], "1 axes"), (None, "no label"), ("x", "no label"),
    (2.5, "no label"),
]  # fmt: skip


@pytest.mark.parametrize(("label", "message"), NO_LABELS)
def test_a_label_of_another_dataset_is_refused(make, label, message):
    make.dataset("m-eurosat", lambda n: label)
    with pytest.raises(DataError, match=message):
        opened(m_eurosat(root=str(make.root))).splits["train"][0]


@pytest.mark.parametrize("label", [[1] * 42, [2] * 43, 5])
def test_a_label_of_other_classes_is_refused(make, label):
    make.dataset("m-bigearthnet", lambda n: label, bands=TWELVE, classes=43)
    with pytest.raises(DataError, match="expected 0 or 1 for 43 classes"):
        opened(m_bigearthnet(root=str(make.root))).splits["train"][0]


def test_a_description_with_other_classes_is_another_dataset(make):
    make.dataset("m-eurosat", lambda n: n, classes=11)
    with pytest.raises(DataError, match="11 classes, expected 10"):
        opened(m_eurosat(root=str(make.root)))


NO_PARTITIONS = [
    "[]", '{"train": ["../../etc/passwd"], "valid": [], "test": []}', '{"train": [1], "valid": [], "test": []}',
    '{"train": []}', "{", "[" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("content", NO_PARTITIONS)
def test_a_partition_that_is_none_is_refused(make, content):
    folder = make.dataset("m-eurosat", lambda n: n)
    (folder / "default_partition.json").write_text(content)
    with pytest.raises(DataError, match=r"default_partition\.json"):
        opened(m_eurosat(root=str(make.root)))


def test_samples_can_be_sent_to_worker_processes(make):
    make.dataset("m-forestnet", lambda n: n, bands=SIX, classes=12, dtype=np.uint8)
    found = opened(m_forestnet(root=str(make.root)), (L8,), REF)
    there, quirk = pickle.loads(pickle.dumps((found.splits["train"], found.after_scale)))
    values = there[1].sample.arrays["landsat"]
    np.testing.assert_array_equal(values, found.splits["train"][1].sample.arrays["landsat"])
    np.testing.assert_array_equal(quirk("landsat", values), found.after_scale("landsat", values))
    assert quirk("other", values) is values


def test_statistics_that_are_no_numbers_are_refused(make):
    folder = make.dataset("m-eurosat", lambda n: n)
    (folder / "band_stats.json").write_text(json.dumps({"02 - Blue": {"mean": float("nan"), "std": 1}}))
    with pytest.raises(DataError, match="02 - Blue has no finite mean"):
        opened(m_eurosat(root=str(make.root)))


def test_what_is_there_can_be_shared_by_all_splits_to_try_a_set_out(make):
    make.dataset("m-eurosat", lambda n: n)
    found = m_eurosat(root=str(make.root), missing="share").open([S2], context=Context())
    names = {split: [one.name for one in part] for split, part in found.splits.items()}
    assert names["train"] == names["valid"] == names["test"]
    assert found.remark == "all splits share their samples: a trial, not a score"
