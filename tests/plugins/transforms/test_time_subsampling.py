"""Time subsampling: whole steps, the same in all modalities, enough of them left."""

import pytest
import torch

from olmoearth_core.errors import ConfigError
from olmoearth_core.testing.samples import draws
from olmoearth_core.testing.transforms import pixels, specs
from olmoearth_plugins.transforms.time_subsampling import time_subsampling

TIMED = ("check_images", "check_series", "check_smooth")


def steps(made, name):
    return made.presence[name].movedim(-2, 1).flatten(2).any(2)


@pytest.mark.parametrize("least", [0, 1, 3])
def test_at_the_highest_rate_so_many_steps_stay_in_any_case(least):
    made = time_subsampling(rate=1.0, random=False, min_kept=least).apply(pixels(), specs(), draws())
    left = torch.stack([steps(made, name) for name in TIMED]).any(0).sum(1)
    assert left.tolist() == [least] * 4


def test_all_modalities_lose_the_same_steps():
    given_ = pixels()
    made = time_subsampling(rate=0.5, random=False).apply(given_, specs(), draws())
    kept = torch.stack([steps(made, name) for name in TIMED]).any(0)
    for name in TIMED:
        assert torch.equal(steps(made, name), steps(given_, name) & kept), name
    assert 0 < int(kept.sum()) < kept.numel()


def test_what_does_not_vary_in_time_stays():
    given_ = pixels()
    made = time_subsampling(rate=1.0, random=False).apply(given_, specs(), draws())
    for name in ("check_map", "check_facts", "check_fine"):
        assert made.arrays[name] is given_.arrays[name]
    assert made.timestamps is given_.timestamps


def test_a_negative_number_of_steps_is_refused():
    with pytest.raises(ConfigError, match="min_kept is -1"):
        time_subsampling(min_kept=-1)
