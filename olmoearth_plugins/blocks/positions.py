"""Where packed tokens are, and how much a block turns their queries and keys."""

# M packed tokens, A rotary axes, G heads (or 1), K pairs
from __future__ import annotations

from torch import Tensor

from olmoearth_core.interfaces.parts import PositionEncoding
from olmoearth_plugins.blocks.attention import Attention, Turn
from olmoearth_plugins.blocks.packing import Packing
from olmoearth_plugins.blocks.places import Places
from olmoearth_plugins.blocks.rope import days

GROUND_METERS = 10
"""Ground size of a pixel of the grid on which patch sizes are counted."""


def ground(patch_size: int, input_res: float) -> float:
    """Side of a patch in units of 10 m."""
    return input_res * patch_size / GROUND_METERS


def coordinates(
    encoding: PositionEncoding, at: Packing, where: Places, timestamps: Tensor, patch_size: int, input_res: float
) -> Tensor | None:
    """Return the coordinates of packed tokens, float32 [M,A]; None where nothing is rotated."""
    if not encoding.rotates:
        return None
    place = at.place
    inside = where.spatial[place] * ground(patch_size, input_res)
    days_M = days(timestamps)[at.sample, where.step[place]] * where.dated[place]
    return encoding.coordinates(days_M, where.row[place] * inside, where.column[place] * inside)


class Turns:
    """How much each block turns tokens at some coordinates; computed once where blocks have nothing of their own."""

    def __init__(self, encoding: PositionEncoding, coordinates_MA: Tensor | None) -> None:
        """coordinates_MA: None = nothing is turned."""
        self.encoding, self.coordinates_MA = encoding, coordinates_MA
        self._shared: Turn | None = None

    def of(self, attention: Attention) -> Turn | None:
        """Return cosine and sine [M,G,K] for one block's attention."""
        if self.coordinates_MA is None:
            return None
        if attention.position_parameters or self._shared is None:
            turn = self._turn(attention)
            if attention.position_parameters:
                return turn
            self._shared = turn
        return self._shared

    def _turn(self, attention: Attention) -> Turn:
        assert self.coordinates_MA is not None
        own = {name: attention.get_parameter(name) for name in attention.position_parameters}
        angles_MGK = self.encoding.angles(self.coordinates_MA, own, attention.head_width)
        return angles_MGK.cos(), angles_MGK.sin()
