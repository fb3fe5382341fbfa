"""What holds for every strategy, whatever it hides. New strategies go into the list."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from olmoearth_core.data.random import Draws
from olmoearth_core.data.tokens import DECODE, ENCODE, MISSING, TARGET_ONLY
from olmoearth_core.kinds import registry

HALVES = {"encode_ratio": 0.5, "decode_ratio": 0.5}
UNEVEN = {"encode_ratio": 0.3, "decode_ratio": 0.6}
SETTINGS = {
    "random": UNEVEN, "space": UNEVEN, "time": UNEVEN, "space_time": UNEVEN, "random_space": UNEVEN,
    "random_increasing": {"steps": 7}, "random_range": {},
    "random_fixed_modality": {"decoded_modalities": ["cover"]},
    "selectable_modality": {
        "decodable_modalities": ["cover"], "fully_mask_modalities": ["thermal"], "max_to_mask": 2,
    },
    "selectable_random_range_modality": {
        "decodable_modalities": ["cover"], "fully_mask_modalities": ["thermal"], "max_to_mask": 2,
    },
    "modality_cross_random": {"only_decode_modalities": ["cover"]},
    "modality_cross_space": {"only_decode_modalities": ["cover"]},
    "modality_cross_time": {"only_decode_modalities": ["cover"]},
    "modality_cross_space_time": {"only_decode_modalities": ["cover"], "allow_encoding_decoding_same_bandset": True},
    "random_with_decode": {"only_decode_modalities": ["cover"]},
    "random_time_with_decode": {"only_decode_modalities": ["cover"]},
}  # fmt: skip
WITHHOLDING = {"thermal"}
GOLDEN = Path(__file__).parents[3] / "tests" / "golden"
OWN_GOLDEN = (
    "masking.random.v1", "masking.space.v1", "masking.time.v1", "masking.space_time.v1", "masking.random_space.v1",
    "masking.random_increasing.v1", "masking.random_range.v1",
)  # fmt: skip
every = pytest.mark.parametrize("key", list(SETTINGS))


def strategy(key):
    return getattr(registry, "maskings").get(f"masking.{key}.v1")(**SETTINGS[key])  # noqa: B009


def test_all_sixteen_keys_of_the_reference_are_there():
    assert len(SETTINGS) == 16
    assert {f"masking.{key}.v1" for key in SETTINGS} <= set(getattr(registry, "maskings").components())  # noqa: B009


@every
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), share=st.floats(0.1, 1), side=st.integers(1, 3), steps=st.integers(1, 5))
def test_missing_is_never_encoded_or_decoded_and_the_mask_is_a_function_of_its_draws(
    scene_of, key, seed, share, side, steps
):
    scene, present = scene_of, scene_of.gaps(seed, 3, side, steps, share)
    draws = Draws(range(seed, seed + 3), step=3)
    masks = strategy(key).mask(present, scene.specs, draws)
    again = strategy(key).mask(present, scene.specs, draws)
    for name, mask in masks.items():
        assert torch.equal(mask, again[name])
        assert ((mask[~present[name]]) == MISSING).all()
        codes = set(mask[present[name]].tolist())
        assert codes <= {ENCODE, TARGET_ONLY, DECODE} | ({MISSING} if name in WITHHOLDING else set())


@every
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_the_order_of_modalities_and_batch_mates_change_nothing(scene_of, key, seed):
    scene, present = scene_of, scene_of.gaps(seed, 4)
    masks = strategy(key).mask(present, scene.specs, Draws(range(seed, seed + 4), step=2))
    turned = tuple(reversed(scene.specs))
    other = strategy(key).mask({s.name: present[s.name] for s in turned}, turned, Draws(range(seed, seed + 4), step=2))
    alone = strategy(key).mask({n: p[2:3] for n, p in present.items()}, scene.specs, Draws([seed + 2], step=2))
    for name, mask in masks.items():
        assert torch.equal(mask, other[name]), name
        assert torch.equal(mask[2:3], alone[name]), name


@pytest.mark.parametrize("key", ["random", "space", "time"])
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), share=st.floats(0.3, 1), side=st.integers(1, 4), steps=st.integers(1, 6))
def test_ratios_are_met_within_one_unit_of_what_is_there(scene_of, key, seed, share, side, steps):
    scene, present = scene_of, scene_of.gaps(seed, 3, side, steps, share)
    masks = strategy(key).mask(present, scene.specs, Draws(range(3)))
    units = {"random": tokens, "space": patches, "time": dates}[key]
    for total, shown, hidden in units(scene, present, masks):
        assert abs(shown - 0.3 * total) <= 1
        assert abs(hidden - 0.6 * total) <= 1


def tokens(scene, present, masks):
    """One unit per token; yields (there, encoded, decoded) per sample and modality."""
    for name in scene.names:
        for sample in range(3):
            mask = masks[name][sample]
            yield int(present[name][sample].sum()), int((mask == ENCODE).sum()), int((mask == DECODE).sum())


def patches(scene, present, masks):
    """One unit per place at which a sample has any spatial modality."""
    spatial = [s.name for s in scene.specs if s.spatial]
    for sample in range(3):
        there, shown, hidden = (
            sum(
                any(bool(tables[name][sample, row, column].any()) for name in spatial)
                for row in range(present["cover"].shape[1])
                for column in range(present["cover"].shape[2])
            )
            for tables in (present, *({n: m == code for n, m in masks.items()} for code in (ENCODE, DECODE)))
        )
        yield there, shown, hidden


def dates(scene, present, masks):
    """One unit per date at which a sample has any modality with dates, where there are three."""
    moving = [s.name for s in scene.specs if s.multitemporal]
    for sample in range(3):
        there, shown, hidden = (
            sum(
                any(bool(tables[name][sample].movedim(-2, 0)[date].any()) for name in moving)
                for date in range(present["weather"].shape[1])
            )
            for tables in (present, *({n: m == code for n, m in masks.items()} for code in (ENCODE, DECODE)))
        )
        if there >= 3:
            yield there, shown, hidden


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), share=st.floats(0.2, 1))
def test_drawing_one_token_after_the_other_in_a_loop_agrees(scene_of, seed, share):
    scene, present = scene_of, scene_of.gaps(seed, 2, share=share)
    masks = strategy("random").mask(present, scene.specs, Draws([seed, seed + 1]))
    for row, key in enumerate((seed, seed + 1)):
        for spec in scene.specs[:-1]:
            there = present[spec.name][row].flatten().tolist()
            lots = Draws([key])(f"tokens/{spec.name}", len(there))[0].tolist()
            order = sorted((i for i, t in enumerate(there) if t), key=lots.__getitem__)
            shown, hidden = int(len(order) * 0.3 + 1e-6), int(len(order) * 0.6 + 1e-6)
            expected = [TARGET_ONLY if t else MISSING for t in there]
            for place, i in enumerate(order):
                expected[i] = ENCODE if place < shown else DECODE if place < shown + hidden else TARGET_ONLY
            assert masks[spec.name][row].flatten().tolist() == expected


@every
def test_masks_are_drawn_on_any_device_without_asking_it_for_a_number(scene, key):
    present = {name: there.to("meta") for name, there in scene.whole(3).items()}
    masks = strategy(key).mask(present, scene.specs, Draws(range(3), step=2, device="meta"))
    assert {name: (mask.shape, mask.device.type, mask.dtype) for name, mask in masks.items()} == {
        name: (there.shape, "meta", torch.int8) for name, there in present.items()
    }


@pytest.mark.parametrize("name", OWN_GOLDEN)
def test_version_one_gives_the_numbers_that_it_has_always_given(scene, name):
    golden = json.loads((GOLDEN / f"{name}.json").read_text())
    masks = drawn(scene, name.split(".")[1])
    assert {n: ["".join(map(str, s.flatten().tolist())) for s in mask] for n, mask in masks.items()} == golden["codes"]


def drawn(scene, key):
    return strategy(key).mask(scene.gaps(5, 4, 2, 4), scene.specs, Draws(range(4), step=3))
