"""Bands that stand in for bands that are not there, as the reference fills them. Only its profile does so.

A rule copies a stored band under another name, before values are scaled. For Landsat, the reference copies once more
after scaling; `copy_scaled` repeats what that does to the numbers.
"""

# C bands
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from olmoearth_benchmarks.geobench_v1.bands import BandPlan
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec

Rule = tuple[str, str]
"""Stored band that is copied, stored band that lacks."""
T = TypeVar("T")


def impute(table: Mapping[str, T], rules: Sequence[Rule]) -> dict[str, T]:
    """Return a table by stored band with the lacking bands filled; of two rules for a band, the first counts.

    Raises:
        DataError: a rule would replace a band that is there, or copies one that is not.
    """
    filled = dict(table)
    for source, target in rules:
        if target in table:
            raise DataError(f"Imputation of {target!r} from {source!r}: it is there already. Leave out this rule.")
        if source not in table:
            raise DataError(f"Imputation of {target!r}: there is no {source!r}. There is {', '.join(table)}.")
        filled.setdefault(target, table[source])
    return filled


def imputed_plan(plan: BandPlan, stored: Sequence[str], rules: Sequence[Rule]) -> dict[str, str]:
    """Return from which stored band each band is taken, once lacking ones are filled."""
    sources = impute({name: name for name in stored}, rules)
    return {band: sources[name] for band, name in plan.items() if name in sources}


LANDSAT_COPIES: tuple[tuple[str, str], ...] = (("B8", "B3"), ("B2", "B1"), ("B7", "B9"), ("B7", "B10"), ("B7", "B11"))
"""Band whose scaled values another takes. Green is that of B8: the reference looks bands up by their words, and both
are called green, so the statistics of the wrong one are used (evaluation.md 2.6 and 9.1 number 27; kept)."""


def copy_scaled(spec: ModalitySpec) -> Callable[[str, np.ndarray], np.ndarray]:
    """Return what replaces scaled bands by copies, for `Opened.after_scale`."""
    order = spec.band_order
    pairs = [(order.index(source), order.index(target)) for source, target in LANDSAT_COPIES]
    return _CopyScaled(spec.name, tuple(a for a, _ in pairs), tuple(b for _, b in pairs))


class _CopyScaled:
    """Copies channels of one modality; a class, so that it can be sent to worker processes."""

    def __init__(self, modality: str, sources: tuple[int, ...], targets: tuple[int, ...]) -> None:
        self.modality, self.sources, self.targets = modality, list(sources), list(targets)

    def __call__(self, modality: str, values: np.ndarray) -> np.ndarray:
        if modality != self.modality:
            return values
        out = values.copy()
        out[..., self.targets] = values[..., self.sources]
        return out
