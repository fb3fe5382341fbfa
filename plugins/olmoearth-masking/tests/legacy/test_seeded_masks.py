"""Equal seeds give the reference's masks: acceptance table 18a of the specification, and what follows from it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from olmoearth_masking.legacy import legacy_masking
from olmoearth_masking.legacy.factory import KEYS

from olmoearth_core.data.random import Draws
from olmoearth_core.data.tokens import MISSING
from olmoearth_core.lookup import modalities

NAMES = ["sentinel1", "worldcover", "landsat", "latlon"]
COVER = {"only_decode_modalities": ["worldcover"]}
NEEDED = {
    "random_fixed_modality": {"decoded_modalities": ["worldcover"], "randomize_missing_modalities": NAMES},
    "selectable_modality": {"decodable_modalities": NAMES[:2], "fully_mask_modalities": ["naip"], "max_to_mask": 2},
    "selectable_random_range_modality": {
        "decodable_modalities": NAMES[:2],
        "fully_mask_modalities": ["naip"],
        "max_to_mask": 2,
    },
}
RANDOM = "200220020022/002002200222 2020/0220 202002002200202000222220/203300003320203320223300 0/2"
RANGE = "202222022012/001202202222 1022/2210 202022022122222200222220/203300223322203320223300 2/1"
TABLE = [
    ("random", {}, RANDOM),
    ("space", {}, "000000222222/000222222000 0022/0220 000000000000222222222222/003300223322223322003300 2/0"),
    ("time", {}, "102102102102/120120120120 2002/2200 110022110022110022110022/113300113300113300113300 2/0"),
    ("random_range", {}, RANGE),
    (
        "random_with_decode",
        COVER,
        "121112212221/011011000011 2222/2222 212010212110102120101111/203311203320213311103311 0/0",
    ),
    (
        "random_time_with_decode",
        {**COVER, "random_ratio": 0},
        "121121121121/100100100100 2222/2222 102110102110102110102110/213310213310213310213310 0/0",
    ),
    (
        "modality_cross_random",
        {**COVER, "allow_encoding_decoding_same_bandset": True},
        "200220020022/002002200222 2121/1221 111102011201111101121211/203300003320203320223300 1/2",
    ),
    (
        "modality_cross_random",
        COVER,
        "100110010011/001001100111 2121/1221 111102011201111101121211/203310103320203320213310 1/2",
    ),
    (
        "modality_cross_space",
        COVER,
        "111111222222/000111111000 1122/1221 000000000000111111111111/013301123312123312013301 2/2",
    ),
]


def a_date_missing(batch):
    present = batch(NAMES, T=3)
    present["landsat"][1, :, :, 1] = False
    return present


def digits(codes):
    return "/".join("".join(map(str, sample.flatten().tolist())) for sample in codes)


@pytest.mark.parametrize(("key", "options", "expected"), TABLE)
def test_seed_zero_gives_the_masks_of_the_table(batch, drawn, key, options, expected):
    masks = drawn(key, a_date_missing(batch), **options)
    assert [digits(masks[name]) for name in NAMES] == expected.split()


@pytest.mark.parametrize("seed", range(5))
def test_modality_cross_time_is_modality_cross_space(batch, drawn, seed):
    once, other = (drawn(f"modality_cross_{k}", a_date_missing(batch), seed, **COVER) for k in ("time", "space"))
    assert all(torch.equal(once[name], other[name]) for name in NAMES)


def test_the_order_in_which_modalities_are_given_does_not_matter(batch, drawn):
    present = a_date_missing(batch)
    for key in KEYS:
        once = drawn(key, present, 3, **NEEDED.get(key, {}))
        other = drawn(key, dict(reversed(present.items())), 3, **NEEDED.get(key, {}))
        assert list(other) == list(reversed(once))
        assert all(torch.equal(once[name], other[name]) for name in NAMES)


def test_the_random_sources_are_arguments_and_move_on(batch):
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()
    sources = torch.Generator().manual_seed(0), np.random.RandomState(0)
    strategy, present = legacy_masking("modality_cross_random", **COVER), a_date_missing(batch)
    first, second = (strategy.mask_with(present, modalities(NAMES), *sources) for _ in range(2))
    assert not all(torch.equal(first[name], second[name]) for name in NAMES)
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)


def test_draws_of_the_first_sample_seed_a_batch_that_shares_draws(batch):
    present, specs, strategy = a_date_missing(batch), modalities(NAMES), legacy_masking("time")
    once, again, other = (strategy.mask(present, specs, Draws(keys)) for keys in ([1, 2], [1, 9], [2, 1]))
    assert all(torch.equal(once[name], again[name]) for name in NAMES)
    assert not all(torch.equal(once[name], other[name]) for name in NAMES)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), key=st.sampled_from([key for key in KEYS if key not in NEEDED]))
def test_missing_tokens_get_their_code_and_every_other_one_of_the_three(seed, key):
    sources = torch.Generator().manual_seed(seed), np.random.RandomState(seed)
    shapes = {"sentinel1": (2, 2, 2, 3, 1), "landsat": (2, 2, 2, 3, 2), "latlon": (2, 1)}
    present = {name: torch.rand(shape, generator=sources[0]) < 0.7 for name, shape in shapes.items()}
    masks = legacy_masking(key).mask_with(present, modalities(list(shapes)), *sources)
    for name, codes in masks.items():
        assert codes.dtype == torch.int8
        assert torch.equal(codes == MISSING, ~present[name])
        assert ((codes >= 0) & (codes <= MISSING)).all()
