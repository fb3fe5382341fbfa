"""Acceptance check 25 of the data chapter, and the table of 17: which crops are drawn."""

import logging
from itertools import islice

import pytest

from olmoearth_core import lookup
from olmoearth_core.config.schema import DataLoaderSettings
from olmoearth_core.data.sampler import Shapes, reference_shapes
from olmoearth_core.data.tokens import Tokenization
from olmoearth_core.errors import ConfigError

OFFICIAL = [
    "sentinel2_l2a", "sentinel1", "landsat", "worldcover", "srtm", "openstreetmap_raster",
    "wri_canopy_height_map", "cdl", "worldcereal",
]  # fmt: skip


def shapes(tile: int = 128, modalities=("sentinel2_l2a",), **settings) -> Shapes:
    return Shapes(lookup.modalities(modalities), Tokenization(), DataLoaderSettings(**settings), tile=tile, longest=12)


def test_the_reference_draws_the_documented_shapes():
    drawn = list(islice(reference_shapes(range(1, 9), range(1, 13), seed=3622 + 1), 8))
    assert drawn == [(7, 1), (5, 9), (5, 6), (2, 8), (5, 10), (2, 8), (1, 11), (6, 1)]


def test_the_reference_draws_no_more_patches_than_256_pixels_hold():
    drawn = list(islice(reference_shapes(range(20, 61), range(1, 13), seed=0), 400))
    assert all(side <= 256 // size for size, side in drawn)
    assert {(size, 256 // size) for size, _ in drawn if size > 21} & set(drawn)


def test_reference_draws_follow_batches_and_go_on_after_a_resume():
    drawn = [shapes(draws="reference").reference(1, batch, rank=0) for batch in range(3)]
    assert [(s.patch_size, s.patches) for s in drawn] == [(7, 1), (5, 9), (5, 6)]


def test_reference_workers_have_generators_of_their_own():
    of_two = shapes(draws="reference", num_workers=2)
    assert of_two.reference(1, 2, rank=0) == shapes(draws="reference").reference(1, 1, rank=0)
    assert of_two.reference(1, 1, rank=0) == shapes(draws="reference", seed=3623).reference(1, 0, rank=0)


def test_a_crop_never_exceeds_the_tile():
    drawn = [shapes(tile=32, token_budget=100_000).of(1, batch) for batch in range(200)]
    assert max(s.patch_size * s.patches for s in drawn) <= 32
    assert {s.patch_size for s in drawn} == set(range(1, 9))


def test_shapes_depend_on_seed_epoch_and_batch_only():
    assert shapes().of(2, 7) == shapes(num_workers=4).of(2, 7)
    assert len({(shapes().of(e, b)) for e in (1, 2) for b in range(20)}) > 10


def test_sides_without_a_single_step_are_not_drawn(caplog):
    with caplog.at_level(logging.WARNING):
        drawn = {shapes(token_budget=80, sampled_hw_p_list=[4, 6]).of(1, b).patches for b in range(20)}
    assert drawn == {4}
    assert "holds no time step of [6] patches per side" in caplog.text


def test_a_budget_too_small_for_any_crop_says_which_would_do():
    with pytest.raises(ConfigError, match=r"one time step of 4 patches per side takes 48 tokens.*up to 3 patches"):
        shapes(token_budget=40, sampled_hw_p_list=[4, 6])


def test_patches_that_do_not_fit_the_tile_say_how_many_would():
    with pytest.raises(ConfigError, match="at most 4 patches of 8 pixels fit"):
        shapes(tile=32, min_patch_size=8, sampled_hw_p_list=[6])


def test_without_a_budget_whole_samples_are_cut_into_patches_that_divide_them():
    drawn = {shapes(tile=64, token_budget=None).of(1, batch) for batch in range(50)}
    assert {(s.patch_size, s.patches, s.steps) for s in drawn} == {(n, None, 12) for n in (1, 2, 4, 8)}


@pytest.mark.parametrize(
    ("counted", "expected"),
    [
        ("declared", [12, 12, 12, 12, 12, 9, 6, 4, 3, 2, 2, 1]),
        ("model", [12, 12, 12, 12, 12, 12, 12, 9, 7, 5, 4, 3]),
    ],
)
def test_the_official_budget_counts_declared_band_sets_or_those_of_the_model(counted, expected):
    specs = lookup.modalities(OFFICIAL)
    single = Tokenization({s.name: [list(s.band_order)] for s in specs if s.name in ("sentinel2_l2a", "landsat")})
    drawn = {}
    for side in range(1, 13):
        settings = DataLoaderSettings(sampled_hw_p_list=[side], budget_band_sets=counted)
        drawn[side] = Shapes(specs, single, settings, tile=128, longest=12).of(1, 0).steps
    assert list(drawn.values()) == expected


def test_patch_sizes_in_the_wrong_order_are_refused():
    with pytest.raises(ConfigError, match="expected 1 <= min_patch_size <= max_patch_size"):
        shapes(min_patch_size=5, max_patch_size=4)
