"""Probes of a pretraining set: splits as the reference draws them, labels, and what the model is shown."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import fsspec
import numpy as np
import pytest
from olmoearth_benchmarks.pretrain_probe import pretrain_probe
from olmoearth_benchmarks.probe_targets.choice import at_random, by_place, some
from olmoearth_benchmarks.probe_targets.targets import TARGETS

from olmoearth_core import modalities
from olmoearth_core.convert.h5_writer import write_sample
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.evaluate.profile import REFERENCE
from olmoearth_core.interfaces.evaluation import ALL, Context

SPECS = modalities(["sentinel2_l2a", "sentinel1"])
MAPS = ("worldcover", "openstreetmap_raster", "srtm", "wri_canopy_height_map", "cdl", "worldcereal")
HERE = {"train": slice(None), "valid": slice(None), "test": slice(None)}


def maps(i, size):
    """Make maps in which the value of a pixel tells where it lies."""
    at = np.arange(size * size).reshape(size, size)
    burnt = np.zeros((size, size, 30), np.uint8)
    burnt[..., 5] = at % 2
    cereal = np.zeros((size, size, 8), np.float32)
    cereal[..., 0], cereal[..., 1] = 100 * (at % 3 == 0), 100 * (at % 3 == 1)
    layers = {
        "worldcover": np.where(at % 2, 20, 10)[..., None].astype(np.uint8), "openstreetmap_raster": burnt,
        "srtm": at[..., None].astype(np.int32), "wri_canopy_height_map": (at[..., None] % 50).astype(np.uint8),
        "cdl": (at[..., None] % 4).astype(np.uint8), "worldcereal": cereal,
    }  # fmt: skip
    return {name: layer[:, :, None] for name, layer in layers.items()}


def data_set(root, count=20, *, size=48, without=(), change=lambda i, arrays: None):
    names = sorted((*MAPS, "sentinel2_l2a"))
    folder = root / f"h5py_data_w_missing_timesteps_{size}_x_1" / "_".join(names) / str(count)
    folder.mkdir(parents=True)
    stamps = np.array([[1, month, 2020] for month in range(3)])
    for i in range(count):
        at = np.arange(size * size).reshape(size, size, 1, 1)
        arrays = {"sentinel2_l2a": np.broadcast_to(at, (size, size, 3, 12)).astype(np.uint16), **maps(i, size)}
        for name in without if i % 2 else ():
            del arrays[name]
        change(i, arrays)
        write_sample(folder / f"sample_{i}.h5", arrays, stamps, np.zeros(2), {"sentinel2_l2a": np.ones(3, bool)})
    rows = [[i, *(int(not (i % 2 and n in without)) for n in names)] for i in range(count)]
    text = "\n".join(",".join(map(str, row)) for row in rows)
    (folder / "sample_metadata.csv").write_text(f"sample_index,{','.join(names)}\n{text}\n")
    places = np.stack([np.arange(count) * 2.0 - 30, np.arange(count) * 9.7 - 170], axis=1)
    np.save(folder / "latlon_distribution.npy", places)
    return str(folder)


def opened(folder, profile="default", **options):
    sizes = {"train_samples": 8, "valid_samples": 4, "test_samples": 3}
    return pretrain_probe(h5py_dir=folder, **{**sizes, **options}).open(SPECS, context=Context(profile=profile))


def test_random_splits_are_those_of_the_reference():
    found = at_random(20, {"train": 5, "valid": 4, "test": 3}, 42)
    assert {name: rows.tolist() for name, rows in found.items()} == {
        "train": [0, 17, 15, 1, 8], "valid": [5, 11, 3, 18], "test": [16, 13, 2],
    }  # fmt: skip


def test_geographic_splits_are_those_of_the_reference():
    places = np.stack([np.arange(37) * 2.0 - 30, np.arange(37) * 9.7 - 170], axis=1)
    found = by_place(np.concatenate([places] * 4), {"train": 6, "valid": 5, "test": 4}, 42)
    assert {name: rows.tolist() for name, rows in found.items()} == {
        "train": [19, 119, 116, 135, 140, 82], "valid": [67, 30, 133, 96, 121], "test": [81, 55, 7, 18],
    }  # fmt: skip
    most = by_place(np.concatenate([places] * 4), dict.fromkeys(HERE, 500), 42)
    assert {name: len(rows) for name, rows in most.items()} == {"train": 116, "valid": 12, "test": 20}


def test_a_place_is_in_one_split_only():
    places = np.random.default_rng(0).uniform((-60, -180), (70, 180), (300, 2))
    cells = {name: {tuple(c) for c in np.floor(places[rows] / 5)} for name, rows in by_place(
        np.concatenate([places]), dict.fromkeys(HERE, 300), 1).items()}  # fmt: skip
    assert not cells["train"] & cells["valid"]
    assert not cells["test"] & (cells["train"] | cells["valid"])


def test_a_tile_of_trees_only_is_class_0_and_the_mistake_of_the_reference_can_be_repeated():
    """Checks 33: code 10 alone -> 0 (the reference: 10); 10 and 20 -> 0 and 1."""
    label, there = TARGETS["worldcover"].label, np.ones((2, 2), bool)
    trees = np.full((2, 2, 1), 10)
    assert label(trees, there, False).tolist() == [[0, 0], [0, 0]]
    assert label(trees, there, True).tolist() == [[10, 10], [10, 10]]
    mixed = np.array([[10, 20], [100, 7]])[..., None]
    assert label(mixed, there, False).tolist() == label(mixed, there, True).tolist() == [[0, 1], [10, -1]]


def test_labels_of_the_other_maps_follow_their_rules():
    there = np.ones((2, 2), bool)
    burnt = np.zeros((2, 2, 3))
    burnt[0, 0, 1] = burnt[0, 1, 0] = burnt[0, 1, 2] = 1
    assert TARGETS["openstreetmap"].label(burnt, there, False).tolist() == [[1, 0], [-1, -1]]
    crops = np.zeros((2, 2, 8))
    crops[0, 0, 0], crops[0, 1, 3], crops[1, 0, 0] = 100, 100, 40
    assert TARGETS["worldcereal"].label(crops, there, False).tolist() == [[1, 0], [1, -1]]
    codes = np.array([[0, 1], [254, 255]])[..., None]
    assert TARGETS["cdl"].label(codes, there, False).tolist() == [[-1, 1], [254, 255]]
    there[0, 0] = False
    assert np.isnan(TARGETS["srtm"].label(codes, there, False)).tolist() == [[True, False], [False, False]]


def test_inputs_and_labels_are_of_the_same_pixels_and_the_target_is_not_shown(tmp_path):
    found = opened(data_set(tmp_path), target="srtm")
    assert {name: len(part) for name, part in found.splits.items()} == {"train": 8, "valid": 4, "test": 3}
    assert found.statistics == {"sentinel2_l2a": SPECS[0].statistics}
    one = found.splits["train"][0]
    assert list(one.sample.arrays) == ["sentinel2_l2a"]
    assert one.sample.arrays["sentinel2_l2a"].shape == (32, 32, 12, 12)
    assert np.array_equal(one.label, one.sample.arrays["sentinel2_l2a"][:, :, 0, 0])
    corners = {int(one.label[0, 0]) for one in found.splits["train"]}
    assert len(corners) > 1, "all crops lie at the same place"


@pytest.mark.parametrize(
    ("target", "classes", "labels"),
    [
        ("worldcover", 11, {0, 1}), ("openstreetmap", 30, {-1, 5}), ("cdl", 256, {-1, 1, 2, 3}),
        ("worldcereal", 2, {-1, 0, 1}),
    ],
)  # fmt: skip
def test_every_class_map_can_be_a_target(tmp_path, target, classes, labels):
    found = opened(data_set(tmp_path), target=target)
    assert len(found.classes) == classes
    assert set(np.unique(found.splits["test"][0].label)) == labels


def test_only_samples_with_the_map_are_drawn(tmp_path):
    folder = data_set(tmp_path, without=("cdl",))
    parts = opened(folder, target="cdl", train_samples=4).splits
    drawn = [one.sample.index for part in parts.values() for one in part]
    assert set(drawn) == set(range(0, 20, 2))
    order = 2 * np.random.RandomState(42).permutation(10)
    assert drawn == order.tolist()


def test_a_missing_height_is_unknown(tmp_path):
    def damage(i, arrays):
        arrays["srtm"][:] = -99999

    found = opened(data_set(tmp_path, change=damage), target="srtm")
    assert np.isnan(found.splits["valid"][0].label).all()


def test_fewer_labels_are_a_share_of_the_training_samples():
    """Check 30: 0.1 of 6144 is 614, 0.01 of 8 is 1."""
    assert pretrain_probe(label_fraction=0.1).sizes["train"] == 614
    assert pretrain_probe(label_fraction=0.01, train_samples=8).sizes == {"train": 1, "valid": 3072, "test": 3072}


def test_diagnostics_take_samples_without_a_label(tmp_path):
    part = opened(data_set(tmp_path), target=None).splits[ALL]
    assert [int(one.label) for one in part] == [0] * 20
    assert np.array_equal(some(1000, 256, 42), np.random.RandomState(42).choice(1000, 256, replace=False))


def test_the_mistake_of_the_reference_is_repeated_under_its_profile(tmp_path):
    def plain(i, arrays):
        arrays["worldcover"][:] = 10

    folder = data_set(tmp_path, change=plain)
    assert opened(folder).splits["test"][0].label.max() == 0
    assert opened(folder, REFERENCE).splits["test"][0].label.min() == 10


def test_the_same_comes_from_memory_and_from_the_runs_data_set(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    folder = data_set(tmp_path, 6)
    files = fsspec.filesystem("memory")
    remote = "/probe" + folder[len(str(tmp_path)) :]
    for name in os.listdir(folder):
        files.pipe_file(f"{remote}/{name}", Path(folder, name).read_bytes())
    sizes = {"train_samples": 3, "valid_samples": 2, "test_samples": 1}
    here = opened(folder, **sizes).splits["train"]
    there = pretrain_probe(**sizes).open(SPECS, context=Context(SimpleNamespace(h5py_dir=f"memory://{remote}")))
    for a, b in zip(here, there.splits["train"], strict=True):
        assert np.array_equal(a.label, b.label)
        assert np.array_equal(a.sample.arrays["sentinel2_l2a"], b.sample.arrays["sentinel2_l2a"])


def test_what_is_wrong_is_said(tmp_path):
    with pytest.raises(ConfigError, match="target is"):
        pretrain_probe(target="worldpop")
    with pytest.raises(ConfigError, match="not a multiple"):
        pretrain_probe(patch_size=5)
    with pytest.raises(ConfigError, match="there is no data set"):
        pretrain_probe().open(SPECS, context=Context())
    folder = data_set(tmp_path)
    with pytest.raises(DataError, match="finds no samples for valid, test"):
        opened(folder, train_samples=20)
    with pytest.raises(DataError, match="none is left to look at"):
        opened(folder, target="srtm", input_modalities=["srtm"])
    for path in Path(folder).glob("*.h5"):
        path.write_bytes(b"no samples")
    with pytest.raises(DataError, match=r"sample_\d+\.h5"):
        opened(folder).splits["train"][0]
