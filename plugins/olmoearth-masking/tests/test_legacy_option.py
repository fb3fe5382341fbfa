"""`legacy = true` hands every option on to the reference's algorithm of the same key."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from olmoearth_masking.legacy import legacy_masking

from olmoearth_core.interfaces.modality import BandSet, ModalitySpec

RATIOS = {"encode_ratio": 0.25, "decode_ratio": 0.5}
CROSS = {
    **RATIOS, "allow_encoding_decoding_same_bandset": True, "min_encoded_bandsets": 3, "max_encoded_bandsets": 4,
    "min_decoded_bandsets": 2, "max_decoded_bandsets": 3, "only_decode_modalities": ["cover"],
}  # fmt: skip
CHOICE = {"decodable_modalities": ["radar"], "fully_mask_modalities": ["cover"], "max_to_mask": 2}
OPTIONS = {
    "modality_cross_random": CROSS,
    "modality_cross_space": CROSS,
    "modality_cross_time": CROSS,
    "modality_cross_space_time": CROSS,
    "random_fixed_modality": {
        **RATIOS, "decoded_modalities": ["cover"], "randomize_missing_modalities": ["radar", "optical"]
    },
    "selectable_modality": {**RATIOS, **CHOICE},
    "selectable_random_range_modality": {
        **CHOICE, "min_encode_ratio": 0.2, "max_encode_ratio": 0.3, "min_decode_ratio": 0.4, "max_decode_ratio": 0.6
    },
    "random_with_decode": {**RATIOS, "only_decode_modalities": ["cover"]},
    "random_time_with_decode": {**RATIOS, "random_ratio": 0.3, "only_decode_modalities": ["cover"]},
}  # fmt: skip


def modality(name, sets, *, dates=True):
    bands = tuple(BandSet((f"{name}{i}",), 16) for i in range(sets))
    return ModalitySpec(name, bands, grid_factor=16, multitemporal=dates)


SCENE = [modality("optical", 3), modality("radar", 1), modality("thermal", 2), modality("cover", 1, dates=False)]


def factory_of(key):
    module = pytest.importorskip(f"olmoearth_masking.{key}", reason="the base strategies are not there yet")
    return getattr(module, key)


@pytest.mark.parametrize("key", OPTIONS)
def test_legacy_is_the_algorithm_of_the_reference_with_the_same_options(key):
    factory = factory_of(key)
    present = {s.name: torch.ones(4, 2, 2, 4 if s.multitemporal else 1, len(s.band_sets)).bool() for s in SCENE}
    strategies = factory(**OPTIONS[key], legacy=True), legacy_masking(key, **OPTIONS[key])
    for seed in range(5):
        found, expected = (
            strategy.mask_with(present, SCENE, torch.Generator().manual_seed(seed), np.random.RandomState(seed))
            for strategy in strategies
        )
        assert all(torch.equal(found[name], codes) for name, codes in expected.items())


@pytest.mark.parametrize("key", OPTIONS)
def test_metrics_call_it_what_the_reference_calls_it(key):
    strategy = factory_of(key)(**OPTIONS[key])
    assert getattr(strategy, "name", type(strategy).__name__.replace("_", "").lower()) == key.replace("_", "")
