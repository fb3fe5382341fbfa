"""What a masking strategy must do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from olmoearth_core.interfaces.modality import ModalitySpec

if TYPE_CHECKING:
    from torch import Tensor


class Draw(Protocol):
    """Uniform numbers keyed by sample: draw("bands", n) is float64 [B, n] in [0, 1), equal at each call.

    step: number of the global batch since the start of training (the first is 1), equal in all its samples; 0 outside
        of training. Schedules follow it, so they need no state and survive a resume.
    """

    @property
    def step(self) -> int:
        """Number of the global batch."""
        ...

    def __call__(self, purpose: str, n: int) -> Tensor:
        """Return n numbers per sample for one purpose."""
        ...

    def child(self, *parts: int | str) -> Draw:
        """Return streams that are independent of these, at the same step, e.g. for an inner strategy."""
        ...


@runtime_checkable
class Masking(Protocol):
    """Decide which tokens the encoder sees and which the decoder must predict.

    A strategy only looks at *presence* (which tokens exist), never at pixel values, so it can run in
    loader workers and be replayed from a seed. It is vectorised over samples.
    """

    def mask(self, present: Mapping[str, Tensor], specs: Sequence[ModalitySpec], draw: Draw) -> dict[str, Tensor]:
        """Return codes 0-3, int8, shaped like `present`.

        present: bool by modality in declaration order, [B,H,W,T,S], [B,T,S] or [B,S] at token resolution.
        specs: the modalities in the same order.
        A token that is not present must get code 3; every other token one of 0, 1, 2. A strategy may withhold a whole
        modality of a sample, as if it were missing, with code 3 too.
        """
        ...
