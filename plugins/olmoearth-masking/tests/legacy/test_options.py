"""Options: what is reported, what is refused, and which algorithm a strategy's `legacy` gives."""

from __future__ import annotations

import pytest
import torch
from olmoearth_masking.legacy import legacy_masking
from olmoearth_masking.legacy.factory import KEYS

from olmoearth_core.data.random import Draws
from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.masking import Masking
from olmoearth_core.lookup import modalities

LISTS = {"decodable_modalities": None, "fully_mask_modalities": None, "max_to_mask": 1}


def test_every_key_of_the_reference_is_there():
    assert len(KEYS) == 16
    for key in KEYS:
        options = LISTS if key.startswith("selectable") else {}
        options = {"decoded_modalities": []} if key == "random_fixed_modality" else options
        strategy = legacy_masking(key, **options)
        assert isinstance(strategy, Masking)
        assert strategy.name == key.replace("_", "")
        assert strategy.encode_ratio + strategy.decode_ratio == 1


def test_ranges_report_their_middle():
    strategy = legacy_masking("selectable_random_range_modality", **LISTS)
    assert (strategy.encode_ratio, strategy.decode_ratio) == (0.3, 0.7)
    given = legacy_masking("random_range", min_decode_ratio=0.2, max_decode_ratio=0.4)
    assert (given.encode_ratio, given.decode_ratio) == pytest.approx((0.3, 0.3))


@pytest.mark.parametrize(
    ("key", "options", "says"),
    [
        ("spiral", {}, "Choose one of random, space"),
        ("random", {"ratio": 1}, "unexpected keyword argument 'ratio'"),
        ("random_fixed_modality", {}, "decoded_modalities"),
        ("random", {"encode_ratio": 0.7}, "must not exceed 1 together"),
        ("space", {"encode_ratio": -0.1}, "encode_ratio must lie in"),
        ("random_range", {"min_decode_ratio": 0.1}, "both be given"),
        ("random_time_with_decode", {"random_ratio": 1.5}, "random_ratio must lie in"),
        ("modality_cross_random", {"min_encoded_bandsets": 1}, "must be more than 1"),
        ("modality_cross_space", {"min_encoded_bandsets": None, "max_encoded_bandsets": 3}, "must be given too"),
    ],
)
def test_what_the_reference_refuses_is_refused(key, options, says):
    with pytest.raises(ConfigError, match=says):
        legacy_masking(key, **options)


def test_ratios_that_ask_for_more_tokens_than_there_are_say_so(batch, drawn):
    with pytest.raises(ConfigError, match="show 3 and to predict 1 of 3 tokens"):
        drawn("time", batch(["sentinel1"], T=3), encode_ratio=1.0, decode_ratio=0.0)


@pytest.mark.parametrize("key", ["random_time_with_decode", "modality_cross_random"])
def test_where_samples_share_no_draw_a_mask_does_not_depend_on_batch_mates(key, batch):
    names = ["sentinel2_l2a", "sentinel1", "worldcover"]
    present, specs = batch(names, B=6), modalities(names)
    strategy = legacy_masking(key, only_decode_modalities=["worldcover"])
    whole = strategy.mask(present, specs, Draws(range(6)))
    alone = strategy.mask({name: there[3:5] for name, there in present.items()}, specs, Draws([3, 4]))
    assert all(torch.equal(alone[name], whole[name][3:5]) for name in names)
