"""How values are brought to a common scale by statistics that somebody published: the named ways of evaluations.

With lo = mean - m std and hi = mean + m std, most map lo..hi to 0..1; some clip; the `_int` ones go through 8 bits, as
models trained on pictures expect. Mean, standard deviation, minimum and maximum are per band.
"""

# C bands
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from olmoearth_core.choice import one_of
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import Statistics


@dataclass(frozen=True)
class Columns:
    """Statistics of the bands in order, float64 [C] each; NaN where one is not known."""

    mean: np.ndarray
    std: np.ndarray
    minimum: np.ndarray
    maximum: np.ndarray

    @classmethod
    def of(cls, statistics: Sequence[Statistics]) -> Columns:
        """Return the columns of one entry per band."""
        kinds = ("mean", "std", "minimum", "maximum")
        table = [[getattr(entry, kind) for entry in statistics] for kind in kinds]
        return cls(*(np.array([np.nan if v is None else v for v in row], dtype=np.float64) for row in table))


def apply(method: str, values: np.ndarray, columns: Columns) -> np.ndarray:
    """Return the values on another scale; bands are the last axis.

    float64, except that the 8-bit methods keep float32 and "no_norm" returns the input itself.

    Raises:
        ConfigError: no such method.
        DataError: a statistic that the method needs is not known.
    """
    return METHODS[checked(method)](np.asarray(values), columns)


def checked(method: str) -> str:
    """Return the name of a method.

    Raises:
        ConfigError: no such method.
    """
    return one_of(method, METHODS, "norm_method")


def _around_mean(stds: float, finish: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> _Method:
    def run(values: np.ndarray, columns: Columns) -> np.ndarray:
        mean, std = _known(columns.mean, "mean"), _known(columns.std, "std")
        return finish(_spread(values, mean - stds * std, mean + stds * std), values)

    return run


def _min_max_int(values: np.ndarray, columns: Columns) -> np.ndarray:
    low, high = _known(columns.minimum, "minimum"), _known(columns.maximum, "maximum")
    return _eight_bits(_spread(values, low, high), values)


def _standardize(values: np.ndarray, columns: Columns) -> np.ndarray:
    done: np.ndarray = (values - _known(columns.mean, "mean")) / _known(columns.std, "std")
    return done


def _spread(values: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    spread: np.ndarray = (values - low) / (high - low)
    return spread


def _open(scaled: np.ndarray, values: np.ndarray) -> np.ndarray:
    return scaled


def _clipped(scaled: np.ndarray, values: np.ndarray) -> np.ndarray:
    clipped: np.ndarray = np.clip(scaled, 0.0, 1.0)
    return clipped


def _eight_bits(scaled: np.ndarray, values: np.ndarray) -> np.ndarray:
    # NaN has no place in 8 bits; what is absent is 0 anyway.
    codes = np.clip(np.nan_to_num(scaled * 255.0), 0, 255).astype(np.uint8).astype(values.dtype)
    out: np.ndarray = codes / 255
    return out


def _known(column: np.ndarray, what: str) -> np.ndarray:
    if np.isnan(column).any():
        raise DataError(f"No {what} is published for band {int(np.flatnonzero(np.isnan(column))[0])}, which this "
                        "norm_method needs. Choose another one.")  # fmt: skip
    return column


_Method = Callable[[np.ndarray, Columns], np.ndarray]
METHODS: Mapping[str, _Method] = {
    "norm_no_clip": _around_mean(1, _open),
    "norm_no_clip_2_std": _around_mean(2, _open),
    "norm_yes_clip": _around_mean(1, _clipped),
    "norm_yes_clip_2_std": _around_mean(2, _clipped),
    "norm_yes_clip_3_std": _around_mean(3, _clipped),
    "norm_yes_clip_int": _around_mean(1, _eight_bits),
    "norm_yes_clip_2_std_int": _around_mean(2, _eight_bits),
    "norm_yes_clip_3_std_int": _around_mean(3, _eight_bits),
    "norm_yes_clip_min_max_int": _min_max_int,
    "standardize": _standardize,
    "no_norm": lambda values, columns: values,
}
