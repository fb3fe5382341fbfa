"""How one batch is made: read the rank's rows, stack, transform, find the tokens, mask each view.

Everything here is a function of (data set, settings, request), so it runs in any worker process and gives the
same batch. Draws are keyed by (seed, epoch, place in the epoch's order); views draw from children of that key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from olmoearth_core.data.collate import BandGap, collate, layout_of, packed, together, token_presence
from olmoearth_core.data.dataset import Crop, Pick, Scatter
from olmoearth_core.data.quarantine import BadSample
from olmoearth_core.data.random import Draws, key_of
from olmoearth_core.data.sample import Batch, Sample, TrainBatch, ViewCounts
from olmoearth_core.data.sampler import Shape
from olmoearth_core.data.tokens import ENCODE, MISSING, Tokenization
from olmoearth_core.errors import DataError, OlmoEarthError
from olmoearth_core.interfaces.dataset import Dataset
from olmoearth_core.interfaces.masking import Masking
from olmoearth_core.interfaces.transform import Pixels, Transform

_PLACES = ("start", "top", "left")


@dataclass(frozen=True)
class Request:
    """One global batch to make.

    files: H5 numbers of all its rows; first: place of row 0 in the epoch's order; step: number of the batch, from 1.
    """

    epoch: int
    shape: Shape
    files: np.ndarray
    first: int
    step: int = 0


@dataclass(frozen=True)
class Made:
    """A batch or the error that prevented it, with the bad samples met on the way."""

    batch: TrainBatch | None
    bad: tuple[BadSample, ...] = ()
    error: OlmoEarthError | None = None

    def pin_memory(self) -> Made:
        """Move the batch to page-locked memory (called by torch's loader)."""
        return self if self.batch is None else replace(self, batch=self.batch.pin_memory())

    def __reduce__(self) -> tuple[Any, ...]:
        """Send pixels as shared memory and the small rest by value: a file handle each would cost more than a copy."""
        if self.batch is None:
            return Made, (None, self.bad, self.error)
        views = [({name: m.numpy() for name, m in v.masks.items()}, v.counts) for v in self.batch.views]
        first = self.batch.views[0]
        assert all(view.arrays is first.arrays for view in self.batch.views), "views differ in their masks alone"
        pixels = (first.arrays, first.timestamps.numpy(), first.memo)
        return _arrived, (replace(self.batch, views=()), views, pixels, self.bad, self.error)


def _arrived(
    batch: TrainBatch,
    views: Sequence[tuple[dict[str, np.ndarray], ViewCounts | None]],
    pixels: tuple[dict[str, Tensor], np.ndarray, dict[object, Tensor]],
    bad: tuple[BadSample, ...],
    error: OlmoEarthError | None,
) -> Made:
    arrays, timestamps, memo = pixels[0], torch.from_numpy(pixels[1]), pixels[2]
    masks = [{name: torch.from_numpy(codes) for name, codes in view.items()} for view, _ in views]
    made = (Batch(arrays, m, timestamps, counts, memo) for m, (_, counts) in zip(masks, views, strict=True))
    return Made(replace(batch, views=tuple(made)), bad, error)


@dataclass
class BatchMaker:
    """Makes the batches of one rank.

    rows: which rows of a global batch belong to this rank. maskings: one per view; None shows all to the encoder.
    legacy: draw crops as the reference does, from one NumPy generator per sample. scattered: see `Crop.scatter`.
    """

    dataset: Dataset
    rows: range
    tokenization: Tokenization
    maskings: Sequence[Masking | None]
    transform: Transform | None
    band_gap: BandGap
    seed: int
    legacy: bool = False
    scattered: bool = False
    _bad: dict[int, BadSample] = field(default_factory=dict)

    def __getitem__(self, request: Request) -> Made:
        """Make a batch; errors are returned, because torch's loader would rewrite them on their way here."""
        met: dict[int, BadSample] = {}
        try:
            return Made(self._make(request, met), tuple(met.values()))
        except OlmoEarthError as error:
            return Made(None, tuple(met.values()), error)

    def _make(self, request: Request, met: dict[int, BadSample]) -> TrainBatch:
        positions = [request.first + row for row in self.rows]
        keys = [key_of(self.seed, request.epoch, position) for position in positions]
        draws = Draws(keys, request.step)
        crops = self._crops(request.shape, draws)
        samples = [
            self._sample(request, row, position, crop, met)
            for row, position, crop in zip(self.rows, positions, crops, strict=True)
        ]
        specs, pixels = self.dataset.specs, self._pixels(samples, request.shape.patch_size, draws.child("transform"))
        there = token_presence(pixels.presence, specs, self.tokenization, request.shape.patch_size, self.band_gap)
        views = tuple(
            self._view(pixels, there, masking, draws.child("view", number))
            for number, masking in enumerate(self.maskings)
        )
        return TrainBatch(
            patch_size=request.shape.patch_size,
            layout=layout_of(specs, self.tokenization, there, pixels.timestamps.shape[1]),
            views=tuple(replace(view, memo=views[0].memo) for view in views),
            indices=tuple(sample.index for sample in samples),
            positions=tuple(positions),
        )

    def _pixels(self, samples: Sequence[Sample], patch_size: int, draws: Draws) -> Pixels:
        pixels = Pixels(*collate(samples), patch_size)
        if self.transform is None:
            return pixels
        changed = self.transform.apply(pixels, self.dataset.specs, draws)
        return replace(changed, arrays=together(changed.arrays))

    def _view(self, pixels: Pixels, there: dict[str, Tensor], masking: Masking | None, draws: Draws) -> Batch:
        if masking is None:
            masks = {name: torch.where(here, ENCODE, MISSING).to(torch.int8) for name, here in there.items()}
        else:
            masks = masking.mask(there, self.dataset.specs, draws)
        return Batch(pixels.arrays, packed(masks), pixels.timestamps, ViewCounts.of(masks))

    def _crops(self, shape: Shape, draws: Draws) -> list[Crop]:
        crop = Crop(shape.patch_size, shape.patches, shape.steps)
        if self.legacy:
            states = [np.random.RandomState(int(key) % 2**32) for key in draws.keys]
            picks, scatters = [*map(legacy_pick, states)], [*map(legacy_scatter, states)]
        else:
            picks, scatters = _picks(draws), _scatters(draws)
        return [
            replace(crop, pick=pick, scatter=scatter if self.scattered else None)
            for pick, scatter in zip(picks, scatters, strict=True)
        ]

    def _sample(self, request: Request, row: int, position: int, crop: Crop, met: dict[int, BadSample]) -> Sample:
        count = len(request.files)
        for offset in range(count):
            index = int(request.files[(row + offset) % count])
            if index not in self._bad:
                try:
                    return self.dataset.sample(index, crop, position)
                except DataError as error:
                    self._bad[index] = BadSample(index, self.dataset.path(index), str(error))
            met[index] = self._bad[index]
        reason = next(iter(met.values())).reason
        raise DataError(f"none of the {count} samples of a batch can be read. The first: {reason}")


def legacy_pick(state: np.random.RandomState) -> Pick:
    """Draw crops as the reference does: one legacy `randint` each, nothing consumed where there is one choice."""
    return lambda purpose, n: int(state.randint(0, n)) if n > 1 else 0


def legacy_scatter(state: np.random.RandomState) -> Scatter:
    """Draw scattered patches as the reference does: one legacy `choice` without replacement each, order kept."""
    return lambda purpose, n, k: state.choice(n, k, replace=False)


def _picks(draws: Draws) -> list[Pick]:
    return [_pick(row) for row in draws.array("crop", len(_PLACES)).tolist()]


def _scatters(draws: Draws) -> list[Scatter]:
    return [_scatter(draws.rows(slice(row, row + 1))) for row in range(len(draws.keys))]


def _scatter(draws: Draws) -> Scatter:
    return lambda purpose, n, k: draws.array(f"crop {purpose}", n)[0].argsort(kind="stable")[:k]


def _pick(uniform: Sequence[float]) -> Pick:
    return lambda purpose, n: int(uniform[_PLACES.index(purpose)] * n)
