"""What a C-band radar sees of the hidden map: roughness, leaves and moisture under speckle, as linear power."""

from __future__ import annotations

import numpy as np

from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_simulate.hidden import Hidden
from olmoearth_simulate.noise import fractal
from olmoearth_simulate.season import PARTS, ground

# Backscatter of pure ground in dB, co- and cross-polarised; values as commonly observed at 30 to 45 degrees.
_DECIBEL = {
    "leaf": (-10.0, -15.5), "needle": (-8.0, -13.0), "straw": (-11.5, -18.0), "dark_soil": (-11.0, -20.0),
    "bright_soil": (-13.5, -21.5), "water": (-21.0, -28.0), "roof": (0.0, -8.0), "asphalt": (-14.0, -22.0),
    "snow": (-13.0, -20.0), "flower": (-9.0, -14.0),
}  # fmt: skip
LOOKS = 5
"""Independent looks that speckle is averaged over: its standard deviation is 45 % of the power."""


def backscatter(land: Hidden, spec: ModalitySpec, day: float, rng: np.random.Generator) -> list[np.ndarray]:
    """One date as linear power per band set, float32 [2, n, n]; bands whose name ends in "h" after "v" are crossed."""
    parts = ground(land, day, rng)
    wood = (land.cover == 10)[..., None]
    power = np.stack([_power(parts, wood, crossed=_crossed(band)) for band in spec.band_order])
    moist = rng.normal(0, 1.0) + 0.6 * fractal(rng, len(land.cover), smooth=2, largest=300)
    open_soil = parts[..., PARTS.index("dark_soil")] + parts[..., PARTS.index("bright_soil")]
    tilt = 1.5 * np.clip(np.sin(land.aspect) * land.slope * 8, -2, 2)
    texture = 0.5 * fractal(rng, len(land.cover), smooth=1, largest=25)
    power *= 10 ** ((moist * open_soil + tilt + texture) / 10)
    power *= rng.gamma(LOOKS, 1 / LOOKS, power.shape)
    return [power.astype(np.float32)]


def _power(parts: np.ndarray, wood: np.ndarray, *, crossed: bool) -> np.ndarray:
    linear = np.array([10 ** (_DECIBEL[part][crossed] / 10) for part in PARTS], dtype=np.float32)
    power: np.ndarray = parts @ linear
    # A wood scatters in its volume also when it has no leaves.
    bare = 10 ** ((-9.5, -14.5)[crossed] / 10)
    return np.where(wood[..., 0], 0.5 * power + 0.5 * bare, power)


def _crossed(band: str) -> bool:
    return len(set(band.lower())) > 1
