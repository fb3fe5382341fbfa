"""What covers the ground on a given day: shares of leaves, straw, soil, water, roofs and snow per pixel.

One date says little: a wheat field is bare in autumn, looks like a meadow in May and like straw in July.
"""

from __future__ import annotations

import numpy as np

from olmoearth_simulate.hidden import BARE, BUILT, CROP, GRASS, SHRUB, TREE, WATER, WETLAND, Hidden

PARTS = ("leaf", "needle", "straw", "dark_soil", "bright_soil", "water", "roof", "asphalt", "snow", "flower")
"""Names of the shares, in the order of the last axis of `ground`."""
# Per crop: days when half grown and half gone, and how sharply. Winter cereal, rape, maize, roots.
_SEASONS = ((75.0, 190.0, 14.0), (65.0, 185.0, 12.0), (165.0, 265.0, 9.0), (155.0, 285.0, 12.0))
_FLOWERING = 122.0


def ground(land: Hidden, day: float, rng: np.random.Generator) -> np.ndarray:
    """Return the shares on a day of the year (0 to 365), float32 [n, n, len(PARTS)], summing to 1.

    rng decides mowing and snow of that date.
    """
    shares = {part: np.zeros(land.cover.shape, np.float32) for part in PARTS}
    late = day - land.delay
    cover = land.cover
    _crops(shares, land, late, cover == CROP)
    _meadows(shares, land, late, cover == GRASS, rng)
    _woods(shares, land, late, cover == TREE)
    season = _bump(late, 115, 285, 22)
    _fill(shares, cover == SHRUB, leaf=(0.2 + 0.3 * season) * land.vigour, needle=0.12, straw=0.25 - 0.1 * season)
    reed = _bump(late, 135, 275, 18)
    flood = 0.25 + 0.2 * np.cos((day - 60) / 365 * 2 * np.pi)
    _fill(shares, cover == WETLAND, leaf=0.15 + 0.4 * reed, straw=0.3 - 0.2 * reed, water=flood)
    _fill(shares, cover == BARE, leaf=0.06 + 0.08 * season, straw=0.06)
    _fill(shares, cover == WATER, water=0.97, leaf=0.02 * season)
    garden = 1 - land.building - land.asphalt
    _fill(
        shares, cover == BUILT, roof=land.building, asphalt=land.asphalt + 0.3 * garden,
        leaf=garden * (0.15 + 0.3 * season), needle=0.08 * garden,
    )  # fmt: skip
    road = np.where((cover != BUILT) & (cover != WATER), land.asphalt, 0)
    _soil(shares, land)
    stack = np.stack([shares[part] for part in PARTS], axis=-1)
    stack *= (1 - road)[..., None]
    stack[..., PARTS.index("asphalt")] += road
    return _snowed(stack, land, day, rng)


def _fill(shares: dict[str, np.ndarray], where: np.ndarray, **parts: np.ndarray | float) -> None:
    for part, share in parts.items():
        shares[part] += np.where(where, share, 0)


def _crops(shares: dict[str, np.ndarray], land: Hidden, late: np.ndarray, where: np.ndarray) -> None:
    for number, (up, down, pace) in enumerate(_SEASONS):
        here = where & (land.crop == number)
        green = _bump(late, up, down, pace)
        ripe = _bump(late, down, down + 30, 6)
        catch = 0.35 * _bump(np.mod(late, 365), 300, 420, 12) if number < 2 else 0.0
        bloom = 0.45 * _bump(late, _FLOWERING - 12, _FLOWERING + 12, 4) if number == 1 else 0.0
        leaf = np.clip(green * land.vigour, 0, 0.95) * (1 - bloom) + catch
        _fill(shares, here, leaf=np.clip(leaf, 0, 0.95), flower=green * bloom, straw=0.6 * ripe * (1 - green))


def _meadows(
    shares: dict[str, np.ndarray], land: Hidden, late: np.ndarray, where: np.ndarray, rng: np.random.Generator
) -> None:
    mown = (rng.random(land.parcel.max() + 1) < 0.15)[land.parcel]
    green = 0.35 + 0.5 * _bump(late, 85, 300, 20) - 0.15 * _bump(late, 195, 240, 12)
    leaf = np.clip(green * land.vigour * np.where(mown, 0.55, 1), 0, 0.95)
    _fill(shares, where, leaf=leaf, straw=np.where(mown, 0.3, 0.1) * (1 - leaf))


def _woods(shares: dict[str, np.ndarray], land: Hidden, late: np.ndarray, where: np.ndarray) -> None:
    leafy = _bump(late, 118, 298, 9)
    broad = 1 - land.evergreen
    _fill(
        shares, where, leaf=broad * (0.06 + 0.74 * leafy), needle=0.82 * land.evergreen,
        straw=broad * 0.3 * (1 - leafy),
    )  # fmt: skip


def _soil(shares: dict[str, np.ndarray], land: Hidden) -> None:
    total = sum(shares.values())
    assert isinstance(total, np.ndarray)
    over = np.maximum(total, 1)
    for share in shares.values():
        share /= over
    rest = np.clip(1 - total, 0, 1)
    bright = np.where(land.cover == BARE, 0.35 + 0.65 * land.soil, land.soil * 0.55)
    bright = np.where(land.cover == TREE, 0.1, bright)
    shares["dark_soil"] += rest * (1 - bright)
    shares["bright_soil"] += rest * bright


def _snowed(stack: np.ndarray, land: Hidden, day: float, rng: np.random.Generator) -> np.ndarray:
    cold = np.cos((day - 20) / 365 * 2 * np.pi) * 6 - 9 - 3 * land.climate.warmth + 0.004 * land.elevation
    snow = np.clip(0.25 * (cold + rng.normal(0, 1.5)), 0, 0.9)
    snow = np.where(land.cover == TREE, 0.4 * snow, np.where(land.cover == WATER, 0, snow))
    stack *= (1 - snow)[..., None]
    stack[..., PARTS.index("snow")] += snow
    return stack.astype(np.float32)


def _bump(day: np.ndarray, up: float, down: float, pace: float) -> np.ndarray:
    rise: np.ndarray = 1 / (1 + np.exp(-(day - up) / pace))
    rise /= 1 + np.exp((day - down) / pace)
    return rise
