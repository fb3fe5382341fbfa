"""What random_with_decode promises: one role per band group, and a share of its tokens."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from olmoearth_masking.counting import ceil, floor
from olmoearth_masking.legacy import legacy_masking
from olmoearth_masking.random_time_with_decode import random_time_with_decode
from olmoearth_masking.random_with_decode import random_with_decode

from olmoearth_core.data.random import Draws
from olmoearth_core.data.tokens import DECODE, ENCODE, MISSING, TARGET_ONLY
from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.modality import BandSet, ModalitySpec


def modality(name, sets=1, *, dates=True, grid=16):
    bands = tuple(BandSet((f"{name}{i}",), 16) for i in range(sets))
    return ModalitySpec(name, bands, grid_factor=grid, multitemporal=dates)


SENSORS = [modality("optical", 3), modality("radar"), modality("thermal", 2)]
COVER, PLACE = modality("cover", dates=False), modality("place", dates=False, grid=0)
SCENE = [*SENSORS, COVER, PLACE]


def all_there(specs, batch, side=2, steps=4):
    shapes = {"space_time": (side, side, steps), "space": (side, side, 1), "static": ()}
    return {s.name: torch.ones(batch, *shapes[s.kind], len(s.band_sets), dtype=torch.bool) for s in specs}


def some_there(specs, batch, seed, share=0.7):
    generator = torch.Generator().manual_seed(seed)
    return {n: torch.rand(p.shape, generator=generator) < share for n, p in all_there(specs, batch).items()}


def histogram(codes):
    return {code: int((codes == code).sum()) for code in range(4) if (codes == code).any()}


def test_of_seven_band_groups_four_are_shown_three_predicted_and_a_single_token_obeys_its_role():
    masks = random_with_decode(only_decode_modalities=["cover"]).mask(all_there(SCENE, 300), SCENE, Draws(range(300)))
    groups = [masks[s.name][..., i].flatten(1) for s in SENSORS for i in range(len(s.band_sets))]
    for group in groups:
        assert {tuple(histogram(sample).items()) for sample in group} == {((0, 8), (1, 8)), ((1, 8), (2, 8))}
    shown = torch.stack([(g == ENCODE).any(1) for g in (*groups, masks["place"])], 1)
    predicted = torch.stack([(g == DECODE).any(1) for g in (*groups, masks["place"])], 1)
    assert shown.sum(1).unique().tolist() == [4]
    assert torch.equal(predicted, ~shown)
    assert 140 < (masks["place"] == ENCODE).sum() < 200
    assert histogram(masks["cover"]) == {DECODE: 1200}


def test_the_only_group_of_a_sample_is_both_shown_and_predicted():
    specs = [modality("radar"), COVER]
    masks = random_with_decode(only_decode_modalities=["cover"]).mask(all_there(specs, 9), specs, Draws(range(9)))
    assert {tuple(histogram(sample).items()) for sample in masks["radar"]} == {((ENCODE, 8), (DECODE, 8))}
    assert histogram(masks["cover"]) == {DECODE: 36}


def test_it_is_random_time_with_decode_without_time_samples():
    present = some_there(SCENE, 40, 3)
    once = random_with_decode(only_decode_modalities=["cover"]).mask(present, SCENE, Draws(range(40)))
    other = random_time_with_decode(random_ratio=1, only_decode_modalities=["cover"])
    assert all(torch.equal(codes, once[name]) for name, codes in other.mask(present, SCENE, Draws(range(40))).items())


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), encode=st.floats(0.05, 0.95), share=st.floats(0, 1))
def test_masking_one_sample_and_group_at_a_time_in_a_loop_agrees(seed, encode, share):
    present, draw = some_there(SCENE, 2, seed, share), Draws([seed, seed + 1])
    strategy = random_with_decode(
        encode_ratio=encode, decode_ratio=(1 - encode) * 0.9, only_decode_modalities=["cover"]
    )
    masks = strategy.mask(present, SCENE, draw)
    for sample in range(2):
        expected = naive(present, sample, encode, (1 - encode) * 0.9, draw.rows(slice(sample, sample + 1)))
        assert {n: m[sample].flatten().tolist() for n, m in masks.items()} == expected


def naive(present, sample, encode, decode, draw):
    """The rules in words: one sample, group by group, token by token."""

    def share(rounding, count, ratio):
        return int(rounding(torch.tensor(count), ratio))

    there = {n: p[sample] for n, p in present.items()}
    codes = {n: torch.where(t, DECODE, MISSING) for n, t in there.items()}
    groups = [(s.name, i) for s in SCENE if s.name != "cover" for i in range(len(s.band_sets))]
    groups = [(n, i) for n, i in groups if there[n][..., i].any()]
    groups.sort(key=lambda group: float(draw(f"role/{group[0]}/{group[1]}", 1)))
    encoders = share(ceil, len(groups), encode)
    if not there["cover"].any() and len(groups) > 1:
        encoders = min(encoders, len(groups) - 1)
    for number, (name, i) in enumerate(groups):
        tokens = [j for j, t in enumerate(there[name][..., i].flatten().tolist()) if t]
        lot = draw(f"tokens/{name}/{i}", there[name][..., i].numel())[0].tolist()
        tokens.sort(key=lambda j: lot[j])
        alone = len(groups) == 1
        shown = max(share(floor, len(tokens), encode), 1) if alone or number < encoders else 0
        predicted = max(share(floor, len(tokens), decode), 1) if alone or number >= encoders else 0
        group = codes[name][..., i].flatten()
        for place, token in enumerate(tokens):
            group[token] = ENCODE if place < shown else DECODE if place < shown + predicted else TARGET_ONLY
        codes[name][..., i] = group.reshape(codes[name][..., i].shape)
    return {n: c.flatten().tolist() for n, c in codes.items()}


@pytest.mark.parametrize("ratios", [(0.9, 0.1), (0.1, 0.1), (0.01, 0.99)])
def test_every_sample_with_two_tokens_shows_something_and_predicts_something(ratios):
    present = some_there(SENSORS, 300, 1, 0.03)
    strategy = random_with_decode(encode_ratio=ratios[0], decode_ratio=ratios[1])
    codes = torch.cat([m.flatten(1) for m in strategy.mask(present, SENSORS, Draws(range(300))).values()], dim=1)
    there = (codes != MISSING).sum(1)
    assert there.min() < 2 < there.max()
    assert torch.equal((codes == ENCODE).any(1), there > 0)
    assert torch.equal((codes == DECODE).any(1), there > 1)


@pytest.mark.parametrize(
    "wrong", [{"encode_ratio": 1.5}, {"decode_ratio": 0.6}, {"only_decode_modalities": ["a", "a"]},
              {"only_decode_modalities": "a"}]
)  # fmt: skip
def test_impossible_options_are_refused(wrong):
    with pytest.raises(ConfigError, match=r"masking\.random_with_decode\.v1"):
        random_with_decode(**wrong)


GOLDEN = Path(__file__).parents[3] / "tests" / "golden" / "masking.random_with_decode.v1.json"


def test_golden_masks_stay():
    golden = json.loads(GOLDEN.read_text())
    present = all_there(SCENE, 6, steps=2)
    present["optical"][1, :, :, 1, 1] = False
    present["radar"][2] = False
    masks = random_with_decode(**golden["settings"]).mask(present, SCENE, Draws(range(6)))
    found = {name: ["".join(map(str, sample.flatten().tolist())) for sample in masks[name]] for name in masks}
    assert found == golden["codes"]


@pytest.mark.parametrize("factory", [random_with_decode, random_time_with_decode])
def test_legacy_is_the_algorithm_of_the_reference_with_the_same_options(factory):
    settings = {"encode_ratio": 0.25, "decode_ratio": 0.5, "only_decode_modalities": ["cover"]}
    strategies = factory(**settings, legacy=True), legacy_masking(factory.__name__, **settings)
    found, expected = (
        strategy.mask_with(all_there(SCENE, 4), SCENE, torch.Generator().manual_seed(0), np.random.RandomState(0))
        for strategy in strategies
    )
    assert all(torch.equal(found[name], codes) for name, codes in expected.items())
