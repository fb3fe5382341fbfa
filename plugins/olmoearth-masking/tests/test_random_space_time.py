"""What `random`, `space`, `time` and the strategies made of them hide, in exact numbers."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from olmoearth_masking.random import random
from olmoearth_masking.random_increasing import random_increasing
from olmoearth_masking.random_range import random_range
from olmoearth_masking.random_space import random_space
from olmoearth_masking.space import space
from olmoearth_masking.space_time import space_time
from olmoearth_masking.time import time

from olmoearth_core.data.random import Draws
from olmoearth_core.data.tokens import DECODE, ENCODE, MISSING, TARGET_ONLY
from olmoearth_core.errors import ConfigError


def counts(mask):
    return [dict(sorted(Counter(sample.flatten().tolist()).items())) for sample in mask]


def test_random_meets_its_ratios_in_each_modality_of_each_sample(scene):
    masks = random().mask(scene.whole(), scene.specs, Draws(range(2)))
    assert counts(masks["optical"]) == [{ENCODE: 24, DECODE: 24}] * 2
    assert counts(masks["radar"]) == [{ENCODE: 8, DECODE: 8}] * 2
    assert counts(masks["thermal"]) == [{ENCODE: 16, DECODE: 16}] * 2
    assert counts(masks["cover"]) == [{ENCODE: 2, DECODE: 2}] * 2
    uneven = random(encode_ratio=0.25).mask(scene.whole(), scene.specs, Draws(range(2)))
    assert counts(uneven["optical"]) == [{ENCODE: 12, TARGET_ONLY: 12, DECODE: 24}] * 2
    assert counts(uneven["cover"]) == [{ENCODE: 1, TARGET_ONLY: 1, DECODE: 2}] * 2


def test_what_is_left_after_rounding_down_is_seen_by_the_target_only(scene):
    three = random().mask({"radar": torch.ones(1, 1, 1, 3, 1, dtype=torch.bool)}, scene.specs[1:2], Draws([0]))
    assert counts(three["radar"]) == [{ENCODE: 1, TARGET_ONLY: 1, DECODE: 1}]
    sixteen = random(encode_ratio=0.1, decode_ratio=0.75).mask(scene.whole(1), scene.specs, Draws([0]))
    assert counts(sixteen["radar"]) == [{ENCODE: 1, TARGET_ONLY: 3, DECODE: 12}]


def test_a_single_token_is_rounded_by_lot_so_that_the_ratios_hold_over_samples(scene):
    place = random(encode_ratio=0.3, decode_ratio=0.6).mask(scene.whole(4000), scene.specs, Draws(range(4000)))["place"]
    shares = [(place == code).double().mean().item() for code in (ENCODE, DECODE, TARGET_ONLY)]
    assert shares == pytest.approx([0.3, 0.6, 0.1], abs=0.03)


def test_a_missing_band_group_is_missing_and_the_ratios_hold_among_the_rest(scene):
    present = scene.whole(1)
    present["optical"][:, :, :, 0, 0] = False
    mask = random().mask(present, scene.specs, Draws([3]))["optical"]
    assert (mask[:, :, :, 0, 0] == MISSING).all()
    assert counts(mask) == [{ENCODE: 22, DECODE: 22, MISSING: 4}]


def test_space_hides_the_same_patches_everywhere(scene):
    masks = space(encode_ratio=0.25).mask(scene.whole(2, side=4), scene.specs, Draws(range(2)))
    assert counts(masks["radar"]) == [{ENCODE: 16, TARGET_ONLY: 16, DECODE: 32}] * 2
    for name in ("optical", "thermal", "cover"):
        mask = masks[name]
        assert (mask == masks["radar"][:, :, :, :1, :1]).all(), name
    nine = space(encode_ratio=0.1, decode_ratio=0.75).mask(scene.whole(1, 3, 2), scene.specs, Draws([0]))
    assert counts(nine["radar"]) == [{TARGET_ONLY: 6, DECODE: 12}]


def test_space_counts_the_patches_that_a_sample_has(scene):
    present = scene.whole(1, side=4)
    for name in ("optical", "radar", "thermal", "cover"):
        present[name][:, :2] = False
    assert counts(space().mask(present, scene.specs, Draws([0]))["cover"]) == [{ENCODE: 4, DECODE: 4, MISSING: 8}]


def test_time_hides_the_same_dates_everywhere_and_gives_each_role_one(scene):
    masks = time(encode_ratio=0.25, decode_ratio=0.25).mask(scene.whole(), scene.specs, Draws(range(2)))
    assert counts(masks["radar"]) == [{ENCODE: 4, TARGET_ONLY: 8, DECODE: 4}] * 2
    for name in ("optical", "thermal"):
        assert (masks[name] == masks["radar"][:, :1, :1]).all(), name
    assert torch.equal(masks["weather"], masks["radar"][:, 0, 0])
    few = time(encode_ratio=0.01, decode_ratio=0.99).mask(scene.whole(1, steps=3), scene.specs, Draws([0]))
    assert counts(few["weather"]) == [{ENCODE: 1, DECODE: 2}]
    everything = time(encode_ratio=1.0, decode_ratio=0.0).mask(scene.whole(1), scene.specs, Draws([0]))
    assert counts(everything["radar"]) == [{ENCODE: 16}]


def test_time_counts_the_dates_that_a_sample_has(scene):
    present = scene.whole(2, steps=5)
    for spec in scene.specs:
        if spec.multitemporal:
            present[spec.name][0, ..., 3, :] = False
    masks = time().mask(present, scene.specs, Draws(range(2)))
    along = masks["radar"][0, 0, 0, :, 0].tolist()
    assert along[3] == MISSING
    assert sorted(along) == [ENCODE, ENCODE, DECODE, DECODE, MISSING]
    assert sorted(masks["radar"][1, 0, 0, :, 0].tolist()) == [ENCODE, ENCODE, TARGET_ONLY, DECODE, DECODE]


def test_a_sample_with_two_dates_is_masked_at_random_and_its_neighbour_along_time(scene):
    present = scene.whole(2)
    for spec in scene.specs:
        if spec.multitemporal:
            present[spec.name][0, ..., 2:, :] = False
    masks = time().mask(present, scene.specs, Draws(range(2)))
    alone = random().mask(present, scene.specs, Draws(range(2)))
    assert torch.equal(masks["optical"][0], alone["optical"][0])
    assert counts(masks["radar"])[0] == {ENCODE: 4, DECODE: 4, MISSING: 8}
    assert (masks["radar"][1] == masks["radar"][1, :1, :1]).all()


def test_without_dates_time_is_random(scene):
    specs, present = scene.specs[3:4], {"cover": scene.whole()["cover"]}
    assert counts(time().mask(present, specs, Draws(range(2)))["cover"]) == [{ENCODE: 2, DECODE: 2}] * 2


def along_space(masks):
    return (masks["optical"] == masks["optical"][:, :, :, :1, :1]).flatten(1).all(1)


def along_time(masks):
    return (masks["optical"] == masks["optical"][:, :1, :1]).flatten(1).all(1)


def test_space_time_takes_each_in_about_half_of_the_samples(scene):
    masks = space_time().mask(scene.whole(400, 4, 4), scene.specs, Draws(range(400)))
    assert torch.equal(along_space(masks), ~along_time(masks))
    assert 160 < along_space(masks).sum() < 240


def test_space_time_takes_space_where_there_are_two_dates(scene):
    masks = space_time().mask(scene.whole(60, 4, 2), scene.specs, Draws(range(60)))
    assert along_space(masks).all()


def test_random_space_takes_each_in_about_half_of_the_samples(scene):
    masks = random_space().mask(scene.whole(400, 4, 4), scene.specs, Draws(range(400)))
    assert 160 < along_space(masks).sum() < 240


def test_increasing_ratios_follow_the_number_of_the_batch(scene):
    strategy = random_increasing(steps=10)
    found = [strategy.ratios_at(step) for step in (1, 5, 10, 12)]
    assert found == [pytest.approx(p) for p in ((0.46, 0.54), (0.3, 0.7), (0.1, 0.9), (0.1, 0.9))]
    at_five = strategy.mask(scene.whole(1), scene.specs, Draws([0], step=5))
    assert counts(at_five["thermal"]) == [{ENCODE: 9, TARGET_ONLY: 1, DECODE: 22}]
    again = random(encode_ratio=0.3, decode_ratio=0.7).mask(scene.whole(1), scene.specs, Draws([0], step=5))
    assert torch.equal(at_five["thermal"], again["thermal"])


def test_a_range_of_ratios_is_used_evenly_and_reported_by_its_middle(scene):
    strategy = random_range()
    assert (strategy.encode_ratio, strategy.decode_ratio) == pytest.approx((0.3, 0.7))
    masks = strategy.mask(scene.whole(600, 6, 4), scene.specs, Draws(range(600)))
    encoded = (masks["optical"] == ENCODE).flatten(1).double().mean(1)
    assert 0.1 - 1 / 432 <= encoded.min() < 0.11
    assert 0.49 < encoded.max() <= 0.5
    assert encoded.mean().item() == pytest.approx(0.3, abs=0.02)
    assert ((masks["optical"] == TARGET_ONLY).flatten(1).sum(1) <= 1).all()
    other = (masks["thermal"] == ENCODE).flatten(1).double().mean(1)
    assert torch.corrcoef(torch.stack([encoded, other]))[0, 1].abs() < 0.15


@pytest.mark.parametrize("factory", [random, space, time, space_time, random_space])
@pytest.mark.parametrize("ratios", [(0.6, 0.5), (-0.1, 0.5), (0.5, 1.1)])
def test_impossible_ratios_are_refused(factory, ratios):
    with pytest.raises(ConfigError, match="ratios must lie in"):
        factory(encode_ratio=ratios[0], decode_ratio=ratios[1])


def test_impossible_ranges_and_schedules_are_refused():
    with pytest.raises(ConfigError, match="Give both, or none"):
        random_range(min_decode_ratio=0.2)
    with pytest.raises(ConfigError, match="min <= max"):
        random_range(min_encode_ratio=0.6)
    with pytest.raises(ConfigError, match="must not exceed 1 together"):
        random_range(min_decode_ratio=0.2, max_decode_ratio=0.6)
    with pytest.raises(ConfigError, match="at least 1 step"):
        random_increasing(steps=0)
