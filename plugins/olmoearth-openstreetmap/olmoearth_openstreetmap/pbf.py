"""The features of an extract: which objects match, and how nodes, ways and relations become shapes.

Areas are assembled from closed ways and from multipolygon relations, inner rings kept. A line is cut where the extract
lacks its nodes. Whatever gives no valid shape is dropped and counted. `published=True` keeps to what the published
layer did: relations are never visited, nodes outside padded boxes are forgotten and ways joined across the gap.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely

from olmoearth_openstreetmap.categories import CATEGORIES
from olmoearth_openstreetmap.feature import Feature
from olmoearth_openstreetmap.pbf_file import Bounds, Locations, objects, told
from olmoearth_openstreetmap.rules import Geometry, Kind, Rule, keys, rules
from olmoearth_openstreetmap.shapes import OUTSIDE, Boxes, area_shape, joined, lines_of, node_shape, polygon_of

_ORDER: Mapping[str, int] = {"node": 0, "way": 1, "relation": 2}


@dataclass(frozen=True)
class Extract:
    """Features in degrees, sorted by category, kind and number. dropped: reason -> how many matching objects."""

    path: str
    features: tuple[Feature, ...]
    dropped: Mapping[str, int]


def read_features(
    path: str,
    *,
    boxes: Sequence[Bounds] | None = None,
    published: bool = False,
    legacy: bool = False,
    locations: Locations = "auto",
) -> Extract:
    """Read the features of the thirty categories.

    boxes: take features that touch one of these; null = all. published: as the published layer did (see above).
    legacy: keep its misspelt water_tower rule. locations: where node locations are kept; auto = by the file's size.

    Raises:
        DataError: the file is missing, torn or malformed; names it.
    """
    found = _Finder(rules(legacy=legacy), published, Boxes(boxes))
    # The published layer joins ways over nodes that it forgot, so no tag may hide a node's location from them.
    with told(path):
        for thing in objects(path, keys=keys(legacy=legacy), areas=not published, locations=locations):
            found.take(thing)
    found.count_unassembled()
    kept = found.features if published else _touching(found.features, boxes)
    ordered = sorted(kept, key=lambda f: (CATEGORIES.index(f.category), _ORDER[f.origin[0]], f.origin[1]))
    return Extract(path, tuple(ordered), dict(sorted(found.dropped.items())))


@dataclass
class _Finder:
    """Collects features object by object."""

    rules: Sequence[Rule]
    published: bool
    boxes: Boxes
    features: list[Feature] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    waiting: set[tuple[str, str, int]] = field(default_factory=set)

    def take(self, thing: Any) -> None:
        if thing.is_relation() and self.published:
            return
        area = thing.is_area()
        kind: Kind = "node" if thing.is_node() else "relation" if _of_relation(thing) else "way"
        number = thing.orig_id() if area else thing.id
        # Tags are read once: each look-up of osmium walks the list.
        tags = {tag.k: tag.v for tag in thing.tags}
        for rule in self.rules:
            wanted = rule.shapes.get(kind)
            if wanted is None or not rule.holds(tags):
                continue
            if self._left_to_area(thing, kind, wanted):
                if not area:
                    self.waiting.add((rule.category, kind, number))
                    continue
                self.waiting.discard((rule.category, kind, number))
            elif area:
                continue
            self._keep(rule, self._shape(thing, kind, wanted), (kind, number), tags)

    def count_unassembled(self) -> None:
        for _, kind, _ in self.waiting:
            self.dropped[f"{kind} that is no closed area"] += 1

    def _left_to_area(self, thing: Any, kind: Kind, wanted: Geometry) -> bool:
        return not self.published and (kind == "relation" or (kind == "way" and wanted == "Polygon"))

    def _shape(self, thing: Any, kind: Kind, wanted: Geometry) -> Any:
        if thing.is_area():
            area = area_shape(thing)
            return area.centroid if wanted == "Point" and area is not None else area
        if kind == "node":
            return node_shape(thing, self.boxes if self.published else None)
        lines = lines_of(thing, self.boxes if self.published else None)
        if wanted == "Polygon":
            return polygon_of(lines)
        shape = joined(lines)
        return shape.centroid if wanted == "Point" and shape is not None and shape is not OUTSIDE else shape

    def _keep(self, rule: Rule, shape: Any, origin: tuple[str, int], tags: Mapping[str, str]) -> None:
        if shape is OUTSIDE:
            return
        if shape is None or shape.is_empty or not shape.is_valid:
            self.dropped[f"{origin[0]} without a valid shape"] += 1
            return
        copied = {key: tags[key] for key in rule.copied if key in tags}
        self.features.append(Feature(rule.category, shape, copied, origin))


def _of_relation(thing: Any) -> bool:
    return not thing.from_way() if thing.is_area() else thing.is_relation()


def _touching(features: Sequence[Feature], boxes: Sequence[Bounds] | None) -> Sequence[Feature]:
    if boxes is None or not features:
        return features
    tree = shapely.STRtree([shapely.box(*box) for box in boxes])
    near = np.unique(tree.query(np.array([f.shape for f in features], dtype=object), predicate="intersects")[0])
    return [features[int(i)] for i in near]
