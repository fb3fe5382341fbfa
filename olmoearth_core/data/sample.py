"""What flows from the dataset to the model: open containers keyed by modality name.

Absent data is 0 with presence beside it, never a magic value; a modality that no file of this
project knows passes through all of them unchanged.
"""

# B samples, H W pixels (or patches in a token mask), T steps, C bands, S band groups
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from olmoearth_core.data.tokens import ENCODE, MISSING, TokenLayout


@dataclass(frozen=True)
class Sample:
    """One normalised crop.

    arrays: float32 [H,W,T,C], [H,W,1,C], [T,C] or [C] by modality, in declaration order; absent entries are 0.
    presence: bool, broadcastable to the array of the same name (axes of size 1 where presence does not vary).
    timestamps: int32 [T,3] = day 1-31, month 0-11, year.
    latlon: float32 [2], degrees.
    index: number of the H5 file; position: place in the epoch's order, the key of its random draws.
    """

    arrays: Mapping[str, np.ndarray]
    presence: Mapping[str, np.ndarray]
    timestamps: np.ndarray
    latlon: np.ndarray
    index: int = 0
    position: int = 0


@dataclass(frozen=True)
class Batch:
    """Samples stacked for a model.

    arrays: float32 [B,H,W,T,C], [B,H,W,1,C], [B,T,C] or [B,C] by modality; absent entries are 0.
    masks: integer codes 0-3 (`data.tokens`), [B,H,W,T,S], [B,T,S] or [B,S]; at pixel or at token resolution, told
        apart by shape.
    timestamps: integer [B,T,3] = day 1-31, month 0-11, year.
    counts: numbers of tokens that the loader knows, so that nobody asks the device for a length.
    memo: results that views of the same pixels may share; never part of equality.
    """

    arrays: Mapping[str, Tensor]
    masks: Mapping[str, Tensor]
    timestamps: Tensor
    counts: ViewCounts | None = None
    memo: dict[object, Tensor] = field(default_factory=dict, compare=False, repr=False)

    @property
    def size(self) -> int:
        """Number of samples."""
        return self.timestamps.shape[0]

    @property
    def device(self) -> torch.device:
        """Where the arrays are."""
        return self.timestamps.device

    def unmask(self) -> Batch:
        """Return the batch with everything that is there shown to the encoder."""
        masks = {name: torch.where(m == MISSING, MISSING, ENCODE).to(m.dtype) for name, m in self.masks.items()}
        return replace(self, masks=masks, counts=self.counts.unmask() if self.counts else None)

    def rows(self, index: slice) -> Batch:
        """Return some of the samples, as views."""
        return Batch(
            arrays={name: a[index] for name, a in self.arrays.items()},
            masks={name: m[index] for name, m in self.masks.items()},
            timestamps=self.timestamps[index],
            counts=self.counts.rows(index) if self.counts else None,
        )

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> Batch:
        """Return the batch on another device."""

        def move(parts: Mapping[str, Tensor]) -> dict[str, Tensor]:
            return {name: t.to(device, non_blocking=non_blocking) for name, t in parts.items()}

        timestamps = self.timestamps.to(device, non_blocking=non_blocking)
        return Batch(move(self.arrays), move(self.masks), timestamps, self.counts)


@dataclass(frozen=True)
class ViewCounts:
    """Tokens per modality and sample of one masked view, as Python ints.

    encode, decode, present: modality -> one count per sample.
    """

    encode: Mapping[str, tuple[int, ...]]
    decode: Mapping[str, tuple[int, ...]]
    present: Mapping[str, tuple[int, ...]]

    @classmethod
    def of(cls, masks: Mapping[str, Tensor]) -> ViewCounts:
        """Count token-resolution masks; costs a device sync per modality, so do it in the loader."""
        rows = {name: m.flatten(1).cpu().numpy() for name, m in masks.items()}

        def count(code: int) -> dict[str, tuple[int, ...]]:
            return {name: tuple((codes == code).sum(1).tolist()) for name, codes in rows.items()}

        missing = count(MISSING)
        present = {name: tuple(m[0].numel() - k for k in missing[name]) for name, m in masks.items() if len(m)}
        return cls(encode=count(ENCODE), decode=count(2), present=present)

    def encode_rows(self) -> tuple[int, ...]:
        """Tokens to encode per sample, over all modalities."""
        return _total(self.encode)

    def decode_rows(self) -> tuple[int, ...]:
        """Tokens to decode per sample, over all modalities."""
        return _total(self.decode)

    def unmask(self) -> ViewCounts:
        """Counts of the view in which everything that is there is encoded."""
        nothing = {name: (0,) * len(rows) for name, rows in self.present.items()}
        return ViewCounts(encode=self.present, decode=nothing, present=self.present)

    def rows(self, index: slice) -> ViewCounts:
        """Counts of some of the samples."""

        def cut(parts: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
            return {name: rows[index] for name, rows in parts.items()}

        return ViewCounts(cut(self.encode), cut(self.decode), cut(self.present))


@dataclass(frozen=True)
class TrainBatch:
    """What the loader yields: the same pixels under one or two masks.

    patch_size: pixels of a 10 m grid along a patch's side. layout: where each token lies.
    indices, positions: H5 file numbers and places in the epoch's order of the samples.
    """

    patch_size: int
    layout: TokenLayout
    views: tuple[Batch, ...]
    indices: tuple[int, ...] = ()
    positions: tuple[int, ...] = ()

    @property
    def counts(self) -> tuple[ViewCounts | None, ...]:
        """Token counts of each view."""
        return tuple(view.counts for view in self.views)

    @property
    def size(self) -> int:
        """Number of samples."""
        return self.views[0].size

    def rows(self, index: slice) -> TrainBatch:
        """Return some of the samples; views go on sharing their arrays and memo."""
        first = self.views[0].rows(index)
        cut = [replace(v.rows(index), arrays=first.arrays, memo=first.memo) for v in self.views]
        return replace(self, views=tuple(cut), indices=self.indices[index], positions=self.positions[index])

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> TrainBatch:
        """Return the batch on another device; shared arrays move once."""
        first = self.views[0].to(device, non_blocking=non_blocking)
        views = [first]
        for view in self.views[1:]:
            masks = {name: m.to(device, non_blocking=non_blocking) for name, m in view.masks.items()}
            views.append(replace(first, masks=masks, counts=view.counts, memo=first.memo))
        return replace(self, views=tuple(views))

    def pin_memory(self) -> TrainBatch:
        """Return the batch in page-locked memory (called by torch's loader)."""
        arrays = {name: a.pin_memory() for name, a in self.views[0].arrays.items()}
        timestamps, memo = self.views[0].timestamps.pin_memory(), self.views[0].memo
        views = tuple(
            replace(v, arrays=arrays, timestamps=timestamps, memo=memo,
                    masks={name: m.pin_memory() for name, m in v.masks.items()})
            for v in self.views
        )  # fmt: skip
        return replace(self, views=views)


def _total(parts: Mapping[str, tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(map(sum, zip(*parts.values(), strict=True)))
