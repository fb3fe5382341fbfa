"""Large areas are embedded in windows: every patch once, in its place, and small areas as if there were none."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from olmoearth_core import Batch, embed, modalities
from olmoearth_core.errors import DataError
from olmoearth_core.models.windows import parts, windows


@pytest.fixture
def area():
    """Return one sample of 20 x 28 pixels, that is 5 x 7 patches of 4, with a map and a gap."""
    rng = torch.Generator().manual_seed(0)
    optical = torch.rand(1, 20, 28, 2, 12, generator=rng) * 3000 + 200
    optical[:, :8, :12] = torch.nan
    land = torch.full((1, 20, 28, 1, 1), 40.0)
    dates = torch.tensor([[[5, 2, 2021], [20, 5, 2021]]])
    return Batch({"sentinel2_l2a": optical, "worldcover": land}, {}, dates)


def piece(batch, rows, columns):
    return replace(batch, arrays={name: a[:, rows, columns] for name, a in batch.arrays.items()})


@given(length=st.integers(1, 200), most=st.integers(1, 50))
def test_parts_cover_a_length_once_and_are_nearly_equal(length, most):
    cuts = list(parts(length, most))
    assert [i for cut in cuts for i in range(cut.start, cut.stop)] == list(range(length))
    sizes = [cut.stop - cut.start for cut in cuts]
    assert max(sizes) <= most
    assert max(sizes) - min(sizes) <= 1
    assert len(cuts) == -(-length // most)


def test_windows_cover_every_patch_exactly_once(area):
    hits = torch.zeros(5, 7)
    for rows, columns in windows(area, modalities(["sentinel2_l2a", "worldcover"]), 4, 13):
        hits[rows, columns] += 1
        assert max(rows.stop - rows.start, columns.stop - columns.start) <= 3
    assert torch.equal(hits, torch.ones(5, 7))


def test_each_patch_of_the_grid_is_that_of_its_own_window(small, area):
    grid = embed(small, area, spatial=True, window=16)
    assert grid.shape == (1, 5, 7, 16)
    edges = {"rows": [(0, 2), (2, 5)], "columns": [(0, 3), (3, 7)]}
    for top, bottom in edges["rows"]:
        for left, right in edges["columns"]:
            own = piece(area, slice(4 * top, 4 * bottom), slice(4 * left, 4 * right))
            alone = embed(small, own, spatial=True, window=None)
            assert torch.equal(grid[:, top:bottom, left:right], alone)
    assert not torch.allclose(grid, embed(small, area, spatial=True, window=None), atol=1e-4)


def test_an_area_that_fits_into_a_window_is_unchanged(small, area):
    for how in ({}, {"spatial": True}, {"pooling": "max"}):
        assert torch.equal(embed(small, area, window=28, **how), embed(small, area, window=None, **how))
        assert torch.equal(embed(small, area, **how), embed(small, area, window=None, **how))


def test_the_pooled_vector_is_that_of_all_visible_tokens_of_all_windows(small, area):
    from olmoearth_core.features.pooling import pool_all
    from olmoearth_core.models.prepare import prepare

    total, count, largest = torch.zeros(16), 0, []
    for rows, columns in windows(area, modalities(["sentinel2_l2a", "worldcover"]), 4, 16):
        own = piece(area, *(slice(4 * s.start, 4 * s.stop) for s in (rows, columns)))
        with torch.no_grad():
            tokens = small.encoder(prepare(own, small.card, patch_size=4, normalize=True), patch_size=4)
        number = sum(int((mask == 0).sum()) for mask in tokens.masks.values())
        total, count = total + pool_all(tokens)[0] * number, count + number
        largest.append(embed(small, own, pooling="max")[0])
    assert torch.allclose(embed(small, area, window=16)[0], total / count, atol=1e-5)
    assert torch.equal(embed(small, area, window=16, pooling="max")[0], torch.stack(largest).amax(0))


def test_windows_without_anything_do_not_count(small, area):
    optical = torch.full_like(area.arrays["sentinel2_l2a"], torch.nan)
    optical[:, 8:, :12] = area.arrays["sentinel2_l2a"][:, 8:, 12:24]
    lonely = replace(area, arrays={"sentinel2_l2a": optical})
    for pooling in ("mean", "max"):
        alone = embed(small, piece(lonely, slice(8, 20), slice(0, 12)), pooling=pooling, window=None)
        assert torch.allclose(embed(small, lonely, pooling=pooling, window=16), alone, atol=1e-6)


def test_masks_are_cut_along_at_either_resolution(small, area):
    pixels = torch.zeros(1, 20, 28, 2, 3, dtype=torch.int8)
    pixels[:, 8:, 12:] = 1
    found = [
        embed(small, replace(area, masks={"sentinel2_l2a": m}), spatial=True, window=8)
        for m in (pixels, pixels[:, ::4, ::4])
    ]
    assert torch.equal(*found)
    assert not torch.allclose(found[0], embed(small, area, spatial=True, window=8), atol=1e-5)
    with pytest.raises(DataError, match="expected 20 x 28 pixels or 5 x 7 patches"):
        embed(small, replace(area, masks={"sentinel2_l2a": pixels[:, :6]}), window=8)


def test_a_component_that_pools_is_joined_like_the_mean(small, area):
    from olmoearth_plugins.poolings.mean import mean

    assert torch.allclose(embed(small, area, pooling=mean(), window=16), embed(small, area, window=16), atol=1e-5)
    grid = embed(small, area, pooling=mean(scope="grid"), window=16)
    assert torch.allclose(grid, embed(small, area, spatial=True, window=16), atol=1e-5)


@pytest.mark.parametrize("window", [3, 0, -4, 16.0, True, "16"])
def test_a_window_must_hold_a_patch(small, area, window):
    with pytest.raises(DataError, match=r"window: found .* expected None or a whole number of pixels of at least 4"):
        embed(small, area, window=window)


def test_sizes_that_patches_do_not_divide_are_told_of_the_whole(small, area):
    with pytest.raises(DataError, match="20 x 27 pixels cannot be cut into patches of 4"):
        embed(small, piece(area, slice(None), slice(0, 27)), window=8)
