"""How tiles of cities are divided: by tile, by city or by continent, always the same way (evaluation.md 4.7)."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from olmoearth_core.errors import DataError

Unit = TypeVar("Unit", bound=Any)
SEED = 42
CONTINENTS: Mapping[str, tuple[str, ...]] = {
    "Europe": (
        "Athens", "Barcelona", "Berlin", "Istanbul", "Lugano", "Matterhorn", "Oslo", "Reykjavik", "Rome", "Wolfsburg",
    ),
    "Oceania": ("Auckland", "Melbourne", "Perth", "Suva", "Sydney"),
    "Asia": ("Bangkok", "Jakarta", "Kuala Lumpur", "Kyoto", "Mecca", "Mumbai", "Shanghai", "Wuhan"),
    "South America": (
        "Buenos Aires", "Caracas", "Itaituba", "Lima", "Montevideo", "Rio de Janeiro", "Santiago",
    ),
    "Africa": (
        "Cairo", "Cape Town", "Johannesburg", "Kampala", "Kigali", "Kinshasa", "Lagos", "Marrakesh", "Nairobi",
    ),
    "North America": (
        "Calgary", "Denver", "Houston", "Kansas City", "Los Angeles", "Mexico City", "New York", "Port-au-Prince",
        "San Francisco", "San Jose", "Toronto",
    ),
}  # fmt: skip
"""The fifty cities (eval_tasks.json, "fifty_cities_continents")."""


def partition(units: Sequence[Unit]) -> dict[str, list[Unit]]:
    """Divide units into 70 % training, 15 % validation and the rest; from three on, none is left empty."""
    shuffled = sorted(units)
    random.Random(SEED).shuffle(shuffled)
    count = len(shuffled)
    train, valid = round(0.7 * count), round(0.15 * count)
    if count >= 3:
        train = min(train, count - 2)
        valid = max(1, min(valid, count - train - 1))
    return {
        "train": shuffled[:train], "valid": shuffled[train : train + valid], "test": shuffled[train + valid :]
    }  # fmt: skip


def divide(counts: Mapping[str, int], how: str) -> dict[str, list[tuple[str, int]]]:
    """Return the tiles (city, number) of each split. how: random, by_city or by_continent.

    Raises:
        DataError: a city is on no continent that is known.
    """
    if how == "random":
        return partition([(city, tile) for city, count in counts.items() for tile in range(count)])
    members: dict[str, list[str]] = {}
    for city in sorted(counts):
        members.setdefault(city if how == "by_city" else continent(city), []).append(city)
    return {
        split: [(city, tile) for unit in units for city in members[unit] for tile in range(counts[city])]
        for split, units in partition(list(members)).items()
    }


def continent(city: str) -> str:
    """Return the continent of a city; its name may be written with underscores."""
    for name, cities in CONTINENTS.items():
        if city.replace("_", " ") in cities:
            return name
    raise DataError(f'fifty_cities: on which continent "{city}" lies is not known. Use split = "by_city".')


def fraction_of(tiles: Sequence[Unit], fraction: float) -> list[Unit]:
    """Return the share of tiles that a low-label run keeps, at least one, in their order."""
    kept = max(1, int(len(tiles) * fraction))
    drawn = np.random.RandomState(SEED).permutation(len(tiles))[:kept]
    return [tiles[number] for number in np.sort(drawn)]
