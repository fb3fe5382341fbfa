"""Which kinds of places windows are chosen around: 118 categories, each told by tags.

An object may belong to several.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

_SAME: Mapping[str, tuple[str, ...]] = {
    "amenity": ("hospital", "ferry_terminal", "place_of_worship", "fountain"),
    "man_made": (
        "chimney", "crane", "obelisk", "observatory", "satellite_dish", "tower", "works", "flagpole", "pier",
        "lighthouse", "mineshaft", "storage_tank", "silo", "wastewater_plant", "communications_tower", "water_tower",
        "petroleum_well", "offshore_platform", "beacon", "flare", "oil_gas_separator", "pumping_station",
    ),
    "landuse": (
        "farmland", "orchard", "vineyard", "industrial", "cemetery", "allotments", "reservoir", "quarry",
        "greenhouse_horticulture", "landfill", "winter_sports",
    ),
    "aeroway": ("airstrip", "helipad", "launchpad"),
    "barrier": ("toll_booth",),
    "tourism": ("theme_park",),
    "waterway": ("river", "dam"),
}  # fmt: skip
"""Key -> values that are categories of the same name."""

_RENAMED: Mapping[tuple[str, str], str] = {
    ("water", "lock"): "lock",
    ("amenity", "fuel"): "gas_station",
    ("man_made", "bridge"): "man_made_bridge",
    ("landuse", "aquaculture"): "aquafarm",
    ("seamark:type", "marine_farm"): "aquafarm",
    ("generator:source", "wind"): "wind_turbine",
    ("power", "plant"): "power_plant",
    ("power", "tower"): "power_tower",
    ("power", "substation"): "power_substation",
    ("aeroway", "aerodrome"): "airport",
    ("aeroway", "runway"): "airport_runway",
    ("aeroway", "taxiway"): "airport_taxiway",
    ("aeroway", "apron"): "airport_apron",
    ("aeroway", "hangar"): "airport_hangar",
    ("aeroway", "terminal"): "airport_terminal",
    ("aerialway", "pylon"): "aerialway_pylon",
    ("shop", "mall"): "shop_mall",
    ("shop", "department_store"): "shop_department_store",
    ("highway", "trailhead"): "trailhead",
}
"""One tag -> its category."""

_PREFIXED: Mapping[str, tuple[str, ...]] = {
    "leisure": (
        "pitch", "swimming_pool", "park", "garden", "playground", "sports_centre", "track", "slipway", "stadium",
        "golf_course", "marina", "water_park", "horse_riding", "beach_resort", "ice_rink", "climbing",
    ),
    "natural": ("peak", "cape", "geyser", "hot_spring", "arch", "cave_entrance", "hill", "volcano"),
}  # fmt: skip
"""Key -> values whose category is "<key>_<value>"."""

_PITCH = {
    "american_football": "american_football", "badminton": "badminton", "baseball": "baseball",
    "basketball": "basketball", "cricket": "cricket", "rugby": "rugby", "rugby_league": "rugby",
    "rugby_union": "rugby", "soccer": "soccer", "tennis": "tennis", "volleyball": "volleyball",
}  # fmt: skip
_TRACK = {
    "running": "running", "cycling": "cycling", "horse": "horse", "horse_racing": "horse", "equestrian": "horse",
}  # fmt: skip
_WITHIN: tuple[tuple[str, str, str, Mapping[str, str], str], ...] = (
    ("landuse", "quarry", "resource", {v: v for v in ("sand", "gravel", "clay", "coal", "peat")}, "quarry_"),
    (
        "power", "plant", "plant:source",
        {v: v for v in ("wind", "solar", "biomass", "hydro", "coal", "gas", "oil", "geothermal", "nuclear", "waste",
                        "battery")},
        "power_plant_",
    ),
    ("leisure", "pitch", "sport", _PITCH, "leisure_pitch_"),
    ("leisure", "track", "sport", _TRACK, "leisure_track_"),
)  # fmt: skip
"""Key, value, second key, its values -> ends of names, beginning of names: categories within a category."""

_PARKING = {True: "parking_garage", False: "parking_lot"}
_RAILWAY = ("railway", "railway_bridge")

KEYS = tuple(sorted({*_SAME, *_PREFIXED, *(key for key, _ in _RENAMED), "railway"}))
"""Keys of tags without one of which an object is of no category."""


def categories_of(tags: Mapping[str, str]) -> tuple[str, ...]:
    """Return the categories of an object with these tags, each once."""
    return tuple(dict.fromkeys(_matches(tags)))


def _matches(tags: Mapping[str, str]) -> Iterator[str]:
    for key, value in tags.items():
        if value in _SAME.get(key, ()):
            yield value
        if value in _PREFIXED.get(key, ()):
            yield f"{key}_{value}"
        if (key, value) in _RENAMED:
            yield _RENAMED[key, value]
    for key, value, second, names, prefix in _WITHIN:
        if tags.get(key) == value and tags.get(second) in names:
            yield prefix + names[tags[second]]
    if tags.get("amenity") == "parking":
        yield _PARKING[tags.get("building") == "parking"]
    if "railway" in tags and tags.get("tunnel") != "yes" and tags["railway"] != "abandoned":
        yield from _RAILWAY if "bridge" in tags else _RAILWAY[:1]


def _names() -> Iterator[str]:
    for values in _SAME.values():
        yield from values
    yield from _RENAMED.values()
    yield from (f"{key}_{value}" for key, values in _PREFIXED.items() for value in values)
    yield from (prefix + name for *_, names, prefix in _WITHIN for name in names.values())
    yield from (*_PARKING.values(), *_RAILWAY)


SAMPLING_CATEGORIES = tuple(sorted(set(_names())))
