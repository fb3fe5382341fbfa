"""Features brought to metres of a UTM zone, and those of them that touch a cell."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import shapely
from pyproj import Transformer
from pyproj.exceptions import ProjError

from olmoearth_core.convert.grid import Cell
from olmoearth_core.errors import DataError
from olmoearth_openstreetmap.feature import Feature
from olmoearth_openstreetmap.pbf import read_features
from olmoearth_openstreetmap.widths import REACH


@dataclass(frozen=True, eq=False)
class Projected:
    """Features in metres of one zone, and a tree to find them by place."""

    features: tuple[Feature, ...]
    tree: shapely.STRtree

    def of(self, cell: Cell, category: str | None = None) -> list[Feature]:
        """Return those that touch a cell or are so near that they are drawn into it, in order."""
        left, top = cell.top_left
        near = self.tree.query(
            shapely.box(left - REACH, top - cell.meters - REACH, left + cell.meters + REACH, top + REACH), "intersects"
        )
        found = (self.features[int(i)] for i in np.sort(near))
        return [f for f in found if category is None or f.category == category]


def projected(features: Iterable[Feature], crs: str) -> Projected:
    """Bring features from degrees to metres of a zone.

    Features that the zone cannot hold (the far side of the Earth) are left out.
    """
    given = list(features)
    shapes = np.array([f.shape for f in given], dtype=object)
    move = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    try:
        moved = shapely.transform(shapes, lambda points: np.stack(move.transform(*points.T), axis=1))
    except ProjError as error:
        raise DataError(
            f"{crs}: features cannot be brought there ({error}). Give the UTM zone of the place."
        ) from error
    finite = np.isfinite(shapely.bounds(moved)).all(axis=1) if len(given) else []
    kept = [Feature(f.category, s, f.tags, f.origin) for f, s, ok in zip(given, moved, finite, strict=True) if ok]
    return Projected(tuple(kept), shapely.STRtree([f.shape for f in kept]))


def united(extracts: Sequence[Sequence[Feature]]) -> list[Feature]:
    """Put extracts together; an object that several hold is taken from the first."""
    seen: dict[tuple[str, tuple[str, int]], Feature] = {}
    for features in extracts:
        for feature in features:
            seen.setdefault((feature.category, feature.origin), feature)
    return list(seen.values())


@lru_cache(maxsize=4)
def _loaded(path: str, stamp: tuple[int, int], crs: str, published: bool, legacy: bool) -> Projected:
    return projected(read_features(path, published=published, legacy=legacy).features, crs)


def of_file(path: str, crs: str, *, published: bool, legacy: bool) -> Projected:
    """Return the features of an extract in metres; the last four extracts are kept in memory, per process."""
    try:
        found = os.stat(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be opened ({error.strerror}). Give an extract (.osm.pbf).") from error
    return _loaded(path, (found.st_size, found.st_mtime_ns), crs, published, legacy)
