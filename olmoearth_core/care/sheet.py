"""What a contact sheet of a sample shows: a picture per modality and month, maps, and curves; nothing is drawn here.

How an array is shown follows from its specification, never from its name: three bands near red, green and blue light
make a colour picture, codes and presences a map of classes, anything else its first band.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from olmoearth_core.care.check_sample import FIXED
from olmoearth_core.care.moments import is_coded
from olmoearth_core.care.opened import opened, values
from olmoearth_core.care.statistics import measured, there
from olmoearth_core.convert.h5_writer import MASKS
from olmoearth_core.data.folder import Folder
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec

RED_GREEN_BLUE = (665.0, 560.0, 490.0)
"""Wavelengths in nm; a band stands in for one if it is at most `_NEAR` nm away."""
_NEAR = 45.0
_SHARES = (2.0, 98.0)
_SIDE = 192
NOTHING = "none of these"
_MOST_CLASSES = 400
Style = Literal["rgb", "classes", "grey"]


@dataclass(frozen=True)
class Pictures:
    """One modality as pictures: one per month, or a single one where it does not vary in time.

    style: rgb = float [H, W, 3] in 0..1; grey = float [H, W] in its unit; classes = [H, W] of codes. NaN = nothing
    there; None = the month is a gap. limits: unit values shown as darkest and brightest, by channel.
    classes: code -> what to write in the legend, those that occur.
    """

    name: str
    title: str
    bands: str
    unit: str
    style: Style
    images: tuple[np.ndarray | None, ...]
    limits: tuple[tuple[float, float], ...] = ()
    classes: Mapping[int, str] | None = None
    varies: bool = True


@dataclass(frozen=True)
class Curves:
    """One modality without pixels: values [T, C], NaN where there are none."""

    name: str
    title: str
    unit: str
    bands: tuple[str, ...]
    values: np.ndarray


@dataclass(frozen=True)
class Sheet:
    """All of a sample. months: "2018-06-08" per time step. absent: modalities of the data set that it lacks."""

    title: str
    latlon: tuple[float, float]
    months: tuple[str, ...]
    pictures: tuple[Pictures, ...]
    curves: tuple[Curves, ...]
    absent: tuple[str, ...]


def sheet(folder: Folder, index: int, specs: Mapping[str, ModalitySpec]) -> Sheet:
    """Read a sample; DataError if there is none of this number or its file is damaged."""
    if not 0 <= index < folder.count:
        raise DataError(f"{folder.url}: has the samples 0 to {folder.count - 1}, but {index} was asked for.")
    with opened(folder.sample(index)) as file:
        latlon, stamps = values(file, "latlon"), values(file, "timestamps")
        if latlon.shape != (2,) or stamps.ndim != 2 or stamps.shape[1] != 3:
            raise DataError(f"{folder.sample(index)}: latlon or timestamps are malformed. Run `dataset verify`.")
        pictures: list[Pictures] = []
        curves: list[Curves] = []
        names = [name for name in file if name not in FIXED]
        for name in names:
            data, spec = values(file, name), specs.get(name)
            mask = f"{MASKS}/{name}" in file and values(file, f"{MASKS}/{name}").astype(bool)
            if data.ndim == 4:
                pictures.append(_pictures(name, data, mask if isinstance(mask, np.ndarray) else None, stamps, spec))
            elif data.ndim == 2:
                curves.append(_curves(name, data, spec))
    try:
        absent = tuple(name for name in folder.columns() if name not in names)
    except DataError:
        absent = ()
    months = tuple(f"{year:04}-{month + 1:02}-{day:02}" for day, month, year in stamps.tolist())
    ordered = sorted(pictures, key=lambda p: (not p.varies, p.style != "rgb"))
    place = (float(latlon[0]), float(latlon[1]))
    return Sheet(f"sample {index} of {folder.count}", place, months, tuple(ordered), tuple(curves), absent)


def _pictures(
    name: str, data: np.ndarray, mask: np.ndarray | None, stamps: np.ndarray, spec: ModalitySpec | None
) -> Pictures:
    varies = mask is not None or (spec is not None and spec.kind == "space_time")
    data = data[:: max(1, data.shape[0] // _SIDE), :: max(1, data.shape[1] // _SIDE)]
    style, channels, legend = _style(spec, data)
    if style == "classes" and len(channels) > 1:
        shown = _first_present(data, channels)
    else:
        shown = np.where(measured(data[..., channels], spec), data[..., channels].astype(np.float64), np.nan)
    limits: tuple[tuple[float, float], ...] = ()
    if style != "classes":
        limits = tuple(_limits(shown[..., i]) for i in range(shown.shape[-1]))
    if style == "rgb":
        low, high = (np.array([pair[i] for pair in limits]) for i in (0, 1))
        shown = np.clip((shown - low) / (high - low), 0, 1)
    classes = _classes(shown, legend) if style == "classes" else None
    steps = [shown[:, :, t] if style == "rgb" else shown[:, :, t, 0] for t in range(shown.shape[2])]
    order = spec.band_order if spec is not None and spec.num_bands == data.shape[-1] else None
    bands = ", ".join(order[c] for c in channels) if order and len(channels) <= 3 else ""
    unit = spec.units if spec is not None else ""
    title = spec.title if spec is not None and spec.title else name
    return Pictures(name, title, bands, unit, style, _spread(steps, mask, len(stamps), varies=varies), limits, classes,
                    varies)  # fmt: skip


def _style(spec: ModalitySpec | None, data: np.ndarray) -> tuple[Style, list[int], Mapping[int, str] | None]:
    """Return how to show an array, which channels of it, and names of codes."""
    if spec is None or spec.num_bands != data.shape[-1]:
        return "grey", [0], None
    if spec.quantity == "presence":
        return "classes", list(range(spec.num_bands)), dict(enumerate((NOTHING, *spec.band_order)))
    if is_coded(spec):
        return "classes", [0], None
    colours = colour_bands(spec)
    return ("rgb", colours, None) if colours else ("grey", [0], None)


def colour_bands(spec: ModalitySpec) -> list[int]:
    """Return the channels nearest to red, green and blue light, [] unless each has one of its own."""
    known = [(band, spec.wavelengths_nm[band]) for band in spec.band_order if band in spec.wavelengths_nm]
    if len(known) < 3:
        return []
    nearest = [min(known, key=lambda pair: abs(pair[1] - wanted)) for wanted in RED_GREEN_BLUE]
    if len({band for band, _ in nearest}) < 3:
        return []
    if any(abs(nm - wanted) > _NEAR for (_, nm), wanted in zip(nearest, RED_GREEN_BLUE, strict=True)):
        return []
    return [spec.band_order.index(band) for band, _ in nearest]


def _first_present(data: np.ndarray, channels: list[int]) -> np.ndarray:
    """Return 1 + the first channel that is above 0, 0 where none is: [H, W, T, 1]."""
    above = data[..., channels] > 0
    found = np.where(above.any(-1), above.argmax(-1) + 1.0, 0.0)
    wide: np.ndarray = found[..., None]
    return wide


def _limits(channel: np.ndarray) -> tuple[float, float]:
    """Return what is darkest and brightest for [H, W, T]: of a usual month, lest clouds make all others dark."""
    known = [there(channel[:, :, t].ravel(), None) for t in range(channel.shape[2])]
    pairs = [np.percentile(values, _SHARES) for values in known if values.size]
    if not pairs:
        return 0.0, 1.0
    low, high = (float(v) for v in np.median(pairs, axis=0))
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _classes(shown: np.ndarray, legend: Mapping[int, str] | None) -> dict[int, str]:
    codes = np.unique(shown[np.isfinite(shown)])[:_MOST_CLASSES].astype(int).tolist()
    return {code: legend.get(code, str(code)) if legend else str(code) for code in codes}


def _spread(
    steps: list[np.ndarray], mask: np.ndarray | None, months: int, *, varies: bool
) -> tuple[np.ndarray | None, ...]:
    """Put each step at its month; a damaged mask gives the steps in their order."""
    if not varies:
        return tuple(steps[:1])
    if mask is None or mask.shape != (months,) or mask.sum() != len(steps):
        return tuple([*steps, *[None] * (months - len(steps))])
    left = iter(steps)
    return tuple(next(left) if there_is else None for there_is in mask)


def _curves(name: str, data: np.ndarray, spec: ModalitySpec | None) -> Curves:
    known = np.where(measured(data, spec), data.astype(np.float64), np.nan)
    fits = spec is not None and spec.num_bands == data.shape[1]
    bands = spec.band_order if spec is not None and fits else tuple(map(str, range(data.shape[1])))
    title = spec.title if spec is not None and spec.title else name
    return Curves(name, title, spec.units if spec is not None else "", bands, known)
