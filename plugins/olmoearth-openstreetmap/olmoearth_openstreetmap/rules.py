"""Which objects of a map belong to which of the thirty categories, and what becomes of their shape.

An object may match several rules. All conditions of a rule must hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["node", "way", "relation"]
Geometry = Literal["Point", "LineString", "Polygon"]


@dataclass(frozen=True)
class Rule:
    """One line of the table.

    conditions: (key, value) of tags; value "" = any. shapes: what each kind of object becomes; a kind that is not
    named is left out. copied: keys of tags that go along as properties.
    """

    category: str
    conditions: tuple[tuple[str, str], ...]
    shapes: Mapping[Kind, Geometry]
    copied: tuple[str, ...] = ()

    def holds(self, tags: Mapping[str, str]) -> bool:
        """Whether an object with these tags belongs to the category."""
        return all(tags.get(key) == value if value else key in tags for key, value in self.conditions)


_POINT: Mapping[Kind, Geometry] = {"node": "Point", "way": "Point", "relation": "Point"}
_LINE: Mapping[Kind, Geometry] = {"way": "LineString"}
_AREA: Mapping[Kind, Geometry] = {"way": "Polygon", "relation": "Polygon"}
_RIVER: Mapping[Kind, Geometry] = {"way": "LineString", "relation": "Polygon"}
_MAN_MADE = (
    "chimney", "communications_tower", "crane", "flagpole", "lighthouse", "obelisk", "observatory", "petroleum_well",
    "satellite_dish", "silo", "storage_tank",
)  # fmt: skip

RULES = (
    Rule("aerialway_pylon", (("aerialway", "pylon"),), _POINT),
    Rule("aerodrome", (("aeroway", "aerodrome"),), _AREA),
    *(Rule(name, (("aeroway", name),), _LINE) for name in ("airstrip", "runway", "taxiway")),
    Rule("amenity_fuel", (("amenity", "fuel"),), _AREA),
    Rule("parking", (("amenity", "parking"),), _AREA),
    *(Rule(name, ((name, ""),), _AREA, (name,)) for name in ("building", "leisure")),
    Rule("highway", (("highway", ""),), _LINE, ("highway",)),
    Rule("power_plant", (("power", "plant"),), _AREA, ("plant:source",)),
    Rule("power_substation", (("power", "substation"),), _AREA),
    Rule("works", (("man_made", "works"),), _AREA),
    Rule("river", (("waterway", "river"),), _RIVER, ("waterway",)),
    Rule("generator_wind", (("generator:source", "wind"),), _POINT),
    Rule("helipad", (("aeroway", "helipad"),), _POINT),
    Rule("fountain", (("amenity", "fountain"),), _POINT),
    Rule("power_tower", (("power", "tower"),), _POINT),
    *(Rule(name, (("man_made", name),), _POINT) for name in _MAN_MADE),
    Rule("water_tower", (("man_made", "water_tower"),), _POINT),
)
"""Tag guide: https://wiki.openstreetmap.org/wiki/Map_features"""

_MISSPELT = Rule("water_tower", (("man_mode", "water_tower"),), _POINT)


def rules(*, legacy: bool = False) -> tuple[Rule, ...]:
    """Return the rules of the thirty categories.

    legacy: keep the published set's misspelt rule, which leaves `water_tower` practically always empty.
    """
    return (*RULES[:-1], _MISSPELT) if legacy else RULES


def keys(*, legacy: bool = False) -> tuple[str, ...]:
    """Return the keys of tags without one of which no rule holds."""
    return tuple(sorted({rule.conditions[0][0] for rule in rules(legacy=legacy)}))
