"""Which findings in the pixels remove a modality from a sample.

Rules have names, and a modality lists the ones that hold for it. They look at what will become one
sample file, or at the whole tile as the original converter does (`cleaning="tile"`), which loses a
sensor on all four quarters for one bad pixel in one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

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


RULES: Mapping[DropRule, _Rule] = {
    "any_nan": _any_nan,
    "all_zero": _all_zero,
    "any_nodata": _any_nodata,
    "has_-9999": _has_9999,
}


def finding(spec: ModalitySpec, array: np.ndarray) -> DropRule | None:
    """Return the first of the modality's drop rules that the array breaks, None if it is clean."""
    return next((rule for rule in spec.drop_rules if RULES[rule](array, spec)), None)
