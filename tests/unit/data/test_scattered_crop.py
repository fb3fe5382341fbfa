"""A crop of scattered patches (acceptance check 36): the draws of the reference, finer modalities, gaps, workers."""

import json
from dataclasses import replace

import h5py
import numpy as np
import pytest
import torch

from olmoearth_core.config.load import load
from olmoearth_core.config.schema import DataLoaderSettings
from olmoearth_core.data.dataset import Crop, OlmoEarthDataset
from olmoearth_core.data.loader import Loader
from olmoearth_core.data.make import legacy_pick, legacy_scatter
from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.modality import BandSet, ModalitySpec

ROWS, COLUMNS = [11, 22, 10, 2, 16, 14, 29, 26], [28, 12, 15, 18, 17, 21, 23, 26]
FINE = ModalitySpec("fine_map", (BandSet(("x",), 4),), 16, multitemporal=False, size_factor=4, normalization="none")
COARSE = ModalitySpec("coarse_map", (BandSet(("x",), 16),), 16, multitemporal=False, normalization="none")
SMALL = DataLoaderSettings(
    global_batch_size=4, min_patch_size=1, max_patch_size=4, sampled_hw_p_list=[2, 3], token_budget=60, crop="scattered"
)


def opened(folder, modalities, **options):
    dataset = OlmoEarthDataset(str(folder), modalities, **options)
    dataset.prepare()
    return dataset


def scattered(rows, columns, **picks):
    chosen = {"rows": np.array(rows), "columns": np.array(columns)}
    return Crop(2, len(rows), 1, lambda purpose, n: picks.get(purpose, 0), lambda purpose, n, k: chosen[purpose])


def test_reference_draws_give_the_documented_patches(make_set):
    asked = []
    folder = make_set(size=128)
    state = np.random.RandomState(0)
    pick, scatter = legacy_pick(state), legacy_scatter(state)

    def recorded_pick(purpose, n):
        asked.append((purpose, pick(purpose, n)))
        return asked[-1][1]

    def recorded_scatter(purpose, n, k):
        found = scatter(purpose, n, k)
        asked.append((purpose, found.tolist()))
        return found

    sample = opened(folder, ["sentinel2_l2a"], normalize=False).sample(
        0, Crop(4, 8, 5, recorded_pick, recorded_scatter)
    )
    assert asked == [("start", 4), ("rows", ROWS), ("columns", COLUMNS)]
    rows, columns = (np.array([p * 4 + i for p in patches for i in range(4)]) for patches in (ROWS, COLUMNS))
    with h5py.File(folder / "sample_0.h5") as file:
        stored = file["sentinel2_l2a"][...]
    np.testing.assert_array_equal(sample.arrays["sentinel2_l2a"], stored[rows][:, columns][:, :, 4:9])


def test_finer_pixels_stay_on_the_coarse_ones_that_they_cover(make_one):
    number = np.arange(64, dtype=np.float32).reshape(8, 8, 1, 1)
    folder = make_one({"coarse_map": number, "fine_map": number.repeat(4, 0).repeat(4, 1)}, None, steps=1)
    sample = opened(folder, [COARSE, FINE], normalize=False).sample(0, scattered([3, 0], [1, 2]))
    coarse, fine = sample.arrays["coarse_map"], sample.arrays["fine_map"]
    assert (coarse.shape, fine.shape) == ((4, 4, 1, 1), (16, 16, 1, 1))
    np.testing.assert_array_equal(fine, coarse.repeat(4, 0).repeat(4, 1))
    assert coarse[:, 0, 0, 0].tolist() == [50, 58, 2, 10]
    assert coarse[0, :, 0, 0].tolist() == [50, 51, 52, 53]


def test_gaps_come_along_and_absent_steps_stay_absent(make_one):
    stored = np.ones((8, 8, 2, 2), np.float32)
    stored[6, 2] = -99999
    folder = make_one({"sentinel1": stored}, {"sentinel1": [True, False, True]}, steps=3)
    crop = replace(scattered([3, 0], [1, 2]), steps=3)
    sample = opened(folder, ["sentinel1"]).sample(0, crop)
    there = np.broadcast_to(sample.presence["sentinel1"], (4, 4, 3, 2))
    assert not there[:, :, 1].any()
    assert np.argwhere(~there[:, :, 0, 0]).tolist() == [[0, 0]]
    assert not sample.arrays["sentinel1"][~there].any()


@pytest.fixture
def folder(make_set):
    return make_set(8, modalities=["sentinel2_l2a", "worldcover"], size=16, steps=3)


def batches(folder, settings=SMALL, **options):
    loaded = Loader(OlmoEarthDataset(str(folder), ["sentinel2_l2a", "worldcover"]), settings, **options)
    made = list(loaded.epoch(1))
    loaded.close()
    return [batch.views[0].arrays["sentinel2_l2a"] for batch in made]


def test_ranks_and_workers_change_nothing(folder):
    whole = batches(folder)
    workers = batches(folder, replace(SMALL, num_workers=1))
    ranks = [batches(folder, rank=r, world_size=2) for r in range(2)]
    for number, batch in enumerate(whole):
        assert torch.equal(batch, workers[number])
        assert torch.equal(batch[0::2], ranks[0][number])
        assert torch.equal(batch[1::2], ranks[1][number])


def test_scattered_patches_are_others_than_neighbours(folder):
    contiguous = batches(folder, replace(SMALL, crop="contiguous"))
    assert [a.shape for a in contiguous] == [a.shape for a in batches(folder)]
    assert any(not torch.equal(a, b) for a, b in zip(contiguous, batches(folder), strict=True))


def test_reference_draws_scatter_too(folder):
    legacy = replace(SMALL, draws="reference", max_patch_size=2)
    assert all(torch.equal(a, b) for a, b in zip(batches(folder, legacy), batches(folder, legacy), strict=True))


def test_without_a_budget_there_is_nothing_to_scatter(tmp_path):
    file = tmp_path / "loader.cfg"
    file.write_text("[data_loader]\n" + f"crop = {json.dumps('scattered')}\ntoken_budget = null\n")
    with pytest.raises(ConfigError, match="scattered patches need a token_budget"):
        load([str(file)], [], partial=True)
