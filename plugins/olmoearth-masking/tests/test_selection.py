"""How band groups are selected for encoding and decoding, and what a sample gets that would otherwise have no role."""

from __future__ import annotations

from collections import Counter
from math import floor

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from olmoearth_masking.redraw import Redraw
from olmoearth_masking.selection import Selection, check_selection

from olmoearth_core.data.random import Draws
from olmoearth_core.data.tokens import DECODE, ENCODE, MISSING, TARGET_ONLY
from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.modality import BandSet, ModalitySpec

OFFICIAL = Selection(share=True, min_encoded=2, max_encoded=None, min_decoded=None, max_decoded=None)
APART = Selection(share=False, min_encoded=2, max_encoded=None, min_decoded=None, max_decoded=None)


def modality(name, sets):
    return ModalitySpec(name, tuple(BandSet((f"{name}{i}",), 16) for i in range(sets)), 16, multitemporal=True)


OPTICAL, RADAR, COVER, RELIEF = (
    modality("optical", 2),
    modality("radar", 1),
    modality("cover", 1),
    modality("relief", 1),
)


def choose(selection, groups, samples=1, only_decode=("cover", "relief")):
    there = torch.ones(samples, len(groups), dtype=torch.bool)
    may = torch.tensor([[spec.name not in only_decode for spec, _ in groups]]).expand_as(there)
    return selection.choose(there, may, groups, Draws(range(samples)))


def test_one_group_is_encoded_and_of_two_either_is_encoded_and_the_other_decoded():
    assert [s.tolist() for s in choose(OFFICIAL, [(OPTICAL, 0)])] == [[[True]], [[False]]]
    for groups in ([(OPTICAL, 0), (RADAR, 0)], [(RADAR, 0), (OPTICAL, 0)]):
        encoded, decoded = choose(OFFICIAL, groups, samples=1000)
        assert torch.equal(decoded, ~encoded)
        assert (encoded.sum(1) == 1).all()
        assert 430 < encoded[:, 0].sum() < 570


def test_which_of_two_groups_is_encoded_does_not_depend_on_the_order_in_which_they_are_declared():
    one_way, _ = choose(OFFICIAL, [(OPTICAL, 0), (RADAR, 0)], samples=50)
    other_way, _ = choose(OFFICIAL, [(RADAR, 0), (OPTICAL, 0)], samples=50)
    assert torch.equal(one_way, other_way.flip(1))


def test_a_group_that_is_only_decoded_is_not_encoded_also_among_one_or_two():
    for selection in (OFFICIAL, APART):
        assert [s.tolist() for s in choose(selection, [(COVER, 0)])] == [[[False]], [[True]]]
        assert [s.tolist() for s in choose(selection, [(COVER, 0), (RADAR, 0)])] == [[[False, True]], [[True, False]]]


def test_the_numbers_of_encoded_and_decoded_groups_are_equally_likely():
    groups = [(OPTICAL, 0), (OPTICAL, 1), (RADAR, 0), (COVER, 0)]
    encoded, decoded = choose(OFFICIAL, groups, samples=4000)
    seen = Counter(zip(encoded.sum(1).tolist(), decoded.sum(1).tolist(), strict=True))
    assert set(seen) == {(e, d) for e in (2, 3) for d in (1, 2, 3, 4)}
    assert min(seen.values()) > 420
    assert max(seen.values()) < 580
    assert not encoded[:, 3].any()
    assert (encoded[:, :3].double().mean(0) - 2.5 / 3).abs().max() < 0.03


def test_of_twelve_groups_with_six_encodable_two_to_six_are_encoded_equally_often():
    groups = [(modality(f"m{i}", 1), 0) for i in range(12)]
    encoded, _ = choose(OFFICIAL, groups, samples=5000, only_decode={f"m{i}" for i in range(6, 12)})
    seen = Counter(encoded.sum(1).tolist())
    assert set(seen) == {2, 3, 4, 5, 6}
    assert all(900 < number < 1100 for number in seen.values())


def test_where_no_group_may_do_both_all_that_are_not_encoded_are_decoded():
    groups = [(OPTICAL, 0), (OPTICAL, 1), (RADAR, 0), (COVER, 0)]
    encoded, decoded = choose(APART, groups, samples=200)
    assert torch.equal(decoded, ~encoded)
    assert encoded.sum(1).unique().tolist() == [2]


def test_where_nothing_may_be_encoded_something_is_still_decoded():
    for selection in (OFFICIAL, APART):
        encoded, decoded = choose(selection, [(COVER, 0), (RELIEF, 0), (RADAR, 0)], 100, ("cover", "relief", "radar"))
        assert not encoded.any()
        assert decoded.any(1).all()


def test_the_only_group_that_may_be_encoded_is_encoded():
    encoded, decoded = choose(APART, [(COVER, 0), (RADAR, 0), (RELIEF, 0)], 20)
    assert (encoded == torch.tensor([False, True, False])).all()
    assert torch.equal(decoded, ~encoded)


def test_bounds_of_decoded_groups_hold():
    groups = [(modality(f"m{i}", 1), 0) for i in range(8)]
    for share in (True, False):
        encoded, decoded = choose(Selection(share, 2, 4, 2, 3), groups, samples=300)
        assert encoded.sum(1).unique().tolist() == [2, 3, 4]
        assert decoded.sum(1).unique().tolist() == [2, 3]
        assert share or not (encoded & decoded).any()


@settings(max_examples=200, deadline=None)
@given(
    there=st.lists(st.booleans(), min_size=1, max_size=7),
    data=st.data(),
    share=st.booleans(),
    bounds=st.tuples(*[st.none() | st.integers(2, 5)] * 4),
)
def test_selecting_one_sample_at_a_time_in_a_loop_agrees(there, data, share, bounds):
    low_e, high_e, low_d, high_d = bounds
    selection = Selection(share, low_e, high_e if low_e else None, low_d, high_d)
    may = [a and b for a, b in zip(there, data.draw(st.lists(st.booleans(), min_size=7, max_size=7)), strict=False)]
    groups = [(modality(f"m{i}", 1), 0) for i in range(len(there))]
    draw = Draws([data.draw(st.integers(0, 2**32))])
    found = selection.choose(torch.tensor([there]), torch.tensor([may]), groups, draw)
    assert tuple(s[0].tolist() for s in found) == naive(selection, there, may, draw)


def naive(selection, there, may, draw):
    """The rules in words: lists of groups, one sample."""
    lot = {what: [float(draw(f"{what}/m{i}/0", 1)) for i in range(len(there))] for what in ("encoded", "decoded")}
    pairs, able = [i for i, t in enumerate(there) if t], [i for i, m in enumerate(may) if m]
    if len(pairs) <= 2 and able:
        encoded = sorted(able, key=lambda i: lot["encoded"][i])[:1]
        decoded = [i for i in pairs if i not in encoded]
    else:
        most = len(able) if selection.share or len(able) < 2 else len(able) - 1
        high = min(selection.max_encoded or most, most)
        low = min(selection.min_encoded or len(able), len(able), high)
        number = low + floor(float(draw("num_encoded", 1)) * (high - low + 1))
        encoded = sorted(able, key=lambda i: lot["encoded"][i])[:number]
        rest = pairs if selection.share else [i for i in pairs if i not in encoded]
        high = min(selection.max_decoded or len(rest), len(rest))
        low = min(selection.min_decoded or (1 if selection.share else len(rest)), len(rest), high)
        number = low + floor(float(draw("num_decoded", 1)) * (high - low + 1))
        decoded = sorted(rest, key=lambda i: lot["decoded"][i])[:number]
    return tuple([i in chosen for i in range(len(there))] for chosen in (encoded, decoded))


@pytest.mark.parametrize(
    "bounds", [(1, None, None, None), (None, 3, None, None), (4, 3, None, None), (2, 0, None, None)]
)
def test_bounds_that_no_sample_can_meet_are_refused(bounds):
    with pytest.raises(ConfigError, match=r"masking\.x: min_encoded|masking\.x: max_encoded"):
        check_selection("masking.x", Selection(True, *bounds))


def test_decode_bounds_in_the_wrong_order_are_refused_and_one_encoded_group_is_allowed():
    with pytest.raises(ConfigError, match="min_decoded_bandsets is 3 and max_decoded_bandsets is 2"):
        check_selection("masking.x", Selection(True, 2, None, 3, 2))
    check_selection("masking.x", Selection(True, 2, 1, None, None))
    check_selection("masking.x", Selection(True, None, None, None, None))


@settings(max_examples=200, deadline=None)
@given(
    codes=st.lists(st.integers(0, 3), min_size=1, max_size=12),
    free=st.integers(0, 12),
    encode=st.floats(0.01, 0.9),
    seed=st.integers(0, 2**32),
)
def test_a_sample_ends_with_both_roles_wherever_it_has_tokens_for_them(codes, free, encode, seed):
    free = min(free, len(codes))
    codes = [DECODE if i >= free and code == ENCODE else code for i, code in enumerate(codes)]
    before = {"a": torch.tensor([codes[:free]], dtype=torch.int8), "b": torch.tensor([codes[free:]], dtype=torch.int8)}
    may = {"a": torch.tensor([True]), "b": torch.tensor([False])}
    after = Redraw(encode, 1 - encode).mask(before, may, Draws([seed]))
    a, b = after["a"][0].tolist(), after["b"][0].tolist()
    able, there = [c for c in codes[:free] if c != MISSING], [c for c in codes if c != MISSING]
    assert (ENCODE in a) == bool(able)
    assert (DECODE in a + b) == (len(there) > 1 or (bool(there) and not able))
    assert [c == MISSING for c in a + b] == [c == MISSING for c in codes]
    if ENCODE in codes and DECODE in codes:
        assert a + b == codes


def test_a_redrawn_sample_has_the_ratios_and_a_ratio_of_zero_asks_for_nothing():
    there = {"a": torch.full((3, 4, 4), TARGET_ONLY, dtype=torch.int8)}
    may = {"a": torch.ones(3, dtype=torch.bool)}
    codes = Redraw(0.25, 0.5).mask(there, may, Draws(range(3)))["a"].flatten(1)
    assert [[int((row == code).sum()) for code in (ENCODE, TARGET_ONLY, DECODE)] for row in codes] == [[4, 4, 8]] * 3
    shown = {"a": torch.full((1, 4), ENCODE, dtype=torch.int8)}
    assert torch.equal(Redraw(0.5, 0).mask(shown, {"a": torch.tensor([True])}, Draws([0]))["a"], shown["a"])
