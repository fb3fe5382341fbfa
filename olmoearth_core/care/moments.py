"""Count, mean, deviation, range and histogram of one band, of which any number can be added up.

Mean and sum of squared deviations are those of Chan, Golub and LeVeque (1983) in float64: adding up parts gives what
one pass over everything gives, to rounding. Bins are fixed beforehand, so histograms add up exactly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec

MOST_BINS = 4096
_DEVIATIONS = 5.0
_BINS = 100


@dataclass(frozen=True)
class Bins:
    """Where a histogram counts: `number` equal bins from low to high, of the values or of their inverse sinh.

    asinh serves bands of which nothing is known: it is linear near 0 and logarithmic far from it.
    """

    low: float
    high: float
    number: int
    scale: Literal["linear", "asinh"] = "linear"

    def of(self, values: np.ndarray) -> np.ndarray:
        """Return the bin of each value; -1 is below the first and `number` above the last."""
        there = np.arcsinh(values) if self.scale == "asinh" else values
        place = np.floor((there - self.low) * (self.number / (self.high - self.low)))
        # The upper edge belongs to the last bin, as in other histograms.
        place[there == self.high] = self.number - 1
        return np.clip(place, -1, self.number).astype(np.int64)

    @property
    def edges(self) -> np.ndarray:
        """Values at the borders of bins, [number + 1]."""
        edges: np.ndarray = np.linspace(self.low, self.high, self.number + 1)
        return np.sinh(edges) if self.scale == "asinh" else edges


@dataclass(frozen=True)
class Moments:
    """What is known of a band's values. m2: sum of squared deviations from the mean. histogram: [bins], then outside.

    minimum and maximum are infinite where no value was seen.
    """

    bins: Bins
    count: int = 0
    mean: float = 0.0
    m2: float = 0.0
    minimum: float = math.inf
    maximum: float = -math.inf
    histogram: tuple[int, ...] = ()
    below: int = 0
    above: int = 0

    @property
    def std(self) -> float:
        """Standard deviation of all values (divided by their count); NaN without values."""
        return math.sqrt(self.m2 / self.count) if self.count else math.nan

    def add(self, other: Moments) -> Moments:
        """Return what is known of the values of both; DataError if their bins differ."""
        if self.bins != other.bins:
            raise DataError("statistics with other bins cannot be added up: measure both with the same packages.")
        if not (self.count and other.count):
            return self if self.count else other
        count, apart = self.count + other.count, other.mean - self.mean
        return replace(
            self,
            count=count,
            mean=self.mean + apart * (other.count / count),
            m2=self.m2 + other.m2 + apart * apart * (self.count * (other.count / count)),
            minimum=min(self.minimum, other.minimum),
            maximum=max(self.maximum, other.maximum),
            histogram=tuple(a + b for a, b in zip(self.histogram, other.histogram, strict=True)),
            below=self.below + other.below,
            above=self.above + other.above,
        )

    @classmethod
    def of(cls, values: np.ndarray, bins: Bins) -> Moments:
        """Measure finite values of any shape."""
        if not values.size:
            return cls(bins, histogram=(0,) * bins.number)
        wide = np.asarray(values, dtype=np.float64).ravel()
        mean = float(wide.mean())
        away = wide - mean
        # The mean of a long sum is off by some rounding; its square is taken off again (corrected two-pass).
        m2 = float(away @ away) - float(away.sum()) ** 2 / wide.size
        counts = np.bincount(bins.of(wide) + 1, minlength=bins.number + 2).tolist()
        low, high = float(wide.min()), float(wide.max())
        return cls(bins, wide.size, mean, max(m2, 0.0), low, high, tuple(counts[1:-1]), counts[0], counts[-1])

    def to_json(self) -> dict[str, Any]:
        """Return plain values that `from_json` reads back without loss."""
        there = {"min": self.minimum, "max": self.maximum} if self.count else {}
        bins = [self.bins.low, self.bins.high, self.bins.number, self.bins.scale]
        outside = {"below": self.below, "above": self.above}
        return {"count": self.count, "mean": self.mean, "m2": self.m2, **there, "bins": bins, **outside,
                "histogram": list(self.histogram)}  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Moments:
        """Read `to_json` back; ValueError, KeyError or TypeError if it is something else."""
        low, high, number, scale = data["bins"]
        histogram = tuple(int(n) for n in data["histogram"])
        mean, m2 = float(data["mean"]), float(data["m2"])
        if (
            len(histogram) != number
            or not 0 < number <= MOST_BINS
            or not low < high
            or scale not in ("linear", "asinh")
        ):
            raise ValueError("bins that do not fit the histogram")
        if not (math.isfinite(mean) and 0 <= m2 < math.inf) or int(data["count"]) < 0:
            raise ValueError("a count, mean or m2 that no values can have")
        return cls(
            Bins(float(low), float(high), int(number), scale), int(data["count"]), mean, m2,
            float(data.get("min", math.inf)), float(data.get("max", -math.inf)), histogram,
            int(data["below"]), int(data["above"]),
        )  # fmt: skip


def bins_of(spec: ModalitySpec | None, band: str) -> Bins:
    """Return where to count a band: each code, else five deviations about the mean, else its range, else anywhere."""
    if spec is None:
        return Bins(-math.asinh(1e9), math.asinh(1e9), 2 * _BINS, "asinh")
    if is_coded(spec) and spec.valid_range is not None:
        low, high = spec.valid_range
        return Bins(low - 0.5, high + 0.5, min(int(high - low) + 1, MOST_BINS))
    known = spec.statistics.get(band)
    low, high = spec.valid_range or (-math.inf, math.inf)
    if known is not None and known.mean is not None and known.std:
        low = max(low, known.mean - _DEVIATIONS * known.std)
        high = min(high, known.mean + _DEVIATIONS * known.std)
    elif known is not None and known.minimum is not None and known.maximum is not None:
        low, high = known.minimum, known.maximum
    return Bins(low, high, _BINS) if math.isfinite(low) and low < high < math.inf else bins_of(None, band)


def is_coded(spec: ModalitySpec) -> bool:
    """Whether values are names of classes, of which a mean says nothing."""
    return bool(spec.codes) or spec.quantity == "class_code"
