"""Rotary positions: pairs of features of queries and keys are turned by an angle that grows with the position.

Every variant is one table of frequencies F [axes, heads or 1, pairs]: the angle of a pair is sum over axes of
position * F. Axial variants give each pair one axis and fix F; mixed variants learn F. Angles are always float32:
months since 2000 do not survive bfloat16.
"""

# M packed tokens, A axes (time,) row, column, G heads (or 1), K pairs = head width / 2
from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from olmoearth_core.errors import ConfigError


def axial_frequencies(parts: list[tuple[int, float]]) -> Tensor:
    """Return F [A,1,K] of an axial encoding.

    parts: for each axis in order, the number of features it turns (even) and the base of its frequencies.
    """
    rows = []
    before, total = 0, sum(width for width, _ in parts) // 2
    for width, base in parts:
        pairs = torch.arange(width // 2, dtype=torch.float64)
        row = torch.zeros(total, dtype=torch.float64)
        row[before : before + width // 2] = base ** (-2 * pairs / width)
        rows.append(row)
        before += width // 2
    return torch.stack(rows)[:, None].float()


def mixed_frequencies(num_axes: int, heads: int, head_width: int, base: float) -> nn.Parameter:
    """Return a fresh learnable F [A,G,K]: two orthogonal random directions per head, each with K/2 magnitudes.

    The magnitude of pair k is base ** (-4 k' / head_width) with k' = k mod K/2.
    """
    magnitude = base ** (-4 * torch.arange(head_width // 4, dtype=torch.float32) / head_width)
    first = torch.nn.functional.normalize(torch.randn(heads, num_axes), dim=-1)
    other = torch.randn(heads, num_axes)
    other = other - (other * first).sum(-1, keepdim=True) * first
    second = torch.nn.functional.normalize(other, dim=-1)
    directions = torch.stack([first, second], dim=1)
    table = directions[..., None] * magnitude
    return nn.Parameter(table.permute(2, 0, 1, 3).reshape(num_axes, heads, -1).contiguous())


def days(timestamps: Tensor) -> Tensor:
    """Return days since 2000 of [..., 3] = (day 1-31, month 0-11, year), float32; years have 365.25 days."""
    start = torch.tensor(
        [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334], dtype=torch.float32, device=timestamps.device
    )
    day, month, year = timestamps.unbind(-1)
    return (year.float() - 2000) * 365.25 + start[month.long()] + (day.float() - 1)


def angles(positions_MA: Tensor, frequencies_AGK: Tensor) -> Tensor:
    """Return the angle of each pair: sum over axes of position * frequency, float32 [M,G,K]."""
    with torch.autocast(positions_MA.device.type, enabled=False):
        frequencies = frequencies_AGK.float()
        total = positions_MA[:, 0, None, None] * frequencies[0]
        for axis in range(1, len(frequencies)):
            total = torch.addcmul(total, positions_MA[:, axis, None, None], frequencies[axis])
        return total


def rotate(features_MHd: Tensor, turn: tuple[Tensor, Tensor], *, overwrite: bool = False) -> Tensor:
    """Turn adjacent features (a, b) to (a cos - b sin, b cos + a sin).

    overwrite: the features are not needed any more.
    """
    if torch.compiler.is_compiling() or not (features_MHd.dtype == torch.float32 or features_MHd.device.type == "cpu"):
        cos, sin = (t.to(features_MHd.dtype) for t in turn)
        a, b = features_MHd[..., 0::2], features_MHd[..., 1::2]
        return torch.stack([a * cos - b * sin, b * cos + a * sin], dim=-1).flatten(-2)
    if features_MHd.dtype in (torch.bfloat16, torch.float16):
        return rotate(features_MHd.float(), turn).to(features_MHd.dtype)
    # The same products as above, in one pass over memory instead of eight.
    pairs_MHK2 = features_MHd.reshape(*features_MHd.shape[:-1], features_MHd.shape[-1] // 2, 2)
    pairs, factors = torch.view_as_complex(pairs_MHK2), torch.complex(*turn)
    return torch.view_as_real(pairs.mul_(factors) if overwrite else pairs * factors).flatten(-2)


def time_width(head_width: int, fraction: float) -> int:
    """Features of a head that axial 3-D rotation gives to time.

    Raises:
        ConfigError: the rest cannot be shared by row and column.
    """
    width = 2 * round(head_width * fraction / 2)
    if not 0 < fraction < 1 or width < 2 or (head_width - width) % 4 or head_width <= width:
        raise ConfigError(
            f"temporal_fraction is {fraction}: of {head_width} features per head it leaves {head_width - width} "
            f"for row and column, which must be a positive multiple of 4. Choose another fraction or head width."
        )
    return width


def check_base(name: str, value: float) -> None:
    """Refuse a base or scale that is not positive."""
    if not value > 0 or math.isinf(value):
        raise ConfigError(f"{name} is {value}; it must be a positive number.")
