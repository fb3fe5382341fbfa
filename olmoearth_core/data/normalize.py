"""How stored values are brought to the model's scale: one affine map per band, never clipped.

"computed" maps mean -/+ 2 standard deviations to 0..1, "standard" maps the mean to 0 and one standard deviation to 1,
"predefined" maps minimum..maximum to 0..1. Which one a modality uses is part of its specification, unless the data set
is told otherwise; a statistic that is not there is an error, never a silent other one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, get_args

import fsspec
import numpy as np

from olmoearth_core.data.fill import Fill, copy_nearest, donors
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.interfaces.modality import ModalitySpec, Normalization, Statistics
from olmoearth_core.names import closest

MEASURED = ("computed", "standard")
"""Normalisations that need a mean and a standard deviation."""
_NUMBERS = ("mean", "std", "min", "max", "count")
_STDS = 2.0


class Normalizer:
    """Affine maps of some modalities, in float32.

    Raises:
        DataError: a band has no statistic of the kind that its modality asks for.
    """

    def __init__(self, specs: Sequence[ModalitySpec], *, enabled: bool = True, fill: Fill = "zero") -> None:
        """Compute offsets and scales in float64; `enabled = False` only casts.

        fill: what `complete` puts where a band is absent: 0, or what the band nearest in wavelength measured there.

        Raises:
            ConfigError: a fill that does not exist.
        """
        if fill not in get_args(Fill):
            raise ConfigError(f"fill is {fill!r}; expected one of {', '.join(get_args(Fill))}.")
        self._maps = {spec.name: _affine(spec) for spec in specs if enabled and spec.normalization != "none"}
        self._donors = {spec.name: donors(spec) for spec in specs if fill == "nearest_band"}
        self._tiled = lru_cache(maxsize=64)(self._tile)

    def __call__(self, name: str, values: np.ndarray) -> np.ndarray:
        """Return a new float32 array of the same shape; bands are the last axis."""
        out: np.ndarray = np.array(values, dtype=np.float32, order="C")
        if name not in self._maps or out.size == 0:
            return out
        # Rows are as long as the array allows, because short inner loops (one per pixel) are slow in NumPy.
        row = math.prod(out.shape[1:]) if out.ndim > 1 else out.size
        low, scale = self._tiled(name, row // out.shape[-1])
        flat = out.reshape(-1, row)
        flat -= low
        flat *= scale
        return out

    def complete(self, name: str, values: np.ndarray, present: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return normalised values without gaps, and what is there: as told, and bands that another stands in for.

        present: bool, broadcastable to the values. What is absent in the end is 0.
        """
        if name in self._donors:
            values, present = copy_nearest(values, present, self._donors[name])
        # Damaged files hold signalling NaN and numbers of any size; what is absent becomes 0 below.
        with np.errstate(invalid="ignore", over="ignore"):
            out = self(name, values)
        if not present.all():
            np.copyto(out, 0.0, where=~present)
        return out, present

    def _tile(self, name: str, times: int) -> tuple[np.ndarray, np.ndarray]:
        low, scale = self._maps[name]
        return np.tile(low, times), np.tile(scale, times)

    def __getstate__(self) -> dict[str, Any]:
        return {"_maps": self._maps, "_donors": self._donors}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._maps, self._donors = state["_maps"], state["_donors"]
        self._tiled = lru_cache(maxsize=64)(self._tile)


def bounds(spec: ModalitySpec) -> tuple[np.ndarray, np.ndarray]:
    """Return the values that become 0 and 1, float64 [C] each, in band order."""
    found = [spec.statistics.get(band, Statistics()) for band in spec.band_order]
    if spec.normalization in MEASURED:
        mean = _column(spec, "mean", [s.mean for s in found])
        std = _column(spec, "std", [s.std for s in found])
        return (mean, mean + std) if spec.normalization == "standard" else (mean - _STDS * std, mean + _STDS * std)
    return (
        _column(spec, "minimum", [s.minimum for s in found]),
        _column(spec, "maximum", [s.maximum for s in found]),
    )


def override(specs: Sequence[ModalitySpec], url: str) -> tuple[ModalitySpec, ...]:
    """Replace statistics by those of a JSON file {modality: {band: {"mean", "std" | "min", "max", "count"}}}.

    A modality that the file names with mean and std becomes "computed" unless it is "standard", with min and max
    "predefined".
    """
    try:
        with fsspec.open(url, "r", encoding="utf-8") as stream:
            table: Mapping[str, Any] = json.load(stream)
    except (OSError, ValueError, RecursionError) as cause:
        raise DataError(f"dataset.stats = {url}: cannot be read as JSON ({cause}).") from cause
    wanted = [table.get(spec.name, {}) for spec in specs] if isinstance(table, dict) else [None]
    if not all(isinstance(bands, dict) and all(map(_is_entry, bands.values())) for bands in wanted):
        raise DataError(f"dataset.stats = {url}: expected {{modality: {{band: {{mean, std, min, max, count}}}}}} with "
                        "finite numbers. `olmoearth dataset stats --out` writes such a file.")  # fmt: skip
    return tuple(_with(spec, table[spec.name], url) if spec.name in table else spec for spec in specs)


def _is_entry(entry: Any) -> bool:
    return isinstance(entry, dict) and all(
        isinstance(entry[key], int | float) and abs(entry[key]) < np.inf for key in _NUMBERS if key in entry
    )


def choose(specs: Sequence[ModalitySpec], kinds: Mapping[str, Normalization | None]) -> tuple[ModalitySpec, ...]:
    """Give modalities another normalisation than the one of their specification; None asks for nothing.

    Raises:
        ConfigError: a name that is not among the specs, or a normalisation that does not exist.
    """
    for fault in strays(kinds, [spec.name for spec in specs]):
        raise ConfigError(f"dataset.normalization: {fault}.")
    asked = _asked(kinds)
    for name, kind in asked.items():
        if kind not in get_args(Normalization):
            raise ConfigError(
                f"dataset.normalization.{name} is {kind!r}; expected one of {', '.join(get_args(Normalization))}."
            )
    return tuple(replace(spec, normalization=asked.get(spec.name, spec.normalization)) for spec in specs)


def strays(kinds: Mapping[str, Normalization | None], known: Iterable[str]) -> Iterator[str]:
    """Yield a sentence for each modality that another normalisation is asked for and that is not a known one."""
    known = [name.lower() for name in known]
    for name in _asked(kinds):
        if name not in known:
            meant = closest(name, known)
            hint = f' (did you mean "{meant}"?)' if meant else ""
            yield f"{name} is not trained on{hint}; there are {', '.join(known)}"


def _asked(kinds: Mapping[str, Normalization | None]) -> dict[str, Normalization]:
    return {name.lower(): kind for name, kind in kinds.items() if kind is not None}


def _with(spec: ModalitySpec, bands: Mapping[str, Mapping[str, float]], url: str) -> ModalitySpec:
    unknown = [band for band in bands if band not in spec.band_order]
    if unknown:
        raise DataError(f"{url}: {spec.name} has no band {unknown}. It has {', '.join(spec.band_order)}.")
    statistics = {**spec.statistics, **{band: _statistics(entry) for band, entry in bands.items()}}
    kind: Normalization = "predefined"
    if all("mean" in entry for entry in bands.values()):
        kind = spec.normalization if spec.normalization in MEASURED else "computed"
    return replace(spec, statistics=statistics, normalization=kind)


def _statistics(entry: Mapping[str, float]) -> Statistics:
    return Statistics(
        mean=entry.get("mean"),
        std=entry.get("std"),
        minimum=entry.get("min"),
        maximum=entry.get("max"),
        count=int(entry.get("count", 0)),
    )


def _affine(spec: ModalitySpec) -> tuple[np.ndarray, np.ndarray]:
    low, high = bounds(spec)
    flat = [band for band, width in zip(spec.band_order, high - low, strict=True) if not width > 0]
    if flat:
        raise DataError(f"{spec.name}: the statistics of {', '.join(flat)} span no range, so it cannot be normalised.")
    return low.astype(np.float32), (1.0 / (high - low)).astype(np.float32)


def _column(spec: ModalitySpec, what: str, values: Sequence[float | None]) -> np.ndarray:
    lacking = [band for band, value in zip(spec.band_order, values, strict=True) if value is None]
    if lacking:
        raise DataError(
            f"{spec.name}: no {what} for {', '.join(lacking)}, which its {spec.normalization!r} normalisation needs. "
            f"Give it in dataset.stats, or set dataset.normalize = false."
        )
    return np.array([float(value) for value in values if value is not None], dtype=np.float64)
