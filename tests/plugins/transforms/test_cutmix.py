"""CutMix: whole patches, in all resolutions, values and presence together."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from olmoearth_core.data.random import Draws
from olmoearth_core.errors import ConfigError
from olmoearth_core.testing.samples import SAMPLES, draws
from olmoearth_core.testing.transforms import PATCH, PATCHES, pixels, specs
from olmoearth_plugins.transforms.cutmix import cutmix, rectangles

FACTORS = {"check_images": 1, "check_map": 1, "check_smooth": 1, "check_fine": 4}


def naive(given_, inside):
    """Copy patch by patch."""
    arrays = {n: a.clone() for n, a in given_.arrays.items()}
    presence = {n: p.clone() for n, p in given_.presence.items()}
    timestamps = given_.timestamps.clone()
    for row in range(SAMPLES):
        other = (row + SAMPLES // 2) % SAMPLES
        for name, factor in FACTORS.items():
            side = PATCH * factor
            for r in range(PATCHES):
                for c in range(PATCHES):
                    if inside[row, r, c]:
                        at = slice(r * side, (r + 1) * side), slice(c * side, (c + 1) * side)
                        arrays[name][row][at] = given_.arrays[name][other][at]
                        presence[name][row][at] = given_.presence[name][other][at]
        if inside[row].sum() * 2 >= PATCHES**2:
            timestamps[row] = given_.timestamps[other]
            for name in ("check_series", "check_facts"):
                arrays[name][row], presence[name][row] = given_.arrays[name][other], given_.presence[name][other]
    return replace(given_, arrays=arrays, presence=presence, timestamps=timestamps)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_it_is_what_copying_patch_by_patch_gives(seed):
    given_ = pixels(seed)
    expected = naive(given_, rectangles((PATCHES, PATCHES), draws(seed), 1.0))
    made = cutmix().apply(given_, specs(), draws(seed))
    for name in given_.arrays:
        assert torch.equal(made.arrays[name], expected.arrays[name]), name
        assert torch.equal(made.presence[name], expected.presence[name]), name
    assert torch.equal(made.timestamps, expected.timestamps)


def test_pieces_are_rectangles_inside_the_crop_of_all_sizes_and_places():
    inside = rectangles((6, 6), Draws(range(4000)), 1.0)
    rows, columns = inside.any(2), inside.any(1)
    assert torch.equal(inside, rows[:, :, None] & columns[:, None, :])
    lengths = rows.sum(1)
    assert torch.equal(lengths, columns.sum(1))
    assert set(lengths.tolist()) == set(range(7))
    gaps = (rows[:, 1:] & ~rows[:, :-1]).sum(1) + rows[:, 0]
    assert (gaps == (lengths > 0)).all()
    assert inside.float().mean((0,)).std() < 0.2
    assert inside.float().mean().item() == pytest.approx(0.5, abs=0.03)


def test_the_number_of_ranks_changes_nothing_while_each_has_an_even_batch():
    given_, draw = pixels(batch=8), draws(samples=8)
    whole = cutmix().apply(given_, specs(), draw)
    for rank in range(2):
        part = slice(rank, None, 2)
        mine = replace(
            given_,
            arrays={n: a[part] for n, a in given_.arrays.items()},
            presence={n: p[part] for n, p in given_.presence.items()},
            timestamps=given_.timestamps[part],
        )
        made = cutmix().apply(mine, specs(), draw.rows(part))
        assert all(torch.equal(made.arrays[n], whole.arrays[n][part]) for n in made.arrays)
        assert all(torch.equal(made.presence[n], whole.presence[n][part]) for n in made.arrays)


def test_an_alpha_of_zero_is_refused():
    with pytest.raises(ConfigError, match=r"olmoearth\.cutmix\.v1: alpha is 0"):
        cutmix(alpha=0)
