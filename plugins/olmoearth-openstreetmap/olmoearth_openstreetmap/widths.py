"""How wide things are drawn by the rules called "default", in metres on the ground.

A model sees every 4th pixel of 2.5 m, so whatever is narrower than 10 m is partly lost. Points get 10 m, which one
seen pixel always falls into; lines get the usual width of the thing, but no less than 10 m where it is narrower.
"""

from __future__ import annotations

from collections.abc import Mapping

POINT = 10.0
"""Side of the square of a point: a mast, a fountain or a tank is 1 to 40 m across, and its place is known to 5 m."""

LINE: Mapping[str, float] = {
    # ICAO Annex 14, code letters C to E: runways 30-45 m with shoulders to 60, taxiways 15-23.
    "runway": 45.0,
    "taxiway": 20.0,
    # Grass strips, 18-30 m.
    "airstrip": 20.0,
    # waterway=river is used from about 3 m; wide ones are drawn from their areas.
    "river": 10.0,
    "highway": 10.0,
}
"""Category -> width of its lines."""

HIGHWAY: Mapping[str, float] = {
    # Two carriageways are two lines, each of 2-3 lanes of 3.5 m and a shoulder.
    "motorway": 15.0,
    "trunk": 12.0,
}
"""Value of the tag `highway` -> width, where it is wider than 10 m."""

REACH = max(POINT, *LINE.values(), *HIGHWAY.values()) / 2 + 2.5
"""Metres by which what is drawn may go beyond a feature: half of the widest, and a pixel that is touched."""


def width(category: str, tags: Mapping[str, str]) -> float:
    """Return how wide a line is drawn, in metres."""
    return HIGHWAY.get(tags.get("highway", ""), LINE.get(category, POINT))
