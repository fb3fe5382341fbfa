"""Reading one window of one sample: which pixels and steps, in what shape, with what presence.

Values leave here normalised, in float32 or float16, with 0 where nothing was measured. Presence has axes of
size 1 where it does not vary, so a clean modality costs T booleans rather than one per pixel.
"""

# H W pixels, T steps of the window, k stored steps in it, C bands
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from olmoearth_core.data.h5 import TIMESTAMPS, SampleFile, gaps
from olmoearth_core.data.normalize import Normalizer
from olmoearth_core.data.steps import Timeline, timeline
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.transform import Derive


@dataclass(frozen=True)
class Source:
    """Where a modality's values come from: itself, or another modality and what computes it from that."""

    spec: ModalitySpec
    origin: ModalitySpec
    derive: Derive | None = None

    def stored(self, file: SampleFile) -> ModalitySpec | None:
        """Return the modality that is read from a file, or None."""
        if self.spec.name in file:
            return self.spec
        return self.origin if self.origin is not self.spec and self.origin.name in file else None


@dataclass(frozen=True)
class Window:
    """A block of grid pixels and of rows of the sample's cut time axis; rows past its end are absent.

    rows, columns: grid pixels to take instead of neighbouring ones, in this order, as many as height and width.
    """

    top: int
    left: int
    height: int
    width: int
    start: int
    steps: int
    rows: tuple[int, ...] = ()
    columns: tuple[int, ...] = ()


@dataclass(frozen=True)
class Scene:
    """What an open file holds of the wanted modalities. height, width: grid pixels."""

    file: SampleFile
    height: int
    width: int
    axis: Timeline
    stored: Mapping[str, ModalitySpec]


def survey(file: SampleFile, sources: Sequence[Source]) -> Scene:
    """Check the shapes of a file and lay out its time axis.

    Raises:
        DataError: no spatial modality, arrays that do not fit each other, or masks that do not fit the timestamps.
    """
    stored = {s.spec.name: origin for s in sources if (origin := s.stored(file)) is not None}
    origins = {origin.name: origin for origin in stored.values()}
    height, width = _extent(file, origins.values())
    for spec in origins.values():
        _check(file, spec, height, width)
    steps = {name: file.shape(name)[-2] for name, spec in origins.items() if spec.multitemporal}
    masks = {name: mask for name in steps if (mask := file.step_mask(name)) is not None}
    stamps = file.whole(TIMESTAMPS)
    if stamps.ndim != 2 or stamps.shape[1] != 3 or not len(stamps) or any(mask.ndim != 1 for mask in masks.values()):
        raise DataError(f"{file.path}: timestamps of shape {stamps.shape}, expected [T, 3], and masks of [T].")
    try:
        axis = timeline(stamps, masks, steps)
    except DataError as error:
        raise DataError(f"{file.path}: {error}") from error
    return Scene(file, height, width, axis, stored)


def read(
    scene: Scene, window: Window, sources: Sequence[Source], normalize: Normalizer, dtype: type[np.floating[Any]]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return arrays and presence by modality, in the order of `sources`."""
    _check_inside(scene, window)
    arrays: dict[str, np.ndarray] = {}
    presence: dict[str, np.ndarray] = {}
    for source in sources:
        name, shape = source.spec.name, source.spec.array_shape(window.height, window.width, window.steps)
        if name in scene.stored:
            arrays[name], presence[name] = _modality(scene, window, source, shape, normalize, dtype)
        else:
            arrays[name], presence[name] = np.zeros(shape, dtype), np.zeros((1,) * len(shape), bool)
    return arrays, presence


def compact(presence: np.ndarray) -> np.ndarray:
    """Shrink every axis along which presence does not vary to size 1."""
    for axis in range(presence.ndim):
        first = presence.take([0], axis)
        if presence.shape[axis] > 1 and bool((presence == first).all()):
            presence = first
    return presence


def _modality(
    scene: Scene,
    window: Window,
    source: Source,
    shape: tuple[int, ...],
    normalize: Normalizer,
    dtype: type[np.floating[Any]],
) -> tuple[np.ndarray, np.ndarray]:
    origin = scene.stored[source.spec.name]
    raw, places = _raw(scene, window, origin)
    absent = gaps(raw)
    there = np.ones((1,) * raw.ndim, bool) if absent is None else compact(~absent)
    if origin is not source.spec and source.derive is not None:
        raw, there = source.derive(raw, there)
        there = compact(there)
    values, there = normalize.complete(source.spec.name, raw, there)
    if source.spec.multitemporal and (len(places) < window.steps):
        values, there = _spread(values, there, places, shape)
    if values.shape != shape:
        raise DataError(f"{scene.file.path}: {source.spec.name} came out with shape {values.shape}, expected {shape}.")
    with np.errstate(over="ignore"):
        cast: np.ndarray = values.astype(dtype, copy=False)
    if dtype is np.float16 and not np.isfinite(cast).all():
        raise DataError(f"{scene.file.path}: {source.spec.name} has values beyond float16. Is the file damaged?")
    return cast, there


def _raw(scene: Scene, window: Window, spec: ModalitySpec) -> tuple[np.ndarray, np.ndarray]:
    factor, bands = spec.size_factor, spec.num_bands
    first, count, places = 0, 1, np.zeros(1, np.int64)
    if spec.multitemporal:
        first, count, places = scene.axis.stored(spec.name, window.start, window.steps)
    start: tuple[int, ...] = (0,)
    size: tuple[int, ...] = (bands,)
    if spec.spatial and window.rows:
        return _gathered(scene, window, spec, first, count), places
    if spec.spatial:
        start = (window.top * factor, window.left * factor, first, 0)
        size = (window.height * factor, window.width * factor, count, bands)
    elif spec.multitemporal:
        start, size = (first, 0), (count, bands)
    return scene.file.window(spec.name, start, size), places


def _gathered(scene: Scene, window: Window, spec: ModalitySpec, first: int, count: int) -> np.ndarray:
    """Read the block around scattered pixels, and take them out of it."""
    rows, columns = (_finer(pixels, spec.size_factor) for pixels in (window.rows, window.columns))
    top, left = int(rows.min()), int(columns.min())
    size = (int(rows.max()) - top + 1, int(columns.max()) - left + 1, count, spec.num_bands)
    block = scene.file.window(spec.name, (top, left, first, 0), size)
    gathered: np.ndarray = block[np.ix_(rows - top, columns - left)]
    return gathered


def _finer(pixels: tuple[int, ...], factor: int) -> np.ndarray:
    """Pixels of a modality that lie on grid pixels."""
    finer: np.ndarray = (np.array(pixels)[:, None] * factor + np.arange(factor)).ravel()
    return finer


def _spread(
    values: np.ndarray, there: np.ndarray, places: np.ndarray, shape: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Put stored steps at their places on the window's time axis (the one before the bands)."""
    out = np.zeros(shape, values.dtype)
    out[..., places, :] = values
    steps = shape[-2]
    present = np.zeros((*there.shape[:-2], steps, there.shape[-1]), bool)
    present[..., places, :] = there
    return out, present


def _extent(file: SampleFile, specs: Iterable[ModalitySpec]) -> tuple[int, int]:
    for spec in specs:
        if spec.spatial:
            shape = file.shape(spec.name)
            if len(shape) != 4 or shape[0] % spec.size_factor or shape[1] % spec.size_factor:
                raise DataError(f"{file.path}: {spec.name} has shape {shape}, expected [H, W, steps, bands].")
            return shape[0] // spec.size_factor, shape[1] // spec.size_factor
    raise DataError(f"{file.path}: none of the spatial training modalities is in this sample. It holds {file.names}.")


def _check(file: SampleFile, spec: ModalitySpec, height: int, width: int) -> None:
    found = file.shape(spec.name)
    expected = spec.array_shape(height, width, found[-2] if len(found) > 1 else 1)
    if found != expected:
        raise DataError(
            f"{file.path}: {spec.name} has shape {found}, expected {expected} (samples of {height} x {width} grid "
            f"pixels, {spec.num_bands} bands). Convert this sample again, or drop {spec.name}."
        )


def _check_inside(scene: Scene, window: Window) -> None:
    bottom = max(window.rows) + 1 if window.rows else window.top + window.height
    right = max(window.columns) + 1 if window.columns else window.left + window.width
    if min(window.top, window.left) < 0 or bottom > scene.height or right > scene.width or window.steps < 1:
        raise DataError(
            f"{scene.file.path}: the window of rows {window.top}…{bottom} and columns {window.left}…{right} does not "
            f"lie in the sample of {scene.height} x {scene.width} pixels."
        )
