"""What a masking strategy must do with any modalities, also ones it has never heard of."""

from __future__ import annotations

import torch
from torch import Tensor

from olmoearth_core.data.tokens import MISSING
from olmoearth_core.testing.samples import SAMPLES, draws, presence, specs
from olmoearth_core.testing.subject import Subject

CHECKS = (
    "masks_have_the_shape_of_presence",
    "missing_data_is_missing_and_nothing_else_is",
    "the_same_draws_give_the_same_mask",
    "other_draws_give_another_mask",
    "a_sample_does_not_depend_on_its_neighbours",
    "global_random_state_is_left_alone",
    "its_input_is_left_alone",
)


def masks_have_the_shape_of_presence(subject: Subject) -> None:
    """One code 0 to 3 per token, for exactly the modalities given, in their order."""
    present, masks = presence(), _mask(subject)
    assert list(masks) == list(present)
    for name, mask in masks.items():
        assert mask.shape == present[name].shape, f"{name}: {tuple(mask.shape)} instead of {tuple(present[name].shape)}"
        assert mask.dtype == torch.int8, f"{name}: {mask.dtype} instead of int8"
        assert int(mask.min()) >= 0, f"{name}: negative codes"
        assert int(mask.max()) <= MISSING, f"{name}: codes above {MISSING}"


def missing_data_is_missing_and_nothing_else_is(subject: Subject) -> None:
    """So missing data never becomes a target."""
    for seed in range(5):
        for name, mask in _mask(subject, seed).items():
            assert torch.equal(mask == MISSING, ~presence(seed)[name]), name


def the_same_draws_give_the_same_mask(subject: Subject) -> None:
    """A resumed run sees the same masks, also from a strategy made anew."""
    again = subject.fresh().mask(presence(), specs(), draws())
    assert _equal(_mask(subject), again)


def other_draws_give_another_mask(subject: Subject) -> None:
    """Randomness comes from the draws."""
    masks = [subject.product.mask(presence(), specs(), draws(seed)) for seed in range(8)]
    assert not all(_equal(masks[0], other) for other in masks[1:]), "eight seeds gave one mask"


def a_sample_does_not_depend_on_its_neighbours(subject: Subject) -> None:
    """The same sample gets the same mask in a batch of any size, on any number of ranks."""
    whole = _mask(subject)
    first = {name: p[:2] for name, p in presence().items()}
    part = subject.product.mask(first, specs(), draws(samples=SAMPLES).rows(slice(0, 2)))
    assert _equal({name: mask[:2] for name, mask in whole.items()}, part)


def global_random_state_is_left_alone(subject: Subject) -> None:
    """Dropout of the model must not depend on who masked the batch."""
    before = torch.get_rng_state()
    _mask(subject)
    assert torch.equal(before, torch.get_rng_state()), "it draws from torch's global generator"


def its_input_is_left_alone(subject: Subject) -> None:
    """Two views share their presence."""
    given = presence()
    subject.product.mask(given, specs(), draws())
    assert _equal(given, presence()), "it writes into `present`"


def _mask(subject: Subject, seed: int = 0) -> dict[str, Tensor]:
    masks: dict[str, Tensor] = subject.product.mask(presence(seed), specs(), draws(seed))
    return masks


def _equal(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return list(a) == list(b) and all(torch.equal(a[name], b[name]) for name in a)
