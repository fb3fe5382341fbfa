"""The static layers: elevation, the land-cover map and what volunteers have drawn of towns and roads."""

from __future__ import annotations

import numpy as np

from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_simulate.hidden import Hidden


def elevation(land: Hidden, spec: ModalitySpec, rng: np.random.Generator) -> list[np.ndarray]:
    """Whole metres with the noise of a radar survey, int32 [1, n, n]."""
    heights = land.elevation + rng.normal(0, 1.2, land.elevation.shape)
    return [np.rint(heights)[None].astype(spec.dtype or "int32")]


def land_cover(land: Hidden, spec: ModalitySpec, rng: np.random.Generator) -> list[np.ndarray]:
    """Class codes, uint8 [1, n, n]; 1 % of the pixels bear the code of a neighbour, as no map is without error."""
    cover = land.cover.copy()
    wrong = rng.random(cover.shape) < 0.01
    cover[wrong] = np.roll(cover, 1, axis=1)[wrong]
    return [cover[None].astype(spec.dtype or "uint8")]


def features(land: Hidden, spec: ModalitySpec, rng: np.random.Generator) -> list[np.ndarray]:
    """Features at 2.5 m, 0 or 1, uint8 [categories, 4n, 4n]; categories that the landscape lacks stay empty."""
    side = land.fine["highway"].shape[0]
    drawn = np.zeros((len(spec.band_order), side, side), np.uint8)
    for index, name in enumerate(spec.band_order):
        if name in land.fine:
            drawn[index] = land.fine[name]
    return [drawn]
