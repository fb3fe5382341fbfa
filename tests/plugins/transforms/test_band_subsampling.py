"""Band subsampling: whole band sets, enough of them left, others' lots untouched."""

import pytest
import torch

from olmoearth_core.errors import ConfigError
from olmoearth_core.testing.samples import draws
from olmoearth_core.testing.transforms import pixels, specs
from olmoearth_plugins.transforms.band_subsampling import band_subsampling


def sets(made):
    parts = [
        made.presence[spec.name].flatten(1, -2)[..., list(bands)].any((1, 2))
        if made.presence[spec.name].dim() > 2
        else made.presence[spec.name][:, list(bands)].any(1)
        for spec in specs()
        for bands in spec.band_indices
    ]
    return torch.stack(parts, 1)


@pytest.mark.parametrize("least", [0, 1, 4])
def test_at_the_highest_rate_so_many_band_sets_stay_in_any_case(least):
    made = band_subsampling(rate=1.0, random=False, min_kept=least).apply(pixels(), specs(), draws())
    assert sets(made).sum(1).tolist() == [least] * 4


def test_a_band_set_goes_whole():
    given_ = pixels()
    made = band_subsampling(rate=0.5, random=False).apply(given_, specs(), draws())
    for spec in specs():
        for bands in spec.band_indices:
            before, after = (p.presence[spec.name][..., list(bands)] for p in (given_, made))
            for row in range(4):
                assert torch.equal(after[row], before[row]) or not after[row].any()


def test_another_modality_changes_nothing_where_no_minimum_decides():
    transform = band_subsampling(rate=0.5, random=False, min_kept=0)
    whole, fewer = (transform.apply(pixels(), chosen, draws()) for chosen in (specs(), specs()[2:]))
    assert all(torch.equal(whole.presence[s.name], fewer.presence[s.name]) for s in specs()[2:])


def test_a_negative_number_of_band_sets_is_refused():
    with pytest.raises(ConfigError, match="min_kept is -1"):
        band_subsampling(min_kept=-1)
