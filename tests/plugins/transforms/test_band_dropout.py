"""Band dropout: whole bands, one of every set left."""

import torch

from olmoearth_core.testing.samples import draws
from olmoearth_core.testing.transforms import pixels, specs
from olmoearth_plugins.transforms.band_dropout import band_dropout


def by_band(made, name):
    """Presence with all other axes in one, [B,N,C]."""
    there = made.presence[name]
    return there.reshape(len(there), -1, there.shape[-1])


def test_at_the_highest_rate_each_band_set_keeps_one_band_that_is_there():
    given_ = pixels()
    made = band_dropout(rate=1.0, random=False).apply(given_, specs(), draws())
    for spec in specs():
        for bands in spec.band_indices:
            before, after = (by_band(p, spec.name)[..., list(bands)] for p in (given_, made))
            assert torch.equal(after.any(1).sum(1), before.any((1, 2)).long()), spec.name


def test_a_band_goes_everywhere_or_nowhere():
    given_ = pixels()
    made = band_dropout(rate=0.5, random=False).apply(given_, specs(), draws())
    for name, there in made.presence.items():
        before = given_.presence[name]
        kept = by_band(made, name).any(1)
        everywhere = before & kept.view(len(kept), *[1] * (there.dim() - 2), -1)
        assert torch.equal(there, everywhere), name


def test_a_single_band_is_never_hidden():
    given_ = pixels()
    made = band_dropout(rate=1.0, random=False).apply(given_, specs(), draws())
    assert torch.equal(made.presence["check_map"], given_.presence["check_map"])
    assert torch.equal(made.presence["check_images"][..., 2], given_.presence["check_images"][..., 2])
