"""The acceptance checks of the specification that hold for every seed, defects included."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from olmoearth_masking.legacy import legacy_masking
from olmoearth_masking.legacy.band_choice import BandChoice
from olmoearth_masking.legacy.chance import Chance

from olmoearth_core.data.tokens import DECODE, ENCODE, MISSING, TARGET_ONLY

SENSORS = ["sentinel2_l2a", "sentinel1", "landsat"]
MAPS = ["worldcover", "srtm", "openstreetmap_raster", "wri_canopy_height_map", "cdl", "worldcereal"]
SAMPLE = [*SENSORS, "worldcover", "latlon"]


def counts(codes):
    return {code: int((codes == code).sum()) for code in range(4) if (codes == code).any()}


def per_sample(codes):
    found = [counts(sample) for sample in codes]
    assert all(found[0] == other for other in found)
    return found[0]


def test_random_shows_and_predicts_a_half(batch, drawn):
    masks = drawn("random", batch(SAMPLE))
    expected = {"sentinel2_l2a": 24, "sentinel1": 8, "landsat": 16, "worldcover": 2}
    assert {n: per_sample(masks[n]) for n in expected} == {n: {0: k, 2: k} for n, k in expected.items()}
    assert counts(masks["latlon"]) == {0: 1, 2: 1}


def test_random_leaves_a_rest_to_the_target(batch, drawn):
    masks = drawn("random", batch(SAMPLE), encode_ratio=0.25, decode_ratio=0.5)
    assert per_sample(masks["sentinel2_l2a"]) == {0: 12, 1: 12, 2: 24}
    assert per_sample(masks["sentinel1"]) == {0: 4, 1: 4, 2: 8}
    assert per_sample(masks["worldcover"]) == {0: 1, 1: 1, 2: 2}


def test_counts_are_cut_off_not_rounded(batch, drawn):
    three = drawn("random", batch(["sentinel1"], H=1, T=3))
    assert per_sample(three["sentinel1"]) == {0: 1, 1: 1, 2: 1}
    sixteen = drawn("random", batch(["sentinel1"]), encode_ratio=0.1, decode_ratio=0.75)
    assert per_sample(sixteen["sentinel1"]) == {0: 1, 1: 3, 2: 12}
    nine = drawn("space", batch(["sentinel1"], H=3, T=2), encode_ratio=0.1, decode_ratio=0.75)
    assert per_sample(nine["sentinel1"]) == {1: 6, 2: 12}


def test_space_gives_a_patch_one_code_at_all_dates_and_in_all_spatial_modalities(batch, drawn):
    masks = drawn("space", batch([*SAMPLE, "naip_10"], H=4), encode_ratio=0.25, decode_ratio=0.5)
    assert per_sample(masks["sentinel1"]) == {0: 16, 1: 16, 2: 32}
    patches = masks["naip_10"]
    for name in [*SENSORS, "worldcover"]:
        assert torch.equal(masks[name], patches.expand_as(masks[name]))


def test_time_gives_a_date_one_code_in_all_patches(batch, drawn):
    masks = drawn("time", batch(SAMPLE), encode_ratio=0.25, decode_ratio=0.25)
    assert per_sample(masks["sentinel1"]) == {0: 4, 1: 8, 2: 4}
    dates = masks["sentinel1"][:, :1, :1]
    assert all(torch.equal(masks[name], dates.expand_as(masks[name])) for name in SENSORS)


def test_time_falls_back_to_random_with_two_dates(batch, drawn):
    assert per_sample(drawn("time", batch(SAMPLE, T=2))["sentinel1"]) == {0: 4, 2: 4}


def test_time_skips_a_date_that_is_missing_everywhere(batch, drawn):
    present = batch(SENSORS, T=5)
    for there in present.values():
        there[:, :, :, 3] = False
    dates = drawn("time", present)["sentinel1"][:, 0, 0, :, 0]
    assert per_sample(dates) == {0: 2, 2: 2, 3: 1}
    assert (dates[:, 3] == MISSING).all()


def test_a_missing_band_group_takes_no_other_with_it(batch, drawn):
    present = batch(SAMPLE)
    present["sentinel2_l2a"][..., 0, 0] = False
    codes = drawn("random", present)["sentinel2_l2a"]
    assert (codes[..., 0, 0] == MISSING).all()
    assert per_sample(codes == MISSING) == {0: 44, 1: 4}


@pytest.mark.parametrize(("step", "ratios"), [(1, (0.46, 0.54)), (5, (0.3, 0.7)), (10, (0.1, 0.9)), (12, (0.1, 0.9))])
def test_increasing_ratios_follow_the_step(batch, drawn, step, ratios):
    strategy = legacy_masking("random_increasing", steps=10)
    assert strategy.algorithm.at(step) == pytest.approx(ratios)
    codes = drawn("random_increasing", batch(["sentinel1"], H=5), step=step, steps=10)["sentinel1"]
    assert per_sample(codes) == {k: round(100 * r) for k, r in zip((ENCODE, DECODE), ratios, strict=True)}


def test_fixed_modalities_are_predicted_whole(batch, drawn):
    masks = drawn("random_fixed_modality", batch(SAMPLE), decoded_modalities=["worldcover"])
    assert per_sample(masks["worldcover"]) == {2: 4}
    assert per_sample(masks["sentinel2_l2a"]) == {0: 24, 2: 24}


@pytest.mark.parametrize("key", ["random_with_decode", "random_time_with_decode"])
def test_a_place_is_always_shown_and_groups_split_four_to_three(batch, drawn, key):
    options = {"random_ratio": 1} if "time" in key else {}
    for seed in range(40):
        masks = drawn(key, batch(SAMPLE, B=3), seed, only_decode_modalities=["worldcover"], **options)
        assert (masks["latlon"] == ENCODE).all()
        assert per_sample(masks["worldcover"]) == {2: 4}
        for sample in range(3):
            groups = [g for n in SENSORS for g in masks[n][sample].unbind(-1)]
            roles = [counts(group) for group in groups]
            shown, predicted = roles.count({0: 8, 1: 8}), roles.count({1: 8, 2: 8})
            assert (shown, predicted) in [(3, 3), (4, 2)]


def test_along_time_what_is_predicted_lies_at_other_dates(batch, drawn):
    present = batch(["sentinel1", "landsat"], B=30, T=5)
    for there in present.values():
        there[:, :, :, 3] = False
    masks = drawn("random_time_with_decode", present, random_ratio=0)
    codes = torch.cat([masks["sentinel1"], masks["landsat"]], dim=-1)
    assert torch.equal(codes, codes[:, :1, :1].expand_as(codes))
    for dates in codes[:, 0, 0].unbind(0):
        assert (dates[3] == MISSING).all()
        first, second, third = sorted(dates.unbind(-1), key=lambda group: int((group == DECODE).any()))
        assert torch.equal(first, second)
        assert counts(first) == {ENCODE: 2, TARGET_ONLY: 2, MISSING: 1}
        assert torch.equal(third == DECODE, first == TARGET_ONLY)


def test_a_group_alone_is_shown_and_predicted(batch, drawn):
    for key in ("random_with_decode", "random_time_with_decode"):
        masks = drawn(key, batch(["sentinel1", *MAPS]), only_decode_modalities=MAPS)
        assert per_sample(masks["sentinel1"]) == {0: 8, 2: 8}
        assert all(per_sample(masks[name]) == {2: 4} for name in MAPS)


def test_official_v1_masking_shows_two_to_six_groups_and_predicts_all_others(batch, drawn):
    same = {"allow_encoding_decoding_same_bandset": True, "only_decode_modalities": MAPS}
    masks = drawn("modality_cross_random", batch([*SENSORS, *MAPS], B=200), **same)
    groups = [group.flatten(1) for codes in masks.values() for group in codes.unbind(-1)]
    shown = torch.stack([(group == ENCODE).any(1) for group in groups]).sum(0)
    predicted = torch.stack([(group == DECODE).any(1) for group in groups]).sum(0)
    assert shown.unique().tolist() == [2, 3, 4, 5, 6]
    assert shown.bincount()[2:].min() > 20
    assert (predicted >= 12 - shown).all()
    share = torch.cat(groups, dim=1).flatten().bincount(minlength=3).double()
    assert (share / share.sum()).tolist() == pytest.approx([0.257, 0.366, 0.378], abs=0.02)


def test_a_sample_always_shows_and_predicts_something(batch, drawn):
    present = batch(["sentinel1", "latlon", *MAPS], B=40, H=1, T=2)
    for seed in range(10):
        masks = drawn("modality_cross_random", present, seed, only_decode_modalities=MAPS)
        codes = torch.cat([mask.flatten(1) for mask in masks.values()], dim=1)
        assert (codes == ENCODE).any(1).all()
        assert (codes == DECODE).any(1).all()


def test_selectable_modalities_are_predicted_even_where_they_are_missing(batch, drawn):
    present = batch(["sentinel1", "worldcover"])
    present["worldcover"][1] = False
    options = {"decodable_modalities": ["worldcover"], "fully_mask_modalities": ["naip"], "max_to_mask": 2}
    found = [counts(drawn("selectable_modality", present, seed, **options)["worldcover"]) for seed in range(30)]
    assert {2: 8} in found
    assert {0: 2, 2: 2, 3: 4} in found


def test_which_groups_are_shown_and_predicted_is_drawn_evenly_and_the_first_of_two_is_shown():
    choice = BandChoice(same=True, shown=(2, None), predicted=(None, None), only_decode=frozenset({"worldcover"}))
    s2, s2_20, s1, cover = ("sentinel2_l2a", 0), ("sentinel2_l2a", 1), ("sentinel1", 0), ("worldcover", 0)
    chance = Chance.seeded(0, 0)
    assert choice.of([s2], chance) == ({s2}, set())
    assert choice.of([s2, s1], chance) == ({s2}, {s1})
    found = [choice.of([s2, s2_20, s1, cover], chance) for _ in range(2000)]
    assert not any(cover in shown for shown, _ in found)
    seen = Counter((len(shown), len(predicted)) for shown, predicted in found)
    assert set(seen) == {(e, d) for e in (2, 3) for d in (1, 2, 3, 4)}
    assert all(190 < number < 310 for number in seen.values())


def test_random_masks_have_one_code_per_token_and_missing_where_a_group_is_not_there(batch, drawn):
    """Check 29 of the data chapter: 8 x 8 pixels of two samples and three dates in patches of 4."""
    present = batch(["sentinel2_l2a", "naip_10", "latlon", "era5_10", "worldcover"], T=3)
    present["worldcover"][:] = False
    present["sentinel2_l2a"][0, 0, 0, 0, 1] = False
    masks = drawn("random", present)
    assert {name: tuple(mask.shape) for name, mask in masks.items()} == {
        "sentinel2_l2a": (2, 2, 2, 3, 3), "naip_10": (2, 2, 2, 1, 1), "latlon": (2, 1), "era5_10": (2, 3, 1),
        "worldcover": (2, 2, 2, 1, 1),
    }  # fmt: skip
    assert (masks["worldcover"] == MISSING).all()
    assert (masks["sentinel2_l2a"] == MISSING).nonzero().tolist() == [[0, 0, 0, 0, 1]]
    assert not any((masks[name] == MISSING).any() for name in ("naip_10", "latlon", "era5_10"))
