"""The hidden map: the one true landscape of a region from which every sensor's picture follows.

Terrain decides where water runs and what grows; flat dry ground is cut into parcels, people settle and
build roads. Nothing here knows a sensor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from olmoearth_simulate.noise import coarser, distance_to_zero, finer, fractal, meander, widened, zero_line

TREE, SHRUB, GRASS, CROP, BUILT, BARE, WATER, WETLAND = 10, 20, 30, 40, 50, 60, 80, 90
"""Land cover in the codes of ESA WorldCover."""
NATURAL = (TREE, SHRUB, GRASS, CROP, BARE, WETLAND)
FINE = 4
"""Map pixels (2.5 m) per 10 m pixel along a side."""


@dataclass(frozen=True)
class Climate:
    """The region's weather. spring: days by which the season comes late. wetness, warmth: about -1 to 1."""

    spring: float
    wetness: float
    warmth: float


@dataclass(frozen=True)
class Hidden:
    """A region at 10 m, all [n, n]; shares are 0 to 1.

    cover: WorldCover code. evergreen: share of conifers in woods. parcel: number of the field. crop: 0 winter cereal,
    1 rape, 2 maize, 3 roots. soil: 0 dark to 1 bright. delay: days by which vegetation is late here. vigour: growth
    relative to the mean. building, asphalt: share of the pixel. fine: map features at 2.5 m, bool [4n, 4n] by name.
    """

    climate: Climate
    elevation: np.ndarray
    slope: np.ndarray
    aspect: np.ndarray
    cover: np.ndarray
    evergreen: np.ndarray
    parcel: np.ndarray
    crop: np.ndarray
    soil: np.ndarray
    delay: np.ndarray
    vigour: np.ndarray
    building: np.ndarray
    asphalt: np.ndarray
    fine: dict[str, np.ndarray]


def hidden(rng: np.random.Generator, side: int) -> Hidden:
    """Make up a region of side x side pixels of 10 m."""
    climate = Climate(rng.normal(0, 12), rng.uniform(-0.6, 0.6), rng.uniform(-0.6, 0.6))
    relief = float(np.exp(rng.uniform(np.log(10), np.log(120))))
    elevation = relief * fractal(rng, side, smooth=2.1, largest=side / 1.5, smallest=3)
    river = meander(rng, side, smallest=20)
    river_away = distance_to_zero(river)
    elevation -= 0.5 * relief * np.exp(-((river_away / 60) ** 2))
    elevation += rng.uniform(5, 500) - elevation.min()
    south, east = (g / 10 for g in np.gradient(elevation))
    slope, aspect = np.hypot(south, east), np.arctan2(east, south)
    wet = (
        climate.wetness
        + fractal(rng, side, smooth=2, largest=200, smallest=6)
        - 2 * slope / (slope + 0.2)
        + 1.5 * (river_away < 12)
    )
    parcel = _parcels(rng, side)
    cover = _vegetation(rng, climate, elevation, slope, wet, parcel)
    lake = elevation < np.quantile(elevation, rng.uniform(0.0, 0.06))
    cover[lake | (river_away < rng.uniform(0.8, 2.5))] = WATER
    fine, town = _built(rng, side, cover, slope, river)
    cover[town & (cover != WATER)] = BUILT
    attributes = rng.random((parcel.max() + 1, 4), dtype=np.float32)[parcel]
    woods = fractal(rng, side, smooth=1.5, largest=60)
    growth = 0.9 + 0.1 * fractal(rng, side, smooth=1.2, largest=40) + 0.4 * (attributes[..., 3] - 0.5)
    return Hidden(
        climate=climate, elevation=elevation, slope=slope, aspect=aspect, cover=cover,
        evergreen=np.clip(0.5 + 0.6 * woods - 0.4 * climate.warmth, 0, 1), parcel=parcel,
        crop=np.digitize(attributes[..., 0], [0.4, 0.55, 0.85]),
        soil=np.clip(0.5 + 0.25 * fractal(rng, side, smooth=2, largest=200) + 0.5 * (attributes[..., 1] - 0.5), 0, 1),
        delay=climate.spring + 0.03 * (elevation - elevation.mean()) + 24 * (attributes[..., 2] - 0.5),
        vigour=np.clip(growth, 0.4, 1.2),
        building=coarser(fine["building"].astype(np.float32), FINE),
        asphalt=coarser(widened(fine["highway"], 1).astype(np.float32), FINE), fine=fine,
    )  # fmt: skip


def _parcels(rng: np.random.Generator, side: int) -> np.ndarray:
    angle, width, length = rng.uniform(0, np.pi), rng.uniform(9, 22), rng.uniform(18, 45)
    y, x = np.mgrid[:side, :side].astype(np.float32)
    bend = 6 * fractal(rng, side, smooth=2.5, largest=side, smallest=40)
    across = (np.cos(angle) * x + np.sin(angle) * y + bend) / width
    along = (-np.sin(angle) * x + np.cos(angle) * y + bend) / length
    strip = np.floor(across).astype(int)
    block = np.floor(along + 0.61803 * strip).astype(int)
    _, number = np.unique(strip * 100003 + block, return_inverse=True)
    return number.reshape(side, side)


def _vegetation(
    rng: np.random.Generator,
    climate: Climate,
    elevation: np.ndarray,
    slope: np.ndarray,
    wet: np.ndarray,
    parcel: np.ndarray,
) -> np.ndarray:
    side = len(elevation)
    patches = [fractal(rng, side, smooth=1.7, largest=120, smallest=3) for _ in NATURAL]
    high = (elevation - elevation.mean()) / (elevation.std() + 60)
    flat = -1.5 * slope / (slope + 0.2)
    scores = {
        TREE: 0.45 + 0.3 * high - 0.3 * flat + 0.3 * wet,
        SHRUB: -0.35 + 0.2 * high - 0.2 * wet + 0.3 * climate.warmth,
        GRASS: 0.35 + 0.2 * wet,
        CROP: 0.9 + flat - 0.5 * high - 0.15 * wet,
        BARE: -0.7 + 0.6 * high - 0.5 * wet - 0.8 * flat + 0.3 * climate.warmth,
        WETLAND: -1.3 + 0.9 * wet + 0.6 * flat - 0.4 * high,
    }
    stack = np.stack([scores[code] + 0.75 * patch for code, patch in zip(NATURAL, patches, strict=True)])
    cover = np.array(NATURAL)[stack.argmax(0)]
    size = np.maximum(np.bincount(parcel.ravel()), 1)
    open_land = (cover == CROP) | (cover == GRASS)
    crop_share = np.bincount(parcel.ravel(), ((cover == CROP) & open_land).ravel().astype(float)) / size
    grass_share = np.bincount(parcel.ravel(), ((cover == GRASS) & open_land).ravel().astype(float)) / size
    farmed = np.where(crop_share >= grass_share, CROP, GRASS)[parcel]
    mapped: np.ndarray = np.where(open_land, farmed, cover).astype(np.uint8)
    return mapped


def _built(
    rng: np.random.Generator, side: int, cover: np.ndarray, slope: np.ndarray, river: np.ndarray
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    y, x = np.mgrid[:side, :side].astype(np.float32)
    density = -0.45 - 2 * slope / (slope + 0.2) + 0.35 * fractal(rng, side, smooth=2, largest=80, smallest=4)
    for _ in range(rng.integers(2, 5) + side // 256):
        cy, cx, radius = *rng.uniform(0, side, 2), rng.uniform(12, 45)
        density += 1.2 * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * radius**2))
    town = (density > 0) & (cover != WATER)
    fine_town = finer(density, FINE) > 0
    roads = [meander(rng, side, smallest=60) for _ in range(4)]
    highway = np.logical_or.reduce([zero_line(finer(road, FINE)) for road in roads])
    streets, houses, green = _streets(rng, side * FINE)
    water = np.kron(cover == WATER, np.ones((FINE, FINE), bool))
    highway |= streets & fine_town
    building = houses & fine_town & ~widened(highway, 1) & ~water
    fine = {"highway": highway & ~water, "building": building, "river": zero_line(finer(river, FINE))}
    fine |= {"leisure": green & fine_town, "parking": ~green & houses & fine_town & ~building & ~water}
    lonely = ~fine_town & ~water & ~highway
    for name, number in (("power_tower", 40), ("generator_wind", 5), ("silo", 8), ("water_tower", 2)):
        fine[name] = _points(rng, lonely, number * side * side // 512**2 + 1)
    for name, number in (("fountain", 6), ("flagpole", 4), ("chimney", 3), ("communications_tower", 3)):
        fine[name] = _points(rng, fine_town & ~building, number)
    return fine, town


def _streets(rng: np.random.Generator, side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    angle, across, along = rng.uniform(0, np.pi / 2), rng.uniform(26, 40), rng.uniform(44, 80)
    y, x = np.mgrid[:side, :side].astype(np.float32)
    u, v = np.cos(angle) * x + np.sin(angle) * y, -np.sin(angle) * x + np.cos(angle) * y
    street = (np.mod(u, across) < 1.2) | (np.mod(v, along) < 1.2)
    lot_u, lot_v = across / 2, along / 5
    lot = np.floor(u / lot_u).astype(np.int64) * 7919 + np.floor(v / lot_v).astype(np.int64) * 104729
    draws = rng.random((4096, 3), dtype=np.float32)[np.mod(lot, 4096)]
    deep, wide = 0.35 + 0.3 * draws[..., 1], 0.4 + 0.35 * draws[..., 2]
    inside = (np.abs(np.mod(u / lot_u, 1) - 0.5) < deep / 2) & (np.abs(np.mod(v / lot_v, 1) - 0.5) < wide / 2)
    return street, inside & (draws[..., 0] < 0.8), draws[..., 0] > 0.93


def _points(rng: np.random.Generator, allowed: np.ndarray, number: int) -> np.ndarray:
    points = np.zeros_like(allowed)
    places = np.flatnonzero(allowed)
    if len(places):
        points.flat[rng.choice(places, number)] = True
    return points
