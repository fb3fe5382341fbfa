"""What random_time_with_decode promises: roles, shares, dates, and nothing that depends on batch mates."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from olmoearth_masking.counting import ceil, floor, rank
from olmoearth_masking.random_time_with_decode import random_time_with_decode

from olmoearth_core.data.random import Draws
from olmoearth_core.data.tokens import DECODE, ENCODE, MISSING, TARGET_ONLY
from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.modality import BandSet, ModalitySpec

SENSORS = ("optical", "radar", "thermal")
MAPS = ("cover", "relief", "roads", "trees", "crops", "fields")


def sensor(name, sets=1):
    bands = tuple(BandSet((f"{name}{i}",), 16) for i in range(sets))
    return ModalitySpec(name, bands, grid_factor=16, multitemporal=True)


def flat_map(name):
    return ModalitySpec(name, (BandSet((name,), 16),), grid_factor=16, multitemporal=False)


PLACE = ModalitySpec("place", (BandSet(("lat", "lon"), 0),), grid_factor=0, multitemporal=False)
NINE = [*map(sensor, SENSORS), *map(flat_map, MAPS)]


def all_there(specs, batch, side=2, steps=4):
    shapes = {"space_time": (side, side, steps), "space": (side, side, 1), "static": ()}
    return {s.name: torch.ones(batch, *shapes[s.kind], len(s.band_sets), dtype=torch.bool) for s in specs}


def histogram(codes):
    return {code: int((codes == code).sum()) for code in range(4) if (codes == code).any()}


def official(**changes):
    return random_time_with_decode(**{"only_decode_modalities": list(MAPS), **changes})


def test_a_full_sample_shows_two_sensors_predicts_the_third_and_all_maps():
    masks = official().mask(all_there(NINE, 200), NINE, Draws(range(200)))
    shown = torch.stack([(masks[n] == ENCODE).flatten(1).any(1) for n in masks], 1).sum(1)
    predicted = torch.stack([(masks[n] == DECODE).flatten(1).any(1) for n in masks], 1).sum(1)
    assert shown.unique().tolist() == [2]
    assert predicted.unique().tolist() == [7]
    for name in SENSORS:
        kinds = {tuple(sorted(histogram(sample).items())) for sample in masks[name]}
        assert kinds == {((ENCODE, 8), (TARGET_ONLY, 8)), ((TARGET_ONLY, 8), (DECODE, 8))}
    for name in MAPS:
        assert histogram(masks[name]) == {DECODE: 800}


def test_about_half_of_the_samples_are_split_along_time():
    masks = official().mask(all_there(NINE, 400), NINE, Draws(range(400)))
    per_date = torch.stack(
        [(masks[n].flatten(1, 2) == masks[n][:, :1, 0]).all(1).flatten(1).all(1) for n in SENSORS], 1
    )
    assert 160 < per_date.all(1).sum() < 240


def test_each_sensor_gets_each_role_equally_often():
    masks = official().mask(all_there(NINE, 900), NINE, Draws(range(900)))
    for name in SENSORS:
        assert 540 < (masks[name] == ENCODE).flatten(1).any(1).sum() < 660


def test_shown_and_predicted_dates_are_disjoint_and_the_missing_date_stays_missing():
    specs = [sensor("radar"), sensor("optical", sets=2), flat_map("cover")]
    present = all_there(specs, 50, steps=5)
    for name in ("radar", "optical"):
        present[name][:, :, :, 3] = False
    masks = random_time_with_decode(random_ratio=0, only_decode_modalities=["cover"]).mask(
        present, specs, Draws(range(50))
    )
    codes = torch.cat([masks["radar"], masks["optical"]], dim=-1).flatten(1, 2)
    assert (codes[:, :, 3] == MISSING).all()
    by_date = codes[:, 0]
    assert (codes == by_date[:, None]).all()
    for sample in by_date:
        shown = [g for g in range(3) if (sample[:, g] == ENCODE).any()]
        predicted = [g for g in range(3) if (sample[:, g] == DECODE).any()]
        assert len(shown) == 2
        assert len(predicted) == 1
        show_dates = sample[:, shown[0]] == ENCODE
        assert show_dates.sum() == 2
        assert torch.equal(sample[:, shown[1]] == ENCODE, show_dates)
        assert torch.equal(sample[:, predicted[0]] == DECODE, sample[:, shown[0]] == TARGET_ONLY)


def test_a_sensor_alone_is_both_shown_and_predicted():
    specs = [sensor("radar"), flat_map("cover")]
    masks = random_time_with_decode(only_decode_modalities=["cover"]).mask(
        all_there(specs, 20), specs, Draws(range(20))
    )
    assert {tuple(histogram(sample).items()) for sample in masks["radar"]} == {((ENCODE, 8), (DECODE, 8))}
    assert histogram(masks["cover"]) == {DECODE: 80}


def test_band_groups_split_four_to_three_and_a_single_token_obeys_its_role():
    specs = [sensor("optical", 3), sensor("radar"), sensor("thermal", 2), PLACE, flat_map("cover")]
    strategy = random_time_with_decode(random_ratio=1, only_decode_modalities=["cover"])
    masks = strategy.mask(all_there(specs, 100), specs, Draws(range(100)))
    groups = [masks[s.name][..., i].flatten(1) for s in specs[:3] for i in range(len(s.band_sets))]
    groups.append(masks["place"])
    shown = torch.stack([(g == ENCODE).any(1) for g in groups], 1)
    predicted = torch.stack([(g == DECODE).any(1) for g in groups], 1)
    assert shown.sum(1).unique().tolist() == [4]
    assert predicted.sum(1).unique().tolist() == [3]
    assert not (shown & predicted).any()
    assert set(masks["place"].flatten().tolist()) == {ENCODE, DECODE}
    for group in groups[:-1]:
        assert set((group == ENCODE).sum(1).tolist()) == {0, 8}


def test_a_group_without_tokens_at_its_dates_is_masked_at_random():
    specs = [sensor("radar"), sensor("optical")]
    present = all_there(specs, 60, steps=4)
    present["radar"][:, :, :, 1:] = False
    masks = random_time_with_decode(random_ratio=0).mask(present, specs, Draws(range(60)))
    used = (masks["radar"][:, :, :, 0] == ENCODE) | (masks["radar"][:, :, :, 0] == DECODE)
    assert set(used.flatten(1).sum(1).tolist()) == {2, 4}


def test_a_sample_without_anything_is_missing_throughout():
    present = all_there(NINE, 2)
    for there in present.values():
        there[1] = False
    masks = official().mask(present, NINE, Draws([1, 2]))
    assert all((mask[1] == MISSING).all() for mask in masks.values())


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32), share=st.floats(0, 1), steps=st.integers(1, 5), side=st.integers(1, 3))
def test_missing_stays_missing_and_the_rest_never_is(seed, share, steps, side):
    specs = [*NINE, PLACE]
    generator = torch.Generator().manual_seed(seed)
    present = {
        name: torch.rand(there.shape, generator=generator) < share
        for name, there in all_there(specs, 3, side, steps).items()
    }
    masks = official().mask(present, specs, Draws([seed, seed + 1, seed + 2]))
    for name, there in present.items():
        assert masks[name].dtype == torch.int8
        assert masks[name].shape == there.shape
        assert torch.equal(masks[name] == MISSING, ~there)
        if name in MAPS:
            assert ((masks[name] == DECODE) == there).all()
    some = torch.stack([present[n].flatten(1).any(1) for n in (*SENSORS, "place")]).any(0)
    shown = torch.stack([(masks[n] == ENCODE).flatten(1).any(1) for n in masks]).any(0)
    assert torch.equal(some, shown)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32), order=st.permutations(range(4)))
def test_a_mask_does_not_depend_on_batch_mates(seed, order):
    generator = torch.Generator().manual_seed(seed)
    present = {name: torch.rand(p.shape, generator=generator) < 0.8 for name, p in all_there(NINE, 4).items()}
    together = official().mask(present, NINE, Draws(range(seed, seed + 4)))
    shuffled = official().mask({n: p[list(order)] for n, p in present.items()}, NINE, Draws(seed + i for i in order))
    for name, mask in together.items():
        assert torch.equal(mask[list(order)], shuffled[name])
        alone = official().mask({n: p[:1] for n, p in present.items()}, NINE, Draws([seed]))
        assert torch.equal(alone[name], mask[:1])


def test_the_same_keys_give_the_same_masks_and_others_do_not():
    present = all_there(NINE, 8)
    once, again, other = (official().mask(present, NINE, Draws(range(a, a + 8))) for a in (0, 0, 8))
    assert all(torch.equal(once[n], again[n]) for n in once)
    assert not all(torch.equal(once[n], other[n]) for n in once)


@pytest.mark.parametrize(
    "wrong", [{"random_ratio": 1.5}, {"encode_ratio": -0.1}, {"encode_ratio": 0.7, "decode_ratio": 0.5}]
)
def test_impossible_ratios_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        random_time_with_decode(**wrong)


def test_shares_are_rounded_as_exact_fractions():
    assert floor(torch.tensor([100, 3, 0]), 0.29).tolist() == [29, 0, 0]
    assert ceil(torch.tensor([10, 3, 7]), 0.3).tolist() == [3, 1, 3]


def test_ranks_put_those_that_are_not_eligible_last():
    lots = torch.tensor([[0.5, 0.1, 0.9, 0.2]])
    assert rank(lots, torch.tensor([[True, False, True, True]])).tolist() == [[1, 3, 2, 0]]


GOLDEN = Path(__file__).parents[3] / "tests" / "golden" / "masking.random_time_with_decode.v1.json"


def test_golden_masks_stay():
    golden = json.loads(GOLDEN.read_text())
    specs = [sensor("radar"), sensor("optical", sets=2), flat_map("cover")]
    present = all_there(specs, 6, steps=3)
    present["optical"][1, :, :, 1, 1] = False
    present["radar"][2] = False
    masks = random_time_with_decode(**golden["settings"]).mask(present, specs, Draws(range(6)))
    for name, codes in golden["codes"].items():
        assert ["".join(map(str, sample.flatten().tolist())) for sample in masks[name]] == codes
