import json
from types import SimpleNamespace

import numpy as np
import pytest
from olmoearth_benchmarks.labels import CODES, IGNORE, majority
from olmoearth_benchmarks.land_cover import land_cover

from olmoearth_core.convert.h5_writer import write_sample
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.interfaces.evaluation import ALL, Benchmark, Context
from olmoearth_core.interfaces.modality import BandSet, ModalitySpec, Statistics

ONE = Statistics(mean=0.0, std=0.25, minimum=0.0, maximum=1.0)


def spec(name, bands, *, multitemporal):
    statistics = dict.fromkeys(bands, ONE)
    return ModalitySpec(name, (BandSet(bands, 16),), 16, multitemporal, statistics=statistics)


OPTICAL, HEIGHT = (
    spec("optical", ("red", "green"), multitemporal=True),
    spec("height", ("height",), multitemporal=False),
)
COVER = spec("worldcover", ("worldcover",), multitemporal=False)
SPECS = (OPTICAL, COVER, HEIGHT)
NOTHING = Context()


def data_set(root, covers, *, latlons=None):
    """Write one 16 px sample of two steps per map of codes."""
    folder = root / "h5py_data_w_missing_timesteps_16_x_16" / "height_optical_worldcover" / str(len(covers))
    folder.mkdir(parents=True)
    stamps = np.array([[1, 0, 2020], [1, 1, 2020]])
    for i, cover in enumerate(covers):
        arrays = {"optical": np.full((16, 16, 2, 2), i, np.float32), "height": np.ones((16, 16, 1, 1), np.float32)}
        if cover is not None:
            arrays["worldcover"] = np.asarray(cover, np.uint8)[:, :, None, None]
        write_sample(folder / f"sample_{i}.h5", arrays, stamps, np.zeros(2), {"optical": np.ones(2, bool)})
    rows = [f"{i},1,1,{int(c is not None)}" for i, c in enumerate(covers)]
    (folder / "sample_metadata.csv").write_text("sample_index,height,optical,worldcover\n" + "\n".join(rows) + "\n")
    np.save(folder / "latlon_distribution.npy", latlons if latlons is not None else np.zeros((len(covers), 2)))
    return folder


def quarters(a, b, c, d):
    return np.kron([[a, b], [c, d]], np.ones((8, 8), int))


def samples(folder, specs=SPECS, **options):
    return list(opened(land_cover(h5py_dir=str(folder), **options), specs))


def opened(benchmark, specs=SPECS, context=NOTHING):
    return benchmark.open(specs, context=context).splits[ALL]


def test_it_is_a_benchmark_and_opening_it_reads_nothing():
    assert isinstance(land_cover(h5py_dir="/nowhere"), Benchmark)


def test_a_patch_takes_the_class_of_most_of_its_pixels():
    labels = np.zeros((4, 8), np.int64)
    labels[:, 4:] = 3
    labels[0, 4:7] = 1
    assert majority(labels, 4, purity=0.6).tolist() == [[0, 3]]


def test_a_mixed_patch_and_an_unknown_one_are_ignored():
    mixed = np.array([[0, 0, 1, 1]] * 4)
    assert majority(mixed, 4, purity=0.6).tolist() == [[IGNORE]]
    assert majority(mixed, 4, purity=0.5).tolist() == [[0]]
    assert majority(np.full((4, 4), -1), 4, purity=0.1).tolist() == [[IGNORE]]


def test_labels_are_the_classes_of_the_map_and_follow_the_window(tmp_path):
    folder = data_set(tmp_path, [quarters(10, 20, 100, 7)])
    (one,) = samples(folder)
    assert one.label.tolist() == [[0, 0, 1, 1], [0, 0, 1, 1], [10, 10, -1, -1], [10, 10, -1, -1]]
    windows = samples(folder, window=8)
    assert sorted(w.label[0, 0] for w in windows) == [0, 1, 10]


def test_a_model_sees_only_what_varies_in_space_and_time(tmp_path):
    (one,) = samples(data_set(tmp_path, [quarters(10, 10, 10, 10)]))
    assert list(one.sample.arrays) == ["optical"]


def test_a_map_that_is_named_is_shown_but_the_label_never_is(tmp_path):
    folder = data_set(tmp_path, [quarters(10, 10, 10, 10)])
    (one,) = samples(folder, input_modalities=["optical", "height", "worldcover"])
    assert list(one.sample.arrays) == ["optical", "height"]
    with pytest.raises(DataError, match="none is left to look at"):
        samples(folder, input_modalities=["worldcover"])


def test_a_modality_that_a_sample_lacks_altogether_is_left_out(tmp_path):
    extra = spec("radar", ("vv",), multitemporal=True)
    (one,) = samples(data_set(tmp_path, [quarters(10, 10, 10, 10)]), specs=(OPTICAL, extra))
    assert list(one.sample.arrays) == ["optical"]


def test_samples_without_a_map_or_without_any_label_are_skipped(tmp_path):
    folder = data_set(tmp_path, [None, quarters(0, 0, 0, 0), quarters(10, 10, 10, 10)])
    assert [one.sample.index for one in samples(folder)] == [2]


def test_samples_of_one_square_share_a_group_and_distant_ones_do_not(tmp_path):
    places = np.array([[50.0, 5.0], [50.0005, 5.0005], [50.3, 5.0], [50.0, 5.4]])
    folder = data_set(tmp_path, [quarters(10, 10, 10, 10)] * 4, latlons=places)
    group = {one.sample.index: one.group for one in samples(folder)}
    assert group[0] == group[1]
    assert len({group[0], group[2], group[3]}) == 3
    alone = {one.sample.index: one.group for one in samples(folder, block_meters=0)}
    assert len(set(alone.values())) == 4


def test_the_choice_of_windows_and_samples_follows_the_seed(tmp_path):
    folder = data_set(tmp_path, [quarters(10, 20, 30, 40)] * 6)
    options = {"window": 8, "windows_per_sample": 1, "max_samples": 3}
    first, again, other = (samples(folder, **options, seed=seed) for seed in (0, 0, 5))
    key = lambda found: [(one.sample.index, int(one.label[0, 0])) for one in found]  # noqa: E731
    assert key(first) == key(again)
    assert key(first) != key(other)
    assert len(first) == 3


def test_the_runs_data_set_is_used_where_none_is_named(tmp_path):
    folder = data_set(tmp_path, [quarters(10, 10, 10, 10)])
    assert len(opened(land_cover(), context=Context(SimpleNamespace(h5py_dir=str(folder))))) == 1
    with pytest.raises(ConfigError, match="no data set"):
        opened(land_cover())


def labelled_folder(tmp_path, labels, sites):
    folder = data_set(tmp_path, [None] * len(labels))
    (folder / "labels").mkdir()
    for i, label in enumerate(labels):
        np.save(folder / "labels" / f"sample_{i}.npy", np.full((16, 16), label, np.int16))
    (folder / "labels" / "classes.json").write_text(json.dumps({"classes": ["wheat", "maize"], "group": sites}))
    return folder


def test_labels_may_lie_in_a_folder_beside_the_samples(tmp_path):
    folder = labelled_folder(tmp_path, [0, 1, -1], {"0": "here", "1": "there", "2": "there"})
    benchmark = land_cover(h5py_dir=str(folder), label_modality=None)
    found = {one.sample.index: int(one.label.max()) for one in opened(benchmark)}
    assert found == {0: 0, 1: 1}
    assert benchmark.open(SPECS, context=NOTHING).classes == ("wheat", "maize")


def test_samples_hold_the_values_of_the_file_and_are_read_when_indexed(tmp_path):
    folder = data_set(tmp_path, [quarters(10, 10, 10, 10)] * 3)
    found = opened(land_cover(h5py_dir=str(folder)))
    assert {float(one.sample.arrays["optical"].max()) for one in found} == {0.0, 1.0, 2.0}
    (folder / "sample_1.h5").unlink()
    kept = [i for i, window in enumerate(found.rows) if window.index != 1]
    assert [found[i].name for i in kept]
    with pytest.raises(DataError, match="sample_1"):
        found[next(i for i, window in enumerate(found.rows) if window.index == 1)]


def test_one_site_can_be_asked_for(tmp_path):
    folder = labelled_folder(tmp_path, [0, 1, 1], {"0": "here", "1": "there", "2": "there"})
    assert {one.sample.index for one in samples(folder, label_modality=None, site="there")} == {1, 2}


def test_a_labels_folder_that_is_not_one_says_what_it_should_hold(tmp_path):
    folder = data_set(tmp_path, [None])
    with pytest.raises(DataError, match=r"classes\.json: no readable class list"):
        samples(folder, label_modality=None)
    folder = labelled_folder(tmp_path / "b", [7], {})
    with pytest.raises(DataError, match=r"up to 7, but expected"):
        samples(folder, label_modality=None)


def test_labels_that_are_no_array_of_numbers_are_named_and_never_unpickled(tmp_path):
    folder = labelled_folder(tmp_path, [0], {})
    np.save(folder / "labels" / "sample_0.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match=r"sample_0\.npy: is no array of labels"):
        samples(folder, label_modality=None)
    (folder / "labels" / "sample_0.npy").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"sample_0\.npy: is no array of labels"):
        samples(folder, label_modality=None)


def test_faults_in_the_arguments_are_found_at_once():
    with pytest.raises(ConfigError, match="multiple of patch_size"):
        land_cover(window=10)


def test_a_map_whose_codes_nobody_knows_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"known are worldcover"):
        samples(data_set(tmp_path, [None]), label_modality="height")


def test_every_class_of_a_known_map_has_a_colour_and_a_folder_of_labels_has_none():
    benchmark = land_cover()
    assert len(benchmark.colours) == len(CODES["worldcover"])
    assert land_cover(label_modality=None, labels_dir="labels").colours == ()
