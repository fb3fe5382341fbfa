"""The ratios of a strategy move along a straight line over the first steps of a run.

They follow the number of the batch, which every draw knows; nothing is counted, so a resumed run goes on where it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.masking import Draw, Masking
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_masking.ratios import Adjustable, moved_to
from olmoearth_masking.role_options import check_ratios

_NAME = "masking.schedule.v1"


def schedule(
    *,
    strategy: Masking,
    final_encode_ratio: float,
    final_decode_ratio: float,
    steps: int = 1000,
) -> Masking:
    """Move a strategy's ratios from its own to final ones.

    strategy: a section `[... .strategy]`; its ratios are those at the start.
    final_encode_ratio, final_decode_ratio: from step `steps` on. steps: batches over which they move.

    Raises:
        ConfigError: ratios outside [0, 1] or above 1 together, no steps, or a strategy whose ratios cannot be moved.
    """
    check_ratios(_NAME, final_encode_ratio, final_decode_ratio)
    if steps < 1:
        raise ConfigError(f"{_NAME}: steps is {steps}; ratios need at least 1 step to move.")
    moved_to(strategy, final_encode_ratio, final_decode_ratio)
    assert isinstance(strategy, Adjustable)
    return Scheduled("schedule", strategy, final_encode_ratio, final_decode_ratio, steps)


@dataclass(frozen=True)
class Scheduled:
    """A strategy with its final ratios; name: what metrics call it."""

    name: str
    strategy: Adjustable
    final_encode_ratio: float
    final_decode_ratio: float
    steps: int

    @property
    def encode_ratio(self) -> float:
        """At the start."""
        return self.strategy.encode_ratio

    @property
    def decode_ratio(self) -> float:
        """At the start."""
        return self.strategy.decode_ratio

    def ratios_at(self, step: int) -> tuple[float, float]:
        """Return encode and decode ratio of a batch; the first is 1."""
        share = min(max(step, 0) / self.steps, 1.0)
        first, last = (self.encode_ratio, self.decode_ratio), (self.final_encode_ratio, self.final_decode_ratio)
        encode, decode = (a + (b - a) * share for a, b in zip(first, last, strict=True))
        return encode, decode

    def mask(self, present: Mapping[str, Tensor], specs: Sequence[ModalitySpec], draw: Draw) -> dict[str, Tensor]:
        """Draw the codes of all samples."""
        return self.strategy.with_ratios(*self.ratios_at(draw.step)).mask(present, specs, draw)
