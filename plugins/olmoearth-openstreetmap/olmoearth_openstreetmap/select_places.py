"""Places to make a data set of: cells of 0.001 degree that hold things of many categories, drawn from an extract.

A matching node marks its cell; a way that of one of its nodes; a relation that of one node of its outer ways. Which
node depends on the seed and the object's number alone, so it is the same in every extract that has all of its nodes.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from olmoearth_core.errors import DataError
from olmoearth_openstreetmap.pbf_file import Locations, objects, relations, told
from olmoearth_openstreetmap.sampling_rules import KEYS, SAMPLING_CATEGORIES, categories_of

STEP = 0.001
"""Side of a cell, in degrees."""
Cells = Mapping[str, tuple[tuple[int, int], ...]]
"""Category -> column (east) and row (north) of cells, sorted, each once."""
Place = tuple[float, float]
"""Longitude and latitude."""


def find_cells(
    path: str,
    *,
    categories: Sequence[str] | None = None,
    seed: int = 0,
    legacy: bool = False,
    locations: Locations = "auto",
) -> Cells:
    """Return the cells of each category.

    categories: those wanted; null = all 118. seed: decides which node of a way or relation stands for it.
    legacy: cut degrees toward zero, as the original did, instead of flooring them.
    locations: where node locations are kept; auto = by the file's size.

    Raises:
        DataError: the file is missing, torn or malformed, or a category does not exist.
    """
    wanted = set(checked(categories))
    marks = _Marks(seed, legacy, wanted)
    with told(path):
        _look_through(path, marks, locations)
    return {name: tuple(sorted(marks.cells[name])) for name in SAMPLING_CATEGORIES if name in wanted}


def _look_through(path: str, marks: _Marks, locations: Locations) -> None:
    marks.needed = _outer_ways(path, marks.wanted)
    ways = {way for members, _ in marks.needed.values() for way in members}
    # Ways of relations need no tags of their own, so all objects are looked at where there are any.
    for thing in objects(path, keys=() if ways else KEYS, locations=locations):
        if thing.is_relation():
            continue
        tags = {tag.k: tag.v for tag in thing.tags}
        found = [c for c in categories_of(tags) if c in marks.wanted] if tags else []
        if thing.is_node():
            marks.node(thing, found)
        elif found or thing.id in ways:
            marks.way(thing, found, thing.id in ways)
    marks.relations()


def draw_places(cells: Cells, *, per_category: int = 10_000, seed: int = 0, legacy: bool = False) -> list[Place]:
    """Draw at most `per_category` cells of each category and return the union as places, sorted.

    A place is the middle of its cell; legacy: its corner nearest to zero, as the original has it.
    """
    chosen: set[tuple[int, int]] = set()
    for name, listed in cells.items():
        # A generator for each category: leaving one out does not change the others.
        rng = np.random.Generator(np.random.PCG64([seed, SAMPLING_CATEGORIES.index(name)]))
        count = min(per_category, len(listed))
        chosen.update(listed[i] for i in rng.choice(len(listed), size=count, replace=False)) if count else None
    shift = 0.0 if legacy else 0.5
    return [(round((col + shift) * STEP, 6), round((row + shift) * STEP, 6)) for col, row in sorted(chosen)]


def checked(categories: Sequence[str] | None) -> tuple[str, ...]:
    """Return the categories that are wanted; DataError names one that does not exist."""
    for name in categories or ():
        if name not in SAMPLING_CATEGORIES:
            raise DataError(f'category "{name}": unknown. Known: {", ".join(SAMPLING_CATEGORIES)}.')
    return tuple(categories) if categories is not None else SAMPLING_CATEGORIES


def _outer_ways(path: str, wanted: set[str]) -> dict[int, tuple[tuple[int, ...], tuple[str, ...]]]:
    """Return relation -> its outer ways and its categories."""
    found = {}
    for relation in relations(path):
        tags = {tag.k: tag.v for tag in relation.tags}
        names = tuple(c for c in categories_of(tags) if c in wanted)
        outer = tuple(m.ref for m in relation.members if m.type == "w" and m.role == "outer") if names else ()
        if outer:
            found[relation.id] = (outer, names)
    return found


@dataclass
class _Marks:
    """Which cells are marked so far."""

    seed: int
    legacy: bool
    wanted: set[str]
    cells: dict[str, set[tuple[int, int]]] = field(default_factory=lambda: defaultdict(set))
    needed: dict[int, tuple[tuple[int, ...], tuple[str, ...]]] = field(default_factory=dict)
    lines: dict[int, np.ndarray] = field(default_factory=dict)

    def node(self, node: Any, names: Iterable[str]) -> None:
        if node.location.valid():
            self._mark(names, np.array([node.location.lon, node.location.lat]))

    def way(self, way: Any, names: Sequence[str], needed: bool) -> None:
        if len(way.nodes) < 2:
            return
        places = [(n.location.lon, n.location.lat) for n in way.nodes if n.location.valid()]
        points = np.array(places, dtype=np.float64).reshape(-1, 2)
        if needed:
            self.lines[way.id] = points
        if names and len(points):
            self._mark(names, points[self._lot("way", way.id, len(points))])

    def relations(self) -> None:
        for number, (outer, names) in sorted(self.needed.items()):
            points = np.concatenate([self.lines.get(way, np.empty((0, 2))) for way in outer])
            if len(points):
                self._mark(names, points[self._lot("relation", number, len(points))])

    def _mark(self, names: Iterable[str], place: np.ndarray) -> None:
        exact = place / STEP
        col, row = (np.trunc(exact) if self.legacy else np.floor(exact)).astype(int)
        for name in names:
            self.cells[name].add((int(col), int(row)))

    def _lot(self, kind: str, number: int, count: int) -> int:
        digest = hashlib.blake2b(f"{self.seed} {kind} {number}".encode(), digest_size=8).digest()
        return int.from_bytes(digest) % count
