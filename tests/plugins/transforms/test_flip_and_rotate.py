"""Flip and rotate: the table of the specification, the group, alignment of resolutions, the reference's choice."""

import random
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from olmoearth_core.data.random import Draws
from olmoearth_core.errors import DataError
from olmoearth_core.testing.samples import SAMPLES, draws
from olmoearth_core.testing.transforms import pixels, specs
from olmoearth_plugins.transforms.dihedral import ELEMENTS, NAMES, turned
from olmoearth_plugins.transforms.flip_and_rotate import flip_and_rotate, legacy_choice

TABLE = {
    "none": [1, 2, 3, 4], "rotate_90": [2, 4, 1, 3], "rotate_180": [4, 3, 2, 1], "rotate_270": [3, 1, 4, 2],
    "hflip": [2, 1, 4, 3], "vflip": [3, 4, 1, 2], "hflip_rotate_90": [4, 2, 3, 1], "vflip_rotate_90": [1, 3, 2, 4],
}  # fmt: skip
# What the reference makes of [[1, 2], [3, 4]] after random.seed(0), random.seed(1), ...
REFERENCE = [
    [4, 2, 3, 1], [4, 3, 2, 1], [1, 2, 3, 4], [3, 1, 4, 2], [3, 1, 4, 2], [2, 1, 4, 3], [2, 4, 1, 3], [3, 4, 1, 2],
    [3, 1, 4, 2], [1, 3, 2, 4], [1, 2, 3, 4], [1, 3, 2, 4],
]  # fmt: skip
SMALL = torch.tensor([[1, 2], [3, 4]]).view(1, 2, 2, 1, 1)
MAP = torch.arange(36.0).view(1, 6, 6, 1, 1).repeat(len(NAMES), 1, 1, 2, 3)


def element(name, batch=1):
    return torch.full((batch,), NAMES.index(name))


@pytest.mark.parametrize(("name", "result"), TABLE.items())
def test_the_eight_elements_do_what_the_table_says(name, result):
    assert turned(SMALL, element(name)).flatten().tolist() == result
    assert list(TABLE) == list(NAMES)


@pytest.mark.parametrize("seed", range(len(REFERENCE)))
def test_the_legacy_choice_is_that_of_the_reference(seed):
    chosen = torch.tensor([legacy_choice(random.Random(seed))])
    assert turned(SMALL, chosen).flatten().tolist() == REFERENCE[seed]
    assert NAMES[int(chosen)] == random.Random(seed).choice(list(TABLE))


def test_each_sample_is_turned_its_own_way():
    whole = turned(MAP, torch.arange(len(NAMES)))
    for row, (name, turn) in enumerate(ELEMENTS.items()):
        assert torch.equal(whole[row, :, :, 1, 2], turn(MAP[row, :, :, 1, 2])), name


@given(first=st.sampled_from(NAMES), second=st.sampled_from(NAMES))
def test_two_turns_are_one_turn(first, second):
    both = turned(turned(MAP[:1], element(first)), element(second))
    assert sum(torch.equal(both, turned(MAP[:1], element(name))) for name in NAMES) == 1


@given(name=st.sampled_from(NAMES))
def test_every_turn_can_be_undone(name):
    there = turned(MAP[:1], element(name))
    assert sum(torch.equal(turned(there, element(back)), MAP[:1]) for back in NAMES) == 1


@pytest.mark.parametrize("seed", range(6))
def test_finer_pixels_stay_on_the_coarse_ones_that_they_cover(seed):
    given_ = pixels()
    number = torch.arange(36.0).view(1, 6, 6, 1, 1)
    fine = number.repeat_interleave(4, 1).repeat_interleave(4, 2)
    arrays = dict(given_.arrays)
    arrays["check_map"] = number.expand(arrays["check_map"].shape)
    arrays["check_fine"] = fine.expand(arrays["check_fine"].shape)
    made = flip_and_rotate().apply(replace(given_, arrays=arrays), specs(), draws(seed)).arrays
    coarse = made["check_map"].repeat_interleave(4, 1).repeat_interleave(4, 2)
    assert torch.equal(made["check_fine"], coarse.expand_as(made["check_fine"]))


def test_presence_turns_with_its_values_and_the_rest_stays():
    given_ = pixels()
    number = {name: torch.where(p, torch.rand(p.shape) + 1, 0) for name, p in given_.presence.items()}
    made = flip_and_rotate().apply(replace(given_, arrays=number), specs(), draws())
    assert all(torch.equal(made.arrays[name] != 0, made.presence[name]) for name in made.arrays)
    assert any(not torch.equal(made.presence[name], given_.presence[name]) for name in made.presence)
    for name in ("check_series", "check_facts"):
        assert made.arrays[name] is number[name]
    assert made.timestamps is given_.timestamps


def test_uniform_presence_stays_small():
    made = flip_and_rotate().apply(pixels(), specs(), draws())
    assert made.presence["check_smooth"].untyped_storage().nbytes() == SAMPLES * 5


def test_a_sample_alone_is_turned_as_in_a_batch():
    whole = flip_and_rotate().apply(pixels(), specs(), draws())
    given_ = pixels()
    alone = replace(
        given_,
        arrays={n: a[2:3] for n, a in given_.arrays.items()},
        presence={n: p[2:3] for n, p in given_.presence.items()},
        timestamps=given_.timestamps[2:3],
    )
    made = flip_and_rotate().apply(alone, specs(), draws().rows(slice(2, 3)))
    assert all(torch.equal(made.arrays[n][0], whole.arrays[n][2]) for n in made.arrays)


def test_all_ways_are_equally_likely():
    element_B = (Draws(range(8000))("element", 1)[:, 0] * len(NAMES)).long()
    assert all(abs(int(count) - 1000) < 150 for count in element_B.bincount(minlength=8))


def test_legacy_turns_all_samples_of_a_batch_alike():
    given_ = pixels()
    same = {n: a[:1].expand(a.shape).contiguous() for n, a in given_.arrays.items()}
    for seed in range(4):
        made = flip_and_rotate(legacy=True).apply(replace(given_, arrays=same), specs(), draws(seed))
        assert all(torch.equal(a, a[:1].expand(a.shape)) for a in made.arrays.values())


def test_what_is_not_square_is_refused():
    given_ = pixels()
    arrays = {**given_.arrays, "check_map": given_.arrays["check_map"][:, :4]}
    with pytest.raises(DataError, match="check_map has 4 x 6 pixels; only squares can be turned"):
        flip_and_rotate().apply(replace(given_, arrays=arrays), specs(), draws())
