"""Which findings in the pixels remove a modality from a sample, and which pixels of images are gaps.

Rules have names, and a modality lists the ones that hold for it. They look at what will become one
sample file, or at the whole tile as the original converter does (`cleaning="tile"`), which loses a
sensor on all four quarters for one bad pixel in one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from olmoearth_core.convert.h5_writer import MISSING_VALUE
from olmoearth_core.interfaces.modality import DropRule, ModalitySpec

_Rule = Callable[[np.ndarray, ModalitySpec], bool]


def _any_nan(array: np.ndarray, spec: ModalitySpec) -> bool:
    return array.dtype.kind == "f" and bool(np.isnan(array).any())


def _all_zero(array: np.ndarray, spec: ModalitySpec) -> bool:
    return not array.any()


def _any_nodata(array: np.ndarray, spec: ModalitySpec) -> bool:
    return spec.nodata is not None and bool((array == spec.nodata).any())


def _has_9999(array: np.ndarray, spec: ModalitySpec) -> bool:
    return bool((array == -9999).any())


def _all_missing(array: np.ndarray, spec: ModalitySpec) -> bool:
    # One value tells most arrays apart without a look at the others.
    return bool(array.size and array.flat[0] == MISSING_VALUE and (array == MISSING_VALUE).all())


RULES: Mapping[DropRule, _Rule] = {
    "any_nan": _any_nan,
    "all_zero": _all_zero,
    "any_nodata": _any_nodata,
    "has_-9999": _has_9999,
    "all_missing": _all_missing,
}


_ALWAYS: DropRule = "all_missing"


def finding(spec: ModalitySpec, array: np.ndarray) -> DropRule | None:
    """Return the first of the modality's drop rules that the array breaks, or that nothing is in it; None if clean."""
    return next((rule for rule in (*spec.drop_rules, _ALWAYS) if RULES[rule](array, spec)), None)


def with_gaps(spec: ModalitySpec, array: np.ndarray) -> np.ndarray:
    """Return images [H, W, T, C] with -99999 where all bands are the nodata value; integers become int32 for that.

    The nodata value of images (0 for most optical sensors) would be a measurement like others to whoever reads the
    sample. Left alone are modalities that are dropped for one such value, and maps, whose 0 may be a class.
    """
    counts = array.dtype.kind in "iu" and spec.kind == "space_time" and "any_nodata" not in spec.drop_rules
    if not counts or spec.nodata is None:
        return array
    if not _nothing(array[..., 0], spec.nodata).any():
        return array
    empty = _nothing(array, spec.nodata).all(axis=-1)
    if not empty.any():
        return array
    marked = array.astype(np.int32)
    marked[empty] = MISSING_VALUE
    return marked


def _nothing(array: np.ndarray, nodata: float) -> np.ndarray:
    found: np.ndarray = (array == nodata) | (array == MISSING_VALUE)
    return found
