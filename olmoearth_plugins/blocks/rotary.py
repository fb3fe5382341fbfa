"""What all rotary position encodings share: the coordinates of tokens, and how frequencies become angles."""

# M packed tokens, A axes (time,) row, column, G heads (or 1), K pairs = head width / 2
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from olmoearth_core.errors import ConfigError
from olmoearth_plugins.blocks.rope import angles, axial_frequencies, check_base, mixed_frequencies


@dataclass(frozen=True, kw_only=True)
class Rotary:
    """Coordinates of a rotary encoding.

    axes: 2 = row and column, 3 = time first. coordinate_scale: units per 10 m. temporal_coordinate_scale: per day.
    legacy_bf16_coordinates: round coordinates to bfloat16, as the reference did under FSDP (12 months become 6).
    """

    additive_grid: ClassVar[bool] = False
    rotates: ClassVar[bool] = True

    axes: int
    coordinate_scale: float
    temporal_coordinate_scale: float = 1.0
    legacy_bf16_coordinates: bool = False

    def __post_init__(self) -> None:
        check_base("coordinate_scale", self.coordinate_scale)
        check_base("temporal_coordinate_scale", self.temporal_coordinate_scale)

    @property
    def additive_steps(self) -> bool:
        """Whether the number of the time slot is added, because time is not rotated."""
        return self.axes < 3

    def coordinates(self, days_M: Tensor, row_M: Tensor, column_M: Tensor) -> Tensor:
        """Return float32 [M,A]."""
        found = [row_M * self.coordinate_scale, column_M * self.coordinate_scale]
        if self.axes == 3:
            found.insert(0, days_M * self.temporal_coordinate_scale)
        places = torch.stack(found, dim=-1)
        return places.bfloat16().float() if self.legacy_bf16_coordinates else places


@dataclass(frozen=True, kw_only=True)
class Axial(Rotary):
    """Each pair of features turns along one axis, with frequencies that fall as powers of a base.

    parts: width of a head -> (features, base) of each axis.
    """

    parts: Callable[[int], list[tuple[int, float]]]

    def check(self, head_width: int) -> None:
        """Refuse heads that cannot be shared by the axes."""
        if self.axes == 2:
            _check_width(head_width)
        self.parts(head_width)

    def parameters(self, heads: int, head_width: int) -> Mapping[str, nn.Parameter]:
        """Nothing is learned."""
        return {}

    def angles(self, coordinates_MA: Tensor, own: Mapping[str, Tensor], head_width: int) -> Tensor:
        """Return [M,1,K]."""
        frequencies = axial_frequencies(self.parts(head_width))
        return angles(coordinates_MA, frequencies.to(coordinates_MA.device, non_blocking=True))


@dataclass(frozen=True, kw_only=True)
class Mixed(Rotary):
    """Each block learns along which direction, and how fast, each pair of each head turns.

    base: decides the frequencies at the start. Source: Heo et al. 2024, "Rotary Position Embedding for Vision
    Transformer" (RoPE-Mixed).
    """

    base: float

    def __post_init__(self) -> None:
        super().__post_init__()
        check_base("base", self.base)

    def check(self, head_width: int) -> None:
        """Refuse heads whose pairs cannot be halved."""
        _check_width(head_width)

    def parameters(self, heads: int, head_width: int) -> Mapping[str, nn.Parameter]:
        """Return the frequencies [A,H,K]."""
        return {"rope_mixed_freqs": mixed_frequencies(self.axes, heads, head_width, self.base)}

    def angles(self, coordinates_MA: Tensor, own: Mapping[str, Tensor], head_width: int) -> Tensor:
        """Return [M,H,K]."""
        return angles(coordinates_MA, own["rope_mixed_freqs"])


def _check_width(head_width: int) -> None:
    if head_width % 4:
        raise ConfigError(
            f"rotary positions need a head width (width / heads) that is a multiple of 4, but it is {head_width}."
        )
