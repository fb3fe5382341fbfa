"""The strategies that hide places, dates or tokens at drawn ratios equal what a plain loop over one sample says."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from olmoearth_masking.random_range import random_range
from olmoearth_masking.random_space import random_space
from olmoearth_masking.random_time_with_decode import random_time_with_decode
from olmoearth_masking.space import space
from olmoearth_masking.space_time import space_time
from olmoearth_masking.time import time

from olmoearth_core.data.random import Draws
from olmoearth_core.data.tokens import DECODE, ENCODE, MISSING, TARGET_ONLY

ENCODED, DECODED = 0.3, 0.6
RATIOS = {"encode_ratio": ENCODED, "decode_ratio": DECODED}


def role(place, shown, hidden):
    return ENCODE if place < shown else DECODE if place < shown + hidden else TARGET_ONLY


def in_order(units, lots, shown, hidden):
    """Give each unit a code, in the order of its lot."""
    return {unit: role(place, shown, hidden) for place, unit in enumerate(sorted(units, key=lots.__getitem__))}


def codes(there, of):
    """Walk all tokens of a modality and ask for the code of each that is there."""
    places = product(*(range(n) for n in there.shape))
    return [of(*place) if there[place] else MISSING for place in places]


def at_random(spec, there, draw, encode=ENCODED, decode=DECODED):
    flat = there.flatten().tolist()
    tokens = [i for i, t in enumerate(flat) if t]
    shown, hidden = int(len(tokens) * encode + 1e-6), int(len(tokens) * decode + 1e-6)
    if spec.kind == "static":
        lot = float(draw(f"rounding/{spec.name}", 1))
        shown = int(len(tokens) * encode + lot)
        hidden = int(len(tokens) * (encode + decode) + lot) - shown
    found = in_order(tokens, draw(f"tokens/{spec.name}", len(flat))[0].tolist(), shown, hidden)
    return [found.get(i, MISSING) for i in range(len(flat))]


def by_space(scene, present, draw):
    spatial = [present[s.name] for s in scene.specs if s.spatial]
    rows, columns = spatial[0].shape[:2]
    patches = [r * columns + c for r in range(rows) for c in range(columns) if any(p[r, c].any() for p in spatial)]
    lots = draw("patches", rows * columns)[0].tolist()
    found = in_order(patches, lots, int(len(patches) * ENCODED + 1e-6), int(len(patches) * DECODED + 1e-6))
    return {
        s.name: codes(present[s.name], lambda r, c, *_: found[r * columns + c])
        if s.spatial
        else at_random(s, present[s.name], draw)
        for s in scene.specs
    }


def dates_of(scene, present):
    moving = [present[s.name] for s in scene.specs if s.multitemporal]
    return [t for t in range(moving[0].shape[-2]) if any(m[..., t, :].any() for m in moving)]


def by_time(scene, present, draw):
    dates = dates_of(scene, present)
    masks = {s.name: at_random(s, present[s.name], draw) for s in scene.specs}
    if len(dates) < 3:
        return masks
    hidden = max(int(len(dates) * DECODED + 1e-6), 1)
    shown = min(max(int(len(dates) * ENCODED + 1e-6), 1), len(dates) - hidden)
    steps = present["radar"].shape[-2]
    found = in_order(dates, draw("dates", steps)[0].tolist(), shown, hidden)
    for s in scene.specs:
        if s.multitemporal:
            masks[s.name] = codes(present[s.name], lambda *place: found[place[-2]])
    return masks


def by_space_or_time(scene, present, draw):
    if float(draw("strategy", 1)) < 0.5 or len(dates_of(scene, present)) < 3:
        return by_space(scene, present, draw.child("space"))
    return by_time(scene, present, draw.child("time"))


def by_space_or_token(scene, present, draw):
    if float(draw("strategy", 1)) < 0.5:
        return by_space(scene, present, draw.child("space"))
    return {s.name: at_random(s, present[s.name], draw.child("random")) for s in scene.specs}


def in_range(scene, present, draw):
    def one(spec):
        encode = 0.1 + 0.4 * float(draw(f"ratios/{spec.name}", 2)[0, 0])
        return at_random(spec, present[spec.name], draw, encode, 1 - encode)

    return {spec.name: one(spec) for spec in scene.specs}


CASES = {
    "space": (space(**RATIOS), by_space),
    "time": (time(**RATIOS), by_time),
    "space_time": (space_time(**RATIOS), by_space_or_time),
    "random_space": (random_space(**RATIOS), by_space_or_token),
    "random_range": (random_range(), in_range),
}


@pytest.mark.parametrize("name", list(CASES))
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), share=st.floats(0.2, 1), steps=st.integers(1, 6))
def test_a_loop_over_one_sample_agrees(scene_of, name, seed, share, steps):
    strategy, naive = CASES[name]
    present, draw = scene_of.gaps(seed, 2, 2, steps, share), Draws([seed, seed + 1])
    masks = strategy.mask(present, scene_of.specs, draw)
    for row in range(2):
        one = {n: p[row] for n, p in present.items()}
        expected = naive(scene_of, one, draw.rows(slice(row, row + 1)))
        assert {n: m[row].flatten().tolist() for n, m in masks.items()} == expected


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), share=st.floats(0.2, 1), steps=st.integers(1, 6))
def test_a_loop_over_dates_agrees_with_random_time_with_decode(scene_of, seed, share, steps):
    present, draw = scene_of.gaps(seed, 2, 2, steps, share), Draws([seed, seed + 1])
    only = {"only_decode_modalities": ["cover"]}
    masks = random_time_with_decode(**only).mask(present, scene_of.specs, draw)
    tokens = random_time_with_decode(random_ratio=1, **only).mask(present, scene_of.specs, draw)
    for row in range(2):
        alone = draw.rows(slice(row, row + 1))
        moving = [s for s in scene_of.specs if s.kind == "space_time"]
        dates = [t for t in range(steps) if any(present[s.name][row][..., t, :].any() for s in moving)]
        groups = [(s, i) for s in scene_of.specs if s.name != "cover" for i in range(present[s.name].shape[-1])]
        groups = [(s, i) for s, i in groups if present[s.name][row][..., i].any()]
        groups.sort(key=lambda g: float(alone(f"role/{g[0].name}/{g[1]}", 1)))
        lots = alone("dates", steps)[0].tolist()
        ordered = sorted(dates, key=lots.__getitem__)
        first = ordered[: -(-len(dates) // 2)]
        expected = {n: m[row].clone() for n, m in tokens.items()}
        if len(dates) > 1 and float(alone("mode", 1)) >= 0.5 and len(groups) > 1:
            for number, (spec, i) in enumerate(groups):
                shows = number < -(-len(groups) // 2)
                own = first if shows else [t for t in dates if t not in first]
                there = present[spec.name][row]
                if spec.kind == "space_time" and there[..., i][..., own].any():
                    for t in range(steps):
                        code = (ENCODE if shows else DECODE) if t in own else TARGET_ONLY
                        expected[spec.name][..., t, i] = torch.where(there[..., t, i], code, MISSING)
        assert all(torch.equal(masks[n][row], e) for n, e in expected.items())
