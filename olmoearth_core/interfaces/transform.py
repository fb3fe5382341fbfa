"""What may change pixels between the file and the model.

A *derivation* computes one modality from another, per sample, on raw stored values. A *transform* changes
a whole batch before masking. Both see presence beside the values, so neither needs a magic number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from olmoearth_core.interfaces.masking import Draw
from olmoearth_core.interfaces.modality import ModalitySpec

if TYPE_CHECKING:
    from torch import Tensor


@runtime_checkable
class Derive(Protocol):
    """Compute a modality from the raw values of the one it is derived from, e.g. an index or a one-hot map."""

    def __call__(self, array: np.ndarray, presence: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return values and presence of the derived modality.

        array: the source as stored, any dtype, channels last in the source's band order; values that are not
            present are arbitrary. It may be an integer array: cast before subtracting.
        presence: bool, of the same rank, broadcastable to `array` (axes of size 1 where it does not vary).

        Returns arrays of the same rank with the derived modality's channels; presence again broadcastable.
        Must be a module-level function: it is sent to loader workers.
        """
        ...


@runtime_checkable
class Transform(Protocol):
    """Change the pixels of a batch, after normalisation and before masking."""

    def __call__(
        self,
        arrays: Mapping[str, Tensor],
        presence: Mapping[str, Tensor],
        specs: Sequence[ModalitySpec],
        draw: Draw,
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return the arrays and their presence, changed together and shaped alike.

        arrays: float [B,H,W,T,C], [B,H,W,1,C], [B,T,C] or [B,C] by modality; absent entries are 0 and must stay so.
        presence: bool, of the array's shape, possibly an expanded view: never write into it.
        """
        ...
