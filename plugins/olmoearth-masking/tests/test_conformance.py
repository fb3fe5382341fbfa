"""The kit's checks of every component of this distribution."""

from olmoearth_core.testing import conformance

RANDOM = {"@maskings": "masking.random.v1"}
NOT_THERE = {"decodable_modalities": ["radar"], "fully_mask_modalities": ["snow"], "max_to_mask": 1}
SETTINGS = {
    "masking.choice.v1": {"strategies": {"space": {"@maskings": "masking.space.v1"}, "random": RANDOM}},
    "masking.only_decode.v1": {"strategy": RANDOM, "modalities": ["check_map"]},
    "masking.schedule.v1": {"strategy": RANDOM, "final_encode_ratio": 0.1, "final_decode_ratio": 0.9},
    "masking.random_fixed_modality.v1": {"decoded_modalities": ["check_map"]},
    "masking.selectable_modality.v1": NOT_THERE,
    "masking.selectable_random_range_modality.v1": NOT_THERE,
}

test_conformance = conformance("olmoearth-masking", SETTINGS)
