"""What a loss must do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from torch import Tensor

    from olmoearth_core.data.sample import ViewCounts


@dataclass(frozen=True)
class Tokens:
    """Tokens by modality, in declaration order.

    tokens: [B,H',W',T,S,D], [B,T,S,D] or [B,S,D]; masks: the same without D, codes 0-3.
    counts: what the loader knows of the masks; None where nobody counted.
    """

    tokens: Mapping[str, Tensor]
    masks: Mapping[str, Tensor]
    counts: ViewCounts | None = None


@dataclass(frozen=True)
class Pixels(Tokens):
    """Reconstructed values in the place of tokens: [B,H,W,T,C], [B,T,C] or [B,C], as the arrays of a batch.

    groups: modality -> the bands of each band group, as numbers of the last axis. masks: codes of the groups.
    """

    groups: Mapping[str, tuple[tuple[int, ...], ...]] = field(default_factory=dict)


@runtime_checkable
class Loss(Protocol):
    """Compare predictions with targets and return one number to minimise.

    A token loss takes two `Tokens` and looks only at positions whose *predicted* mask says decode (2);
    a pooled loss (InfoNCE) takes two matrices [B, D]. The result is a scalar float32 tensor, already
    multiplied by the loss's own weight, always connected to the graph and finite, even with nothing to decode.
    """

    name: str

    def __call__(self, predicted: Any, target: Any) -> Tensor:
        """Return the weighted loss."""
        ...
