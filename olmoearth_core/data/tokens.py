"""Where each token of a batch lies, decided once.

A token is one (patch, time step, band group) of a spatial modality, one (time step, band group)
of a time series, or one band group of a static one. Modalities follow each other in declaration
order and each is flattened row-major over (row, column, step, group); nothing depends on sets or hashes.
"""

# B samples, N tokens, D width, H W patches, T steps, S band groups
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

import torch
from torch import Tensor

from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.interfaces.modality import Kind, ModalitySpec

ENCODE, TARGET_ONLY, DECODE, MISSING = 0, 1, 2, 3
"""Codes of a mask: shown to the encoder; only the target sees it; to be predicted; not there."""


class Tokenization:
    """Which bands of a modality form one token.

    overrides: modality -> groups of band names. A modality without an entry keeps one group per declared band set.
    """

    def __init__(self, overrides: Mapping[str, Sequence[Sequence[str]]] | None = None) -> None:
        """Keep the overrides; names are checked against the specs when groups are asked for."""
        self.overrides = {name: tuple(map(tuple, groups)) for name, groups in (overrides or {}).items()}

    def groups(self, spec: ModalitySpec) -> tuple[tuple[int, ...], ...]:
        """Return the channel indices of each band group of a modality, in the order they are declared."""
        if spec.name not in self.overrides:
            return spec.band_indices
        position = {band: i for i, band in enumerate(spec.band_order)}
        unknown = [b for group in self.overrides[spec.name] for b in group if b not in position]
        if unknown:
            raise ConfigError(
                f"tokenization of {spec.name} names the bands {unknown}, which it does not have. "
                f"It has {', '.join(spec.band_order)}."
            )
        return tuple(tuple(position[b] for b in group) for group in self.overrides[spec.name])


@dataclass(frozen=True)
class Segment:
    """The tokens of one modality: `grid` is (rows, columns, steps, groups), with 1 where it has no such axis."""

    modality: str
    kind: Kind
    start: int
    grid: tuple[int, int, int, int]

    @property
    def length(self) -> int:
        """Number of tokens per sample."""
        return prod(self.grid)

    @property
    def shape(self) -> tuple[int, ...]:
        """Axes of a mask of this modality without the batch axis: [H,W,T,S], [T,S] or [S]."""
        rows, columns, steps, groups = self.grid
        return {"time": (steps, groups), "static": (groups,)}.get(self.kind, (rows, columns, steps, groups))

    @property
    def tokens(self) -> slice:
        """Where these tokens lie on the flat token axis."""
        return slice(self.start, self.start + self.length)


@dataclass(frozen=True)
class TokenLayout:
    """All segments of a batch, in declaration order of the modalities."""

    segments: tuple[Segment, ...]

    @classmethod
    def of(
        cls, specs: Sequence[ModalitySpec], tokenization: Tokenization, *, rows: int, columns: int, steps: int
    ) -> TokenLayout:
        """Lay out a batch whose samples have rows x columns patches and `steps` time steps."""
        segments, start = [], 0
        for spec in specs:
            grid = (
                rows if spec.spatial else 1,
                columns if spec.spatial else 1,
                steps if spec.multitemporal else 1,
                len(tokenization.groups(spec)),
            )
            segments.append(Segment(spec.name, spec.kind, start, grid))
            start += segments[-1].length
        return cls(tuple(segments))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Modalities in order."""
        return tuple(s.modality for s in self.segments)

    @property
    def length(self) -> int:
        """Number of tokens per sample over all modalities."""
        return sum(s.length for s in self.segments)

    def __getitem__(self, name: str) -> Segment:
        """Return the segment of one modality."""
        return self.segments[self.names.index(name)]

    def flatten(self, parts: Mapping[str, Tensor]) -> Tensor:
        """Join per-modality tensors [B, *segment.shape, ...] to one [B, N, ...], in layout order."""
        flat = []
        for s in self.segments:
            part = parts[s.modality]
            if tuple(part.shape[1 : 1 + len(s.shape)]) != s.shape:
                raise DataError(
                    f"{s.modality}: tokens have shape {tuple(part.shape)}, but the layout of this batch "
                    f"expects [B, {', '.join(map(str, s.shape))}, ...]."
                )
            flat.append(part.flatten(1, len(s.shape)))
        return torch.cat(flat, dim=1)

    def split(self, flat: Tensor) -> dict[str, Tensor]:
        """Undo `flatten`: views of a [B, N, ...] tensor by modality."""
        return {s.modality: flat[:, s.tokens].reshape(-1, *s.shape, *flat.shape[2:]) for s in self.segments}
