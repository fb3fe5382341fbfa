"""What optical sensors see of the hidden map: spectra, light, haze, clouds with shadows, and digital numbers.

Reflectance is computed per wavelength, so any band whose wavelength the modality states can be simulated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_simulate.hidden import Hidden
from olmoearth_simulate.noise import coarser, fractal
from olmoearth_simulate.season import PARTS, ground

_NM = (443, 490, 560, 665, 705, 740, 783, 842, 865, 945, 1375, 1610, 2190)
# Reflectance of pure ground at _NM; orders of magnitude as in common spectral libraries, rounded.
_SPECTRA = {
    "leaf": (0.025, 0.03, 0.065, 0.035, 0.11, 0.31, 0.39, 0.42, 0.43, 0.41, 0.2, 0.2, 0.09),
    "needle": (0.018, 0.02, 0.04, 0.025, 0.06, 0.16, 0.2, 0.22, 0.23, 0.22, 0.1, 0.1, 0.045),
    "straw": (0.06, 0.08, 0.12, 0.17, 0.2, 0.23, 0.26, 0.28, 0.3, 0.3, 0.3, 0.35, 0.26),
    "dark_soil": (0.045, 0.055, 0.075, 0.1, 0.12, 0.135, 0.15, 0.165, 0.175, 0.185, 0.2, 0.25, 0.22),
    "bright_soil": (0.09, 0.12, 0.17, 0.24, 0.26, 0.28, 0.3, 0.32, 0.33, 0.34, 0.35, 0.41, 0.37),
    "water": (0.06, 0.055, 0.05, 0.03, 0.025, 0.018, 0.015, 0.012, 0.011, 0.01, 0.004, 0.004, 0.003),
    "roof": (0.11, 0.13, 0.16, 0.21, 0.22, 0.23, 0.24, 0.25, 0.26, 0.26, 0.25, 0.28, 0.26),
    "asphalt": (0.08, 0.09, 0.1, 0.115, 0.12, 0.13, 0.135, 0.14, 0.145, 0.15, 0.15, 0.17, 0.16),
    "snow": (0.85, 0.85, 0.84, 0.82, 0.81, 0.79, 0.77, 0.74, 0.72, 0.6, 0.1, 0.06, 0.05),
    "flower": (0.05, 0.06, 0.2, 0.16, 0.21, 0.34, 0.4, 0.43, 0.44, 0.42, 0.2, 0.21, 0.11),
}
_CLOUD = (0.62, 0.61, 0.6, 0.6, 0.6, 0.6, 0.6, 0.59, 0.59, 0.5, 0.15, 0.45, 0.35)


@dataclass(frozen=True)
class Sky:
    """Clouds of one date, [n, n]. thickness: 0 to 1. shadow: share of the light that is left."""

    thickness: np.ndarray
    shadow: np.ndarray


def reflectance(
    land: Hidden, day: float, wavelengths: Sequence[float], rng: np.random.Generator, *, toa: bool
) -> tuple[np.ndarray, Sky, np.ndarray]:
    """Return what a sensor sees on a day of the year: float32 [bands, n, n], the sky and the ground of that date.

    wavelengths: nanometres. toa: seen through the whole atmosphere, else corrected with some error left.
    """
    nm = np.asarray(wavelengths, dtype=float)
    members = np.array([np.interp(nm, _NM, _SPECTRA[part]) for part in PARTS], dtype=np.float32)
    parts = ground(land, day, rng)
    seen: np.ndarray = np.moveaxis(parts @ members, -1, 0)
    seen = np.ascontiguousarray(seen) * (_light(land, day) * rng.normal(1, 0.03))[None]
    seen *= 1 + 0.06 * fractal(rng, len(land.cover), smooth=1, largest=12)[None]
    blue = (450 / nm).astype(np.float32) ** (4 if toa else 2)
    haze = abs(rng.normal(0.09 if toa else 0.0, 0.012)) * blue
    seen = seen * (1 - haze)[:, None, None] + haze[:, None, None]
    seen += (0.002 + 0.02 * seen) * rng.standard_normal(seen.shape, dtype=np.float32)
    sky = _sky(len(land.cover), rng)
    seen *= sky.shadow
    cloud = np.interp(nm, _NM, _CLOUD).astype(np.float32)
    seen += sky.thickness * (cloud[:, None, None] * rng.uniform(0.75, 1.25) - seen)
    absorbed = np.where((nm > 1340) & (nm < 1420), 0.12, np.where((nm > 920) & (nm < 970), 0.75 if toa else 0.95, 1))
    return np.maximum(seen * absorbed[:, None, None].astype(np.float32), 0.0), sky, parts


def _light(land: Hidden, day: float) -> np.ndarray:
    height = np.deg2rad(40 - 22 * np.cos((day + 10) / 365 * 2 * np.pi))
    tilt = np.arctan(land.slope)
    facing = np.cos(land.aspect - np.pi * 0.85)
    light: np.ndarray = np.cos(tilt) + np.sin(tilt) * facing / np.tan(height)
    clipped: np.ndarray = np.clip(light, 0.35, 1.6).astype(np.float32)
    return clipped


def _sky(side: int, rng: np.random.Generator) -> Sky:
    clear = rng.random() < 0.6
    cover = rng.uniform(0.0, 0.03) if clear else rng.beta(1.2, 2.0) * 0.8
    if cover < 0.003:
        return Sky(np.zeros((side, side), np.float32), np.ones((side, side), np.float32))
    field = fractal(rng, side, smooth=1.9, largest=side * 0.6)
    edge = np.quantile(field, 1 - cover)
    thickness = np.clip((field - edge) / 0.35, 0, 1)
    away = rng.integers(4, 14)
    shadow = 1 - 0.6 * np.roll(thickness, (-away, -away // 2), axis=(0, 1)) * (1 - thickness)
    return Sky((thickness * rng.uniform(0.75, 1.0)).astype(np.float32), shadow.astype(np.float32))


def surface_reflectance(land: Hidden, spec: ModalitySpec, day: float, rng: np.random.Generator) -> list[np.ndarray]:
    """One date as reflectance x 10000 per band set, uint16 [n, s, s]; 0 never occurs, because it means no data."""
    seen, _, _ = reflectance(land, day, _wavelengths(spec), rng, toa=False)
    return _band_sets(spec, seen * 10000, 1, 16000)


def level1_numbers(land: Hidden, spec: ModalitySpec, day: float, rng: np.random.Generator) -> list[np.ndarray]:
    """One date as Level-1 digital numbers per band set, uint16 [n, s, s].

    Reflective bands: 50000 x reflectance x sine of the sun's height + 5000. Thermal bands: linear in the temperature
    of the ground, colder by 35 K under clouds.
    """
    nm = np.asarray(_wavelengths(spec))
    seen, sky, parts = reflectance(land, day, np.minimum(nm, _NM[-1]), rng, toa=True)
    sun = np.sin(np.deg2rad(40 - 22 * np.cos((day + 10) / 365 * 2 * np.pi)))
    numbers = 5000 + 50000 * sun * seen
    warm = 284 - 11 * np.cos((day - 20) / 365 * 2 * np.pi) + 4 * land.climate.warmth - 0.0065 * land.elevation
    dry = parts[..., PARTS.index("bright_soil")] + parts[..., PARTS.index("roof")] + parts[..., PARTS.index("asphalt")]
    warm = warm + 5 * dry + rng.normal(0, 2)
    warm = coarser_and_back(warm.astype(np.float32), 8) - 35 * sky.thickness
    for index in np.flatnonzero(nm > 5000):
        noise = 30 * rng.standard_normal(warm.shape, dtype=np.float32)
        numbers[index] = (22000 if nm[index] < 11500 else 20000) + 380 * (warm - 285) + noise
    return _band_sets(spec, numbers, 1, 65535)


def coarser_and_back(field: np.ndarray, factor: int) -> np.ndarray:
    """Average blocks and repeat them: what a sensor with large pixels sees on a fine grid."""
    blocks: np.ndarray = coarser(field, factor).repeat(factor, axis=-2).repeat(factor, axis=-1)
    return blocks


def _wavelengths(spec: ModalitySpec) -> list[float]:
    return [spec.wavelengths_nm[band] for band in spec.band_order]


def _band_sets(spec: ModalitySpec, values: np.ndarray, low: int, high: int) -> list[np.ndarray]:
    sets = zip(spec.band_sets, spec.band_indices, strict=True)
    means = [coarser(values[list(indices)], s.resolution_factor // spec.grid_factor) for s, indices in sets]
    return [np.clip(np.rint(mean), low, high).astype(np.uint16) for mean in means]
