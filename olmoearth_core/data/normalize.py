"""How stored values are brought to the model's scale: one affine map per band, never clipped.

"computed" maps mean -/+ 2 standard deviations to 0..1, "predefined" maps minimum..maximum to 0..1. Which one
a modality uses is part of its specification; a statistic that is not there is an error, never a silent other one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import fsspec
import numpy as np

from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec, Statistics

_STDS = 2.0


class Normalizer:
    """Affine maps of some modalities, in float32.

    Raises:
        DataError: a band has no statistic of the kind that its modality asks for.
    """

    def __init__(self, specs: Sequence[ModalitySpec], *, enabled: bool = True) -> None:
        """Compute offsets and scales in float64; `enabled = False` only casts."""
        self._maps = {spec.name: _affine(spec) for spec in specs if enabled and spec.normalization != "none"}
        self._tiled = lru_cache(maxsize=64)(self._tile)

    def __call__(self, name: str, values: np.ndarray) -> np.ndarray:
        """Return a new float32 array of the same shape; bands are the last axis."""
        out: np.ndarray = np.array(values, dtype=np.float32, order="C")
        if name not in self._maps or out.size == 0:
            return out
        # Rows are as long as the array allows, because short inner loops (one per pixel) are slow in NumPy.
        row = int(np.prod(out.shape[1:])) if out.ndim > 1 else out.size
        low, scale = self._tiled(name, row // out.shape[-1])
        flat = out.reshape(-1, row)
        flat -= low
        flat *= scale
        return out

    def _tile(self, name: str, times: int) -> tuple[np.ndarray, np.ndarray]:
        low, scale = self._maps[name]
        return np.tile(low, times), np.tile(scale, times)

    def __getstate__(self) -> dict[str, Any]:
        return {"_maps": self._maps}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._maps = state["_maps"]
        self._tiled = lru_cache(maxsize=64)(self._tile)


def bounds(spec: ModalitySpec) -> tuple[np.ndarray, np.ndarray]:
    """Return the values that become 0 and 1, float64 [C] each, in band order."""
    found = [spec.statistics.get(band, Statistics()) for band in spec.band_order]
    if spec.normalization == "computed":
        mean = _column(spec, "mean", [s.mean for s in found])
        std = _column(spec, "std", [s.std for s in found])
        return mean - _STDS * std, mean + _STDS * std
    return (
        _column(spec, "minimum", [s.minimum for s in found]),
        _column(spec, "maximum", [s.maximum for s in found]),
    )


def override(specs: Sequence[ModalitySpec], url: str) -> tuple[ModalitySpec, ...]:
    """Replace statistics by those of a JSON file {modality: {band: {"mean", "std" | "min", "max", "count"}}}.

    A modality that the file names with mean and std becomes "computed", with min and max "predefined".
    """
    try:
        with fsspec.open(url, "r", encoding="utf-8") as stream:
            table: Mapping[str, Any] = json.load(stream)
    except (OSError, ValueError) as cause:
        raise DataError(f"dataset.stats = {url}: cannot be read as JSON ({cause}).") from cause
    return tuple(_with(spec, table[spec.name], url) if spec.name in table else spec for spec in specs)


def _with(spec: ModalitySpec, bands: Mapping[str, Mapping[str, float]], url: str) -> ModalitySpec:
    unknown = [band for band in bands if band not in spec.band_order]
    if unknown:
        raise DataError(f"{url}: {spec.name} has no band {unknown}. It has {', '.join(spec.band_order)}.")
    statistics = {**spec.statistics, **{band: _statistics(entry) for band, entry in bands.items()}}
    measured = all("mean" in entry for entry in bands.values())
    return replace(spec, statistics=statistics, normalization="computed" if measured else "predefined")


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
