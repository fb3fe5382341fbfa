"""What the strategies promise that decode or withhold whole modalities of a sample."""

from __future__ import annotations

import json
from collections import Counter
from math import floor
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from olmoearth_masking.random_fixed_modality import random_fixed_modality
from olmoearth_masking.selectable_modality import selectable_modality
from olmoearth_masking.selectable_random_range_modality import selectable_random_range_modality

from olmoearth_core.data.random import Draws
from olmoearth_core.data.tokens import DECODE, ENCODE, MISSING
from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.modality import BandSet, ModalitySpec

SELECTABLE = {
    "selectable_modality": selectable_modality,
    "selectable_random_range_modality": selectable_random_range_modality,
}
FACTORIES = {"random_fixed_modality": random_fixed_modality, **SELECTABLE}
selectable = pytest.mark.parametrize("factory", SELECTABLE.values(), ids=list(SELECTABLE))


def modality(name, sets=1, *, dates=True, grid=16):
    bands = tuple(BandSet((f"{name}{i}",), 16) for i in range(sets))
    return ModalitySpec(name, bands, grid_factor=grid, multitemporal=dates)


SCENE = [
    modality("optical", 3), modality("radar"), modality("thermal", 2), modality("cover", dates=False),
    modality("relief", dates=False), modality("place", dates=False, grid=0),
]  # fmt: skip


def all_there(specs, batch, side=2, steps=4):
    shapes = {"space_time": (side, side, steps), "space": (side, side, 1), "static": ()}
    return {s.name: torch.ones(batch, *shapes[s.kind], len(s.band_sets), dtype=torch.bool) for s in specs}


def some_there(specs, batch, seed, share=0.7):
    generator = torch.Generator().manual_seed(seed)
    present = all_there(specs, batch)
    whole = {n: torch.rand(batch, *[1] * (p.dim() - 1), generator=generator) < share for n, p in present.items()}
    return {n: ((torch.rand(p.shape, generator=generator) < share) | whole[n]) & p for n, p in present.items()}


def all_of(codes, code):
    return (codes == code).flatten(1).all(1)


def histogram(codes):
    return {code: int((codes == code).sum()) for code in range(4) if (codes == code).any()}


def test_fixed_modalities_are_decoded_whole_and_the_others_split():
    masks = random_fixed_modality(decoded_modalities=["cover", "absent"]).mask(
        all_there(SCENE, 20), SCENE, Draws(range(20))
    )
    for name, counts in {
        "cover": {2: 4},
        "optical": {0: 24, 2: 24},
        "thermal": {0: 16, 2: 16},
        "radar": {0: 8, 2: 8},
    }.items():
        assert [histogram(sample) for sample in masks[name]] == [counts] * 20


def test_a_missing_token_of_a_fixed_modality_stays_missing():
    present = some_there(SCENE, 30, 0, 0.5)
    masks = random_fixed_modality(decoded_modalities=["cover", "radar"]).mask(present, SCENE, Draws(range(30)))
    for name in ("cover", "radar"):
        assert torch.equal(masks[name] == DECODE, present[name])
        assert torch.equal(masks[name] == MISSING, ~present[name])


def test_none_to_all_but_one_of_the_complete_modalities_are_withheld():
    present = all_there(SCENE, 600)
    present["radar"][:200, 0, 0, 0] = False
    strategy = random_fixed_modality(
        decoded_modalities=[], randomize_missing_modalities=["optical", "radar", "thermal", "absent"]
    )
    masks = strategy.mask(present, SCENE, Draws(range(600)))
    gone = torch.stack([all_of(masks[name], MISSING) for name in ("optical", "radar", "thermal")], 1)
    assert not gone[:200, 1].any()
    assert set(gone[:200].sum(1).tolist()) == {0, 1}
    whole = Counter(gone[200:].sum(1).tolist())
    assert set(whole) == {0, 1, 2}
    assert min(whole.values()) > 100
    assert (gone[200:].double().mean(0) - 1 / 3).abs().max() < 0.07
    assert not any((masks[name] == MISSING).any() for name in ("cover", "relief", "place"))


def test_one_complete_modality_is_never_withheld():
    present = all_there(SCENE, 50)
    present["optical"][:, 0] = False
    masks = random_fixed_modality(decoded_modalities=["cover"], randomize_missing_modalities=["optical", "radar"]).mask(
        present, SCENE, Draws(range(50))
    )
    assert all(torch.equal(masks[name] == MISSING, ~present[name]) for name in masks)


@selectable
def test_a_sample_hides_none_to_max_modalities_each_number_as_often(factory):
    strategy = factory(
        decodable_modalities=["radar", "optical"], fully_mask_modalities=["thermal", "relief"], max_to_mask=3
    )
    masks = strategy.mask(all_there(SCENE, 2000), SCENE, Draws(range(2000)))
    codes = {"radar": DECODE, "optical": DECODE, "thermal": MISSING, "relief": MISSING}
    hidden = torch.stack([all_of(masks[name], code) for name, code in codes.items()], 1)
    counts = Counter(hidden.sum(1).tolist())
    assert set(counts) == {0, 1, 2, 3}
    assert all(430 < count < 570 for count in counts.values())
    assert (hidden.double().mean(0) - 1.5 / 4).abs().max() < 0.04
    assert not any((masks[name] == MISSING).any() for name in ("radar", "cover", "optical", "place"))


@selectable
def test_a_name_that_the_batch_lacks_keeps_its_place_in_the_lot(factory):
    names = ["radar", "thermal", "optical"]
    whole, part = (
        factory(decodable_modalities=names, fully_mask_modalities=[], max_to_mask=2).mask(
            all_there(specs, 60), specs, Draws(range(60))
        )
        for specs in (SCENE, [spec for spec in SCENE if spec.name != "optical"])
    )
    for name in ("radar", "thermal"):
        assert torch.equal(all_of(whole[name], DECODE), all_of(part[name], DECODE))


@selectable
def test_what_is_missing_is_not_decoded_and_stays_missing(factory):
    present = some_there(SCENE, 100, 2, 0.4)
    masks = factory(decodable_modalities=["radar", "cover"], fully_mask_modalities=[], max_to_mask=2).mask(
        present, SCENE, Draws(range(100))
    )
    assert all(torch.equal(mask == MISSING, ~present[name]) for name, mask in masks.items())


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), most=st.integers(0, 5), share=st.floats(0.3, 1))
@selectable
def test_hiding_one_sample_and_modality_at_a_time_in_a_loop_agrees(factory, seed, most, share):
    present, draw = some_there(SCENE, 3, seed, share), Draws(range(seed, seed + 3))
    decodable, withheld = ["radar", "cover", "absent"], ["thermal", "relief"]
    strategy = factory(decodable_modalities=decodable, fully_mask_modalities=withheld, max_to_mask=most)
    masks, inner = strategy.mask(present, SCENE, draw), strategy.inner.mask(present, SCENE, draw.child("inner"))
    for sample in range(3):
        own = draw.rows(slice(sample, sample + 1))
        names = sorted(decodable + withheld, key=lambda name: float(own(f"hide/{name}", 1)))
        hidden = names[: floor(float(own("num_hidden", 1)) * (most + 1))]
        expected = {n: inner[n][sample].flatten().tolist() for n in inner}
        for name in hidden:
            code = DECODE if name in decodable else MISSING
            expected[name] = [c if c == MISSING else code for c in expected.get(name, [])]
        expected.pop("absent", None)
        if {ENCODE, DECODE} <= set().union(*expected.values()):
            assert {n: m[sample].flatten().tolist() for n, m in masks.items()} == expected


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), share=st.floats(0.3, 1))
def test_fixing_and_withholding_one_sample_at_a_time_in_a_loop_agrees(seed, share):
    present, draw = some_there(SCENE, 3, seed, share), Draws(range(seed, seed + 3))
    strategy = random_fixed_modality(
        decoded_modalities=["cover", "radar"], randomize_missing_modalities=["optical", "radar", "thermal", "relief"]
    )
    masks, inner = strategy.mask(present, SCENE, draw), strategy.inner.mask(present, SCENE, draw.child("inner"))
    for sample in range(3):
        own = draw.rows(slice(sample, sample + 1))
        expected = {n: inner[n][sample].flatten().tolist() for n in inner}
        for name in ("cover", "radar"):
            expected[name] = [c if c == MISSING else DECODE for c in expected[name]]
        complete = [n for n in ("optical", "radar", "thermal", "relief") if MISSING not in expected[n]]
        complete.sort(key=lambda name: float(own(f"withhold/{name}", 1)))
        for name in complete[: floor(float(own("num_withheld", 1)) * len(complete))]:
            expected[name] = [MISSING] * len(expected[name])
        if {ENCODE, DECODE} <= set().union(*expected.values()):
            assert {n: m[sample].flatten().tolist() for n, m in masks.items()} == expected


@pytest.mark.parametrize("key", FACTORIES)
def test_a_sample_that_may_show_something_does_and_so_for_predicting(key):
    strategy = FACTORIES[key](**SETTINGS[key])
    present = some_there(SCENE, 200, 5, 0.2)
    masks = strategy.mask(present, SCENE, Draws(range(200)))
    codes = torch.cat([mask.flatten(1) for mask in masks.values()], dim=1)
    free = torch.stack([((m != MISSING) & (m != DECODE)).flatten(1).any(1) for m in masks.values()], 1).any(1)
    assert torch.equal((codes == ENCODE).any(1), free)
    assert (codes == DECODE).any(1)[(codes != MISSING).sum(1) > 1].all()


SETTINGS = {
    "random_fixed_modality": {"decoded_modalities": ["cover"], "randomize_missing_modalities": ["optical", "radar"]},
    "selectable_modality": {
        "decodable_modalities": ["radar", "cover"], "fully_mask_modalities": ["thermal"], "max_to_mask": 2
    },
    "selectable_random_range_modality": {
        "decodable_modalities": ["radar", "cover"], "fully_mask_modalities": ["thermal"], "max_to_mask": 2
    },
}  # fmt: skip


@pytest.mark.parametrize("key", FACTORIES)
def test_a_mask_does_not_depend_on_batch_mates(key):
    strategy, present, order = FACTORIES[key](**SETTINGS[key]), some_there(SCENE, 6, 1), [3, 1, 5]
    together = strategy.mask(present, SCENE, Draws(range(6)))
    part = strategy.mask({n: p[order] for n, p in present.items()}, SCENE, Draws(order))
    assert all(torch.equal(mask[order], part[name]) for name, mask in together.items())


@pytest.mark.parametrize("key", FACTORIES)
def test_the_order_in_which_modalities_are_declared_changes_nothing(key):
    strategy, present, turned = FACTORIES[key](**SETTINGS[key]), some_there(SCENE, 20, 1), SCENE[::-1]
    masks = strategy.mask(present, SCENE, Draws(range(20)))
    other = strategy.mask({s.name: present[s.name] for s in turned}, turned, Draws(range(20)))
    assert all(torch.equal(masks[name], other[name]) for name in masks)


@selectable
@pytest.mark.parametrize("wrong", [{"max_to_mask": -1}, {"fully_mask_modalities": ["radar"]}])
def test_contradictory_choices_are_refused(factory, wrong):
    good = {"decodable_modalities": ["radar"], "fully_mask_modalities": [], "max_to_mask": 1}
    with pytest.raises(ConfigError, match=r"masking\.selectable_.*(max_to_mask|radar)"):
        factory(**{**good, **wrong})


def test_impossible_ratios_are_refused():
    with pytest.raises(ConfigError, match=r"masking\.random_fixed_modality\.v1: .*encode_ratio"):
        random_fixed_modality(decoded_modalities=[], encode_ratio=0.9)
    with pytest.raises(ConfigError, match="decode_ratio"):
        selectable_random_range_modality(
            decodable_modalities=[], fully_mask_modalities=[], max_to_mask=0, min_decode_ratio=0.5
        )


@pytest.mark.parametrize("key", FACTORIES)
def test_golden_masks_stay(key):
    golden = json.loads((Path(__file__).parents[3] / "tests" / "golden" / f"masking.{key}.v1.json").read_text())
    masks = FACTORIES[key](**golden["settings"]).mask(golden_presence(), SCENE, Draws(range(6)))
    found = {name: ["".join(map(str, sample.flatten().tolist())) for sample in masks[name]] for name in masks}
    assert found == golden["codes"]


def golden_presence():
    present = all_there(SCENE, 6, steps=2)
    present["optical"][1, :, :, 1, 1] = False
    present["radar"][2] = False
    return present
