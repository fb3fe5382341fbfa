"""What may change pixels between the file and the model.

A *derivation* computes one modality from another, per sample, on raw stored values. A *transform* changes
a whole batch before masking. Both see presence beside the values, so neither needs a magic number.
"""

# B samples, H W pixels, T steps, C bands
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from olmoearth_core.interfaces.masking import Draw
from olmoearth_core.interfaces.modality import ModalitySpec

if TYPE_CHECKING:
    import numpy as np
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


@dataclass(frozen=True)
class Pixels:
    """The pixels of a batch, before anything is masked.

    arrays: float [B,H,W,T,C], [B,H,W,1,C], [B,T,C] or [B,C] by modality; absent entries are 0 and must stay so.
    presence: bool, of the array's shape, possibly an expanded view: never write into it.
    timestamps: int32 [B,T,3] = day 1-31, month 0-11, year.
    patch_size: grid pixels along a patch's side; a modality's patch has `size_factor` times as many of its own.
    """

    arrays: Mapping[str, Tensor]
    presence: Mapping[str, Tensor]
    timestamps: Tensor
    patch_size: int


@runtime_checkable
class Transform(Protocol):
    """Change the pixels of a batch, after normalisation and before masking.

    All randomness comes from `draw`, which is keyed by sample: one that only decides per sample gives the same pixels
    on any number of ranks and workers, whoever the batch mates are.
    """

    def apply(self, pixels: Pixels, specs: Sequence[ModalitySpec], draw: Draw) -> Pixels:
        """Return pixels of the same modalities, shapes and types; values and presence change together.

        specs: the modalities in the order of `pixels.arrays`.
        Never write into what was given. It is sent to loader workers, so it must be picklable.
        """
        ...


AnyTransform = Derive | Transform
"""What a component of the kind `transforms` is."""
