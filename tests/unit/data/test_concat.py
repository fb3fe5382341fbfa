"""Acceptance check 32 of the data chapter; weights of parts, and how a config names them."""

from collections import Counter
from pathlib import Path

import pytest
from confection import Config
from typer.testing import CliRunner

from olmoearth_core.cli.config import app
from olmoearth_core.config.schema import DataLoaderSettings
from olmoearth_core.data.concat import ConcatDataset
from olmoearth_core.data.dataset import Crop, OlmoEarthDataset
from olmoearth_core.data.loader import Loader
from olmoearth_core.errors import ConfigError
from olmoearth_core.kinds import registry

S2 = ["sentinel2_l2a"]


def joined(*folders, **options) -> ConcatDataset:
    dataset = ConcatDataset([OlmoEarthDataset(str(folder), S2, **options) for folder in folders])
    dataset.prepare()
    return dataset


def test_samples_are_numbered_through(make_set):
    two, one = make_set(2, root="a"), make_set(1, root="b")
    dataset = joined(two, one)
    places = [dataset.path(index) for index in (0, 1, 2, -1)]
    assert places == [f"{two}/sample_0.h5", f"{two}/sample_1.h5", f"{one}/sample_0.h5", f"{one}/sample_0.h5"]
    assert dataset.latlons[:, 0].tolist() == [45.0, 46.0, 45.0]
    for outside in (3, -4):
        with pytest.raises(IndexError):
            dataset.path(outside)


def test_a_share_is_taken_of_each_part(make_set):
    folders = make_set(20, size=8, steps=1, root="a"), make_set(100, size=8, steps=1, root="b")
    assert len(joined(*folders, dataset_percentage=0.5)) == 60


def test_parts_with_other_modalities_are_refused(make_set):
    with pytest.raises(ConfigError, match="Both must be alike"):
        ConcatDataset([OlmoEarthDataset("/a", S2), OlmoEarthDataset("/b", ["sentinel1"])])


def test_a_loader_reads_all_parts(make_set):
    dataset = joined(make_set(3, root="a"), make_set(2, root="b"))
    small = DataLoaderSettings(global_batch_size=5, max_patch_size=2, sampled_hw_p_list=[2])
    (batch,) = Loader(dataset, small).epoch(1)
    assert sorted(batch.indices) == [0, 1, 2, 3, 4]


def visits(dataset):
    """Which file of which part is visited how often in a pass."""
    return Counter(dataset.path(index) for index in dataset.indices)


def weighted(folders, weights, seed=0):
    dataset = ConcatDataset([OlmoEarthDataset(str(f), S2) for f in folders], weights=weights, seed=seed)
    dataset.prepare()
    return dataset


def test_a_weight_says_how_often_a_sample_is_visited(make_set):
    two, three = make_set(2, root="a"), make_set(3, root="b")
    found = visits(weighted([two, three], [2, 1]))
    assert [found[f"{two}/sample_{i}.h5"] for i in range(2)] == [2, 2]
    assert [found[f"{three}/sample_{i}.h5"] for i in range(3)] == [1, 1, 1]


def test_a_broken_weight_takes_some_samples_by_seed(make_set):
    folders = make_set(20, size=8, steps=1, root="a"), make_set(4, size=8, steps=1, root="b")
    datasets = [weighted(folders, [0.5, 1.25], seed) for seed in (1, 1, 2)]
    found = [visits(dataset) for dataset in datasets]
    assert found[0] == found[1] != found[2]
    assert len(datasets[0]) == 10 + 5
    assert max(found[0].values()) == 2
    assert datasets[0].identity == datasets[1].identity != datasets[2].identity


def test_places_follow_the_visits(make_set):
    dataset = weighted([make_set(3, root="a"), make_set(2, root="b")], [1, 2])
    there = [dataset.sample(int(i), Crop(1, 2, 1)).latlon.tolist() for i in dataset.indices]
    assert dataset.latlons.tolist() == there


@pytest.mark.parametrize("weights", [[1], [1, 0], [1, -1], [1, float("inf")]])
def test_weights_that_make_no_sense_are_refused(weights):
    with pytest.raises(ConfigError, match="expected 2 numbers above 0"):
        ConcatDataset([OlmoEarthDataset("/a", S2), OlmoEarthDataset("/b", S2)], weights=weights)


CONFIG = """
[dataset]
@datasets = "olmoearth.concat.v1"
training_modalities = ["sentinel2_l2a"]
[dataset.parts]
north = "{0}"
south = "{1}"
[dataset.weights]
south = {2}
"""


def test_a_config_names_the_parts(make_set):
    tree = Config().from_str(CONFIG.format(make_set(2, root="a"), make_set(3, root="b"), 2))
    dataset = registry.resolve(tree)["dataset"]
    dataset.prepare()
    assert (len(dataset), dataset.weights) == (2 + 6, (1.0, 2.0))


def test_config_check_finds_a_weight_of_no_part(tmp_path):
    text = '[config]\nextends = ["v1_2/nano.cfg"]\n' + CONFIG.format("a", "b", 2).replace("south = 2", "sout = 0")
    (tmp_path / "mine.cfg").write_text(text.replace("v1_2", str(Path("configs/v1_2").resolve())))
    found = CliRunner().invoke(app, ["check", str(tmp_path / "mine.cfg")])
    assert 'there is no part "sout"; known: north, south' in str(found.exception or found.output)
