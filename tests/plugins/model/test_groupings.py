"""Groups of the space-time transformers, compared with their definition place by place."""

import numpy as np
import pytest
import torch

from olmoearth_core import modalities
from olmoearth_core.data.tokens import Tokenization, TokenLayout
from olmoearth_plugins.blocks.drop_path import DropPath
from olmoearth_plugins.blocks.groupings import images, windows
from olmoearth_plugins.blocks.packing import Packing
from olmoearth_plugins.blocks.regroup import Apart

KINDS = modalities(["sentinel2_l2a", "latlon", "worldcover", "era5_10"])
LAYOUT = TokenLayout.of(KINDS, Tokenization(), rows=3, columns=5, steps=2)


def described():
    """(modality, row, column, step, band group) of each place; row and column None without a place."""
    for segment in LAYOUT.segments:
        for row, column, step, band in np.ndindex(segment.grid):
            placed = segment.kind in ("space", "space_time")
            yield segment.modality, row if placed else None, column if placed else None, step, band


def together(grouping):
    """Pairs of places that are in one group."""
    group, slot, everywhere = grouping.table
    assert len({(g, s, e) for g, s, e in grouping.table.T.tolist()}) == LAYOUT.length
    assert group.max() < grouping.groups
    assert slot.max() < grouping.slots
    return (group[:, None] == group) | (everywhere[:, None] | everywhere).astype(bool)


def expected(same):
    places = list(described())
    return np.array([[same(a, b) for b in places] for a in places])


def test_images_are_the_patches_of_one_modality_date_and_band_group():
    def same(a, b):
        return (a[0], a[3], a[4]) == (b[0], b[3], b[4])

    assert (together(images(LAYOUT)) == expected(same)).all()
    assert images(LAYOUT).everywhere == ()


@pytest.mark.parametrize(("size", "shift"), [(1, 0), (2, 0), (2, 1), (3, 1), (4, 2), (9, 4), (40, 20)])
def test_windows_are_squares_of_patches_and_what_has_no_place_is_in_all(size, shift):
    def same(a, b):
        if a[1] is None or b[1] is None:
            return True
        return all((x + shift) // size == (y + shift) // size for x, y in zip(a[1:3], b[1:3], strict=True))

    found = windows(LAYOUT, size, shift)
    assert (together(found) == expected(same)).all()
    assert found.everywhere in ((), ("latlon", "era5_10"))
    assert (found.groups == 1) == (found.everywhere == ())


def packing(seed=0, samples=3):
    generator = torch.Generator().manual_seed(seed)
    rows = {
        s.modality: torch.where(torch.rand(samples * s.length, generator=generator) < 0.6)[0] for s in LAYOUT.segments
    }
    lengths = torch.stack([torch.bincount(rows[s.modality] // s.length, minlength=samples) for s in LAYOUT.segments])
    return Packing(LAYOUT, rows, tuple(lengths.sum(0).tolist()))


@pytest.mark.parametrize("grouping", [images(LAYOUT), windows(LAYOUT, 1, 0), windows(LAYOUT, 2, 1)])
def test_what_enters_comes_back(grouping):
    at = packing()
    arranged, x_MD = Apart(at, grouping), torch.randn(at.total, 4)
    torch.testing.assert_close(arranged.leave(arranged.enter(x_MD)), x_MD)
    rows, x_ED = arranged.rows, arranged.enter(x_MD)
    assert rows.total == len(x_ED)
    assert torch.equal(rows.unpad(rows.pad(x_ED)), x_ED)
    assert rows.key_mask.shape == (3 * grouping.groups, 1, 1, grouping.slots)
    assert torch.equal(rows.count, torch.bincount(rows.sample, minlength=3 * grouping.groups))


def test_no_group_holds_tokens_of_two_samples():
    at = packing()
    for grouping in (images(LAYOUT), windows(LAYOUT, 2, 1)):
        arranged = Apart(at, grouping)
        sample_E = arranged.enter(at.sample)
        assert torch.equal(arranged.rows.sample // grouping.groups, sample_E)


def test_the_first_row_of_a_group_is_the_one_in_its_lowest_slot():
    rows = Apart(packing(), images(LAYOUT)).rows
    x_M = torch.arange(rows.total)
    slots = rows._into % rows.longest
    for group, found in enumerate(rows.first(x_M).tolist()):
        own = x_M[rows.sample == group]
        assert not len(own) or found == own[slots[own].argmin()]


def test_drop_path_draws_once_per_group():
    torch.manual_seed(0)
    rows = Apart(packing(), images(LAYOUT)).rows
    drawn = DropPath(0.5).train()(torch.zeros(rows.total, 1), torch.ones(rows.total, 1), rows)[:, 0]
    assert set(drawn.tolist()) == {0.0, 2.0}
    assert all(len(set(drawn[rows.sample == group].tolist())) <= 1 for group in range(len(rows.count)))


def test_a_full_batch_needs_no_mask():
    everything = {s.modality: torch.arange(2 * s.length) for s in LAYOUT.segments if s.modality == "sentinel2_l2a"}
    layout = TokenLayout(LAYOUT.segments[:1])
    at = Packing(layout, everything, (layout.length,) * 2)
    for grouping in (images(layout), windows(layout, 1, 0)):
        rows = Apart(at, grouping).rows
        assert rows.even
        assert rows.key_mask is None
        assert torch.equal(rows.unpad(rows.pad(at.index)), at.index)
