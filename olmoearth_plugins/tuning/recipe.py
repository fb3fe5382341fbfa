"""How an encoder is fine-tuned: plain numbers, checked before anything is read."""

from __future__ import annotations

import math
from dataclasses import dataclass

from olmoearth_core.choice import one_of
from olmoearth_core.errors import ConfigError

HEADS = ("linear", "unet")
UNFREEZING = 0.1
"""Factor on the learning rate when the encoder starts to learn."""


@dataclass(frozen=True)
class Recipe:
    """How an encoder and its head are trained.

    lr: peak rate of AdamW. accumulate: batches per step. frozen_fraction: share of epochs, from the first, in which
    only the head learns. layer_decay: factor on the rate per layer below the head; None = 1. resets_rate: unfreezing
    sets the rate to 0.1 * lr instead of multiplying the current one by 0.1. standardised: learn numbers as z-scores.
    """

    lr: float = 1e-4
    batch_size: int = 32
    accumulate: int = 1
    epochs: int = 50
    frozen_fraction: float = 0.2
    head: str = "linear"
    layer_decay: float | None = None
    dice: bool = False
    resets_rate: bool = False
    standardised: bool = True

    @property
    def frozen_epochs(self) -> int:
        """Return how many epochs the encoder does not learn, rounded up: 10 of 50 by default."""
        # Rounded first, since 0.07 * 100 is a little more than 7 and would freeze one epoch too many.
        return math.ceil(round(self.frozen_fraction * self.epochs, 9))


def checked(recipe: Recipe) -> Recipe:
    """Return a recipe that can be followed.

    Raises:
        ConfigError: a number is out of range, or there is no such head.
    """
    one_of(recipe.head, HEADS, "finetune: head")
    if min(recipe.batch_size, recipe.accumulate, recipe.epochs) < 1 or not 0 < recipe.lr < math.inf:
        raise ConfigError(
            f"finetune: batch_size, accumulate and epochs must be at least 1 and lr above 0; got {recipe.batch_size}, "
            f"{recipe.accumulate}, {recipe.epochs}, {recipe.lr}."
        )
    if not 0 <= recipe.frozen_fraction <= 1:
        raise ConfigError(f"finetune: frozen_fraction is {recipe.frozen_fraction}, but must lie between 0 and 1.")
    if recipe.layer_decay is not None and not 0 < recipe.layer_decay <= 1:
        raise ConfigError(
            f"finetune: layer_decay is {recipe.layer_decay}, but must be above 0 and at most 1, or null for none."
        )
    return recipe
