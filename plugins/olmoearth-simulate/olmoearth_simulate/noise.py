"""Fractal fields and lines: the material that the landscape is made of.

Everything is drawn from the generator that is passed in, so equal seeds give equal landscapes.
"""

from __future__ import annotations

import numpy as np


def fractal(rng: np.random.Generator, side: int, *, smooth: float, largest: float, smallest: float = 0.0) -> np.ndarray:
    """Return a random field float32 [side, side] with mean 0 and standard deviation 1.

    smooth: power of the fall-off of amplitude with frequency (1 rough, 3 gentle). largest, smallest: wavelengths in
    pixels beyond which nothing varies.
    """
    y, x = np.meshgrid(np.fft.fftfreq(side), np.fft.rfftfreq(side), indexing="ij")
    frequency = np.hypot(x, y)
    frequency[0, 0] = 1.0
    amplitude = np.maximum(frequency, 1.0 / largest) ** -smooth
    amplitude[0, 0] = 0.0
    if smallest:
        amplitude *= np.exp(-((frequency * smallest) ** 2) * 2)
    spectrum = np.fft.rfft2(rng.standard_normal((side, side))) * amplitude
    field = np.fft.irfft2(spectrum, s=(side, side))
    scaled: np.ndarray = ((field - field.mean()) / field.std()).astype(np.float32)
    return scaled


def finer(field: np.ndarray, factor: int) -> np.ndarray:
    """Interpolate [n, n] linearly to [n*factor, n*factor]; pixel areas stay where they are."""
    side = field.shape[0]
    at = np.clip((np.arange(side * factor) + 0.5) / factor - 0.5, 0, side - 1)
    low = np.minimum(at.astype(int), side - 2)
    share = (at - low).astype(np.float32)
    rows = field[low] * (1 - share)[:, None] + field[low + 1] * share[:, None]
    finer_field: np.ndarray = rows[:, low] * (1 - share) + rows[:, low + 1] * share
    return finer_field


def coarser(field: np.ndarray, factor: int) -> np.ndarray:
    """Average blocks of factor x factor pixels of [..., H, W]."""
    if factor == 1:
        return field
    *lead, height, width = field.shape
    blocks = field.reshape(*lead, height // factor, factor, width // factor, factor)
    mean: np.ndarray = blocks.mean(axis=(-3, -1), dtype=np.float32)
    return mean


def meander(rng: np.random.Generator, side: int, *, smallest: float) -> np.ndarray:
    """Return a smooth field [n, n] whose zero line crosses the square in some direction, bending on the way."""
    angle = rng.uniform(0, 2 * np.pi)
    y, x = (np.mgrid[:side, :side].astype(np.float32) / side - 0.5) * 4
    ramp = np.cos(angle) * x + np.sin(angle) * y + rng.uniform(-0.7, 0.7)
    field: np.ndarray = ramp + 0.55 * fractal(rng, side, smooth=2.4, largest=side / 2, smallest=smallest)
    return field


def zero_line(field: np.ndarray) -> np.ndarray:
    """Return where a field changes sign, bool [n, n], one pixel wide: a meandering line."""
    above = field > 0
    line = np.zeros_like(above)
    line[:, 1:] |= above[:, 1:] ^ above[:, :-1]
    line[1:] |= above[1:] ^ above[:-1]
    return line


def widened(mask: np.ndarray, pixels: int) -> np.ndarray:
    """Grow a mask [n, n] by some pixels in all four directions."""
    for _ in range(pixels):
        grown = mask.copy()
        grown[1:] |= mask[:-1]
        grown[:-1] |= mask[1:]
        grown[:, 1:] |= mask[:, :-1]
        grown[:, :-1] |= mask[:, 1:]
        mask = grown
    return mask


def distance_to_zero(field: np.ndarray) -> np.ndarray:
    """Return roughly how many pixels each point of a smooth field is away from its zero line."""
    down, right = np.gradient(field)
    away: np.ndarray = np.abs(field) / np.maximum(np.hypot(down, right), 1e-4)
    return away
