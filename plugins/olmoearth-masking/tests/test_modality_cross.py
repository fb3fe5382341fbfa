"""What the strategies "modality cross" promise: roles per band group on top of tokens, patches or dates."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from olmoearth_masking.modality_cross_random import modality_cross_random
from olmoearth_masking.modality_cross_space import modality_cross_space
from olmoearth_masking.modality_cross_space_time import modality_cross_space_time
from olmoearth_masking.modality_cross_time import modality_cross_time

from olmoearth_core.data.random import Draws
from olmoearth_core.data.tokens import DECODE, ENCODE, MISSING, TARGET_ONLY
from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.modality import BandSet, ModalitySpec

FACTORIES = {
    "random": modality_cross_random, "space": modality_cross_space, "time": modality_cross_time,
    "space_time": modality_cross_space_time,
}  # fmt: skip
STRUCTURED = {
    "random": ("space_time", "space", "time", "static"), "space": ("space_time", "space"),
    "time": ("space_time", "time"),
}  # fmt: skip
GOLDEN = {
    "random": "masking.modality_cross_random.v1.json", "space": "masking.modality_cross_space.v1.json",
    "time": "masking.modality_cross_time.v1.json", "space_time": "masking.modality_cross_space_time.v1.json",
}  # fmt: skip
each = pytest.mark.parametrize("key", FACTORIES)
each_simple = pytest.mark.parametrize("key", STRUCTURED)


def modality(name, sets=1, *, dates=True, grid=16, size=1):
    bands = tuple(BandSet((f"{name}{i}",), 16) for i in range(sets))
    return ModalitySpec(name, bands, grid_factor=grid, multitemporal=dates, size_factor=size)


SENSORS = [modality("optical", 3), modality("radar"), modality("thermal", 2)]
MAPS = [modality(f"map{i}", dates=False) for i in range(6)]
WEATHER, PLACE = modality("weather", size=-256), modality("place", dates=False, grid=0)
TWELVE, ALL = [*SENSORS, *MAPS], [*SENSORS, MAPS[0], WEATHER, PLACE]
ONLY = [spec.name for spec in MAPS]


def all_there(specs, batch, side=2, steps=4):
    shapes = {"space_time": (side, side, steps), "space": (side, side, 1), "time": (steps,), "static": ()}
    return {s.name: torch.ones(batch, *shapes[s.kind], len(s.band_sets), dtype=torch.bool) for s in specs}


def some_there(specs, batch, seed, share=0.7, side=2, steps=4):
    generator = torch.Generator().manual_seed(seed)
    present = all_there(specs, batch, side, steps)
    whole = {n: torch.rand(batch, *[1] * (p.dim() - 1), generator=generator) < share for n, p in present.items()}
    return {n: (torch.rand(p.shape, generator=generator) < share) & whole[n] for n, p in present.items()}


def having(masks, code):
    """Which band groups have a token of this code, [B,P]."""
    return torch.stack(
        [m[..., i].reshape(len(m), -1).eq(code).any(1) for m in masks.values() for i in range(m.shape[-1])], 1
    )


def official(key="random", **changes):
    settings = {"allow_encoding_decoding_same_bandset": True, "only_decode_modalities": ONLY, **changes}
    return FACTORIES[key](**settings)


def test_two_to_six_of_twelve_groups_are_encoded_equally_often_and_no_map_is():
    masks = official().mask(all_there(TWELVE, 1500), TWELVE, Draws(range(1500)))
    encoded = having(masks, ENCODE)
    counts = encoded.sum(1).bincount(minlength=7).tolist()
    assert counts[:2] == [0, 0]
    assert all(240 < count < 360 for count in counts[2:])
    assert not encoded[:, 6:].any()


def test_one_to_twelve_of_twelve_groups_are_decoded_equally_often():
    masks = official().mask(all_there(TWELVE, 2400), TWELVE, Draws(range(2400)))
    counts = having(masks, DECODE).sum(1).bincount(minlength=13).tolist()
    assert counts[0] == 0
    assert all(140 < count < 260 for count in counts[1:])


@each
def test_where_no_group_may_do_both_every_group_does_one(key):
    strategy = official(key, allow_encoding_decoding_same_bandset=False)
    masks = strategy.mask(all_there(ALL, 200, 4, 6), ALL, Draws(range(200)))
    encoded, decoded = having(masks, ENCODE), having(masks, DECODE)
    assert torch.equal(encoded, ~decoded)
    assert encoded.sum(1).min() >= 2
    assert not encoded[:, 6].any()


@each
def test_missing_stays_missing_no_map_is_encoded_and_every_sample_has_both_roles(key):
    for seed, side, steps in [(0, 2, 4), (1, 1, 1), (2, 3, 2), (3, 2, 5)]:
        present = some_there([*TWELVE, PLACE], 150, seed, 0.4, side, steps)
        masks = official(key).mask(present, [*TWELVE, PLACE], Draws(range(150)))
        assert all(torch.equal(mask == MISSING, ~present[name]) for name, mask in masks.items())
        free = sum(p.flatten(1).sum(1) for n, p in present.items() if n not in ONLY)
        total = sum(p.flatten(1).sum(1) for p in present.values())
        assert torch.equal(having(masks, ENCODE).any(1), free > 0)
        assert torch.equal(having(masks, DECODE).any(1), (total > 1) | (total > free))
        assert not any((masks[name] == ENCODE).any() for name in ONLY)


def test_a_sensor_alone_is_split_between_both_roles():
    specs = [modality("radar"), MAPS[0]]
    present = all_there(specs, 20)
    present["map0"][:] = False
    masks = official().mask(present, specs, Draws(range(20)))
    assert (masks["radar"] == ENCODE).flatten(1).sum(1).unique().tolist() == [8]
    assert (masks["radar"] == DECODE).flatten(1).sum(1).unique().tolist() == [8]


def test_one_sensor_and_one_map_are_encoded_and_decoded():
    specs = [MAPS[0], modality("radar")]
    masks = official().mask(all_there(specs, 50), specs, Draws(range(50)))
    assert set(masks["radar"].flatten().tolist()) == {ENCODE, TARGET_ONLY}
    assert set(masks["map0"].flatten().tolist()) == {TARGET_ONLY, DECODE}


def test_space_gives_all_groups_of_a_role_the_same_patches_at_all_dates():
    strategy = official("space", encode_ratio=0.25, decode_ratio=0.5)
    masks = strategy.mask(all_there(ALL, 60, 4, 3), ALL, Draws(range(60)))
    for code, count in ((ENCODE, 4), (DECODE, 8)):
        spatial = torch.cat([(masks[s.name] == code).flatten(3) for s in (*SENSORS, MAPS[0])], -1)
        patches = spatial.any(-1)
        used = spatial.flatten(1, 2).any(1)
        assert torch.equal(spatial, patches[..., None] & used[:, None, None])
        assert set(patches.flatten(1).sum(1).tolist()) <= {0, count}
    whole = {tuple(sorted(set(sample.flatten().tolist()))) for sample in masks["weather"]}
    assert whole == {(ENCODE,), (TARGET_ONLY,), (DECODE,)}


def test_time_gives_all_groups_of_a_role_the_same_dates_in_all_patches():
    strategy = official("time", encode_ratio=0.25, decode_ratio=0.5)
    masks = strategy.mask(all_there(ALL, 60, 2, 8), ALL, Draws(range(60)))
    for code, count in ((ENCODE, 2), (DECODE, 4)):
        moving = [(masks[s.name] == code).flatten(1, 2) for s in SENSORS]
        moving = torch.cat([*moving, (masks["weather"] == code)[:, None].expand(-1, 4, -1, -1)], -1)
        dates, used = moving.any(-1).any(1), moving.any(2).any(1)
        assert torch.equal(moving, (dates[..., None] & used[:, None])[:, None].expand_as(moving))
        assert set(dates.sum(1).tolist()) <= {0, count}
    assert {tuple(set(sample.flatten().tolist())) for sample in masks["map0"]} == {(TARGET_ONLY,), (DECODE,)}


def test_time_is_not_space():
    present = all_there(ALL, 10, 4, 6)
    by_space, by_time = (official(key).mask(present, ALL, Draws(range(10))) for key in ("space", "time"))
    assert not torch.equal(by_space["optical"], by_time["optical"])


def is_by_date(masks):
    return torch.stack([(masks[s.name] == masks[s.name][:, :1, :1]).flatten(1).all(1) for s in SENSORS]).all(0)


def test_space_time_splits_about_half_of_the_samples_each_way_and_two_dates_by_patch():
    masks = official("space_time").mask(all_there(ALL, 400, 4, 6), ALL, Draws(range(400)))
    assert 160 < is_by_date(masks).sum() < 240
    few = official("space_time").mask(all_there(ALL, 100, 4, 2), ALL, Draws(range(100)))
    assert not is_by_date(few).any()


@each_simple
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), both=st.booleans(), share=st.floats(0.2, 1))
def test_obeying_roles_one_group_at_a_time_in_a_loop_agrees(key, seed, both, share):
    present, draw = some_there(ALL, 3, seed, share, 2, 4), Draws(range(seed, seed + 3))
    strategy = official(key, allow_encoding_decoding_same_bandset=both)
    masks = strategy.mask(present, ALL, draw)
    inner = strategy.inner.mask(present, ALL, draw.child("inner"))
    for sample in range(3):
        expected = naive(strategy, key, present, inner, sample, draw.rows(slice(sample, sample + 1)))
        if {ENCODE, DECODE} <= set().union(*expected):
            found = [masks[s.name][sample, ..., i].flatten().tolist() for s in ALL for i in range(len(s.band_sets))]
            assert found == expected


def naive(strategy, key, present, inner, sample, draw):
    """The rules in words: one sample, one band group, one token at a time."""
    groups = [(spec, i) for spec in ALL for i in range(len(spec.band_sets))]
    tokens = [inner[spec.name][sample, ..., i].flatten().tolist() for spec, i in groups]
    there = [any(code != MISSING for code in codes) for codes in tokens]
    whole = [
        spec.kind not in STRUCTURED[key] or sum(code != MISSING for code in codes) == 1
        for (spec, _), codes in zip(groups, tokens, strict=True)
    ]
    may = [
        spec.name not in ONLY and there[p] and (whole[p] or ENCODE in tokens[p]) for p, (spec, _) in enumerate(groups)
    ]
    chosen = strategy.selection.choose(torch.tensor([there]), torch.tensor([may]), groups, draw)
    encoded, decoded = (c[0].tolist() for c in chosen)
    result = []
    for p, codes in enumerate(tokens):
        role = ENCODE if encoded[p] else DECODE if decoded[p] else TARGET_ONLY
        kept = [c for c, has in ((ENCODE, encoded[p]), (DECODE, decoded[p]), (MISSING, True)) if has]
        one = [role if whole[p] and c != MISSING else c if c in kept else TARGET_ONLY for c in codes]
        result.append(one)
    return result


@each
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32), order=st.permutations(range(4)))
def test_a_mask_does_not_depend_on_batch_mates(key, seed, order):
    present = some_there(ALL, 4, seed, 0.8)
    together = official(key).mask(present, ALL, Draws(range(seed, seed + 4)))
    shuffled = official(key).mask({n: p[list(order)] for n, p in present.items()}, ALL, Draws(seed + i for i in order))
    for name, mask in together.items():
        assert torch.equal(mask[list(order)], shuffled[name])


@each
def test_the_order_in_which_modalities_are_declared_changes_nothing(key):
    present, turned = all_there(ALL, 30, 3, 5), ALL[::-1]
    masks = official(key).mask(present, ALL, Draws(range(30)))
    other = official(key).mask({s.name: present[s.name] for s in turned}, turned, Draws(range(30)))
    assert list(other) == [s.name for s in turned]
    assert all(torch.equal(masks[name], other[name]) for name in masks)


@each
@pytest.mark.parametrize(
    "wrong",
    [{"min_encoded_bandsets": 1}, {"min_encoded_bandsets": None, "max_encoded_bandsets": 3}, {"encode_ratio": 0.6},
     {"only_decode_modalities": ["a", "a"]}, {"min_decoded_bandsets": 4, "max_decoded_bandsets": 2}],
)  # fmt: skip
def test_impossible_options_are_refused(key, wrong):
    with pytest.raises(ConfigError, match=rf"masking\.modality_cross_{key}\.v1"):
        FACTORIES[key](**wrong)


@each
def test_golden_masks_stay(key):
    golden = json.loads((Path(__file__).parents[3] / "tests" / "golden" / GOLDEN[key]).read_text())
    masks = FACTORIES[key](**golden["settings"]).mask(golden_presence(), ALL, Draws(range(6)))
    found = {name: ["".join(map(str, sample.flatten().tolist())) for sample in masks[name]] for name in masks}
    assert found == golden["codes"]


def golden_presence():
    present = all_there(ALL, 6, steps=3)
    present["optical"][1, :, :, 1, 1] = False
    present["radar"][2] = False
    return present
