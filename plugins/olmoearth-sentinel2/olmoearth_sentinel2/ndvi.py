"""What NDVI is, and how it is computed from Sentinel-2 on the way out of a file, never stored.

It looks at raw reflectances: a ratio of normalised bands would mean nothing.
"""

from __future__ import annotations

import numpy as np

from olmoearth_core.interfaces.modality import BandSet, ModalitySpec, Statistics
from olmoearth_core.interfaces.transform import Derive
from olmoearth_sentinel2.bands import TEN_METERS

RED, NIR = TEN_METERS.bands.index("B04"), TEN_METERS.bands.index("B08")
"""Channels of `sentinel2_l2a`, whose first band set this is."""
DARK = 1e-10
"""Red plus near infrared below this is darkness, where the ratio is 0 by definition."""


def ndvi() -> ModalitySpec:
    """Normalised difference vegetation index (B08 - B04) / (B08 + B04) of Sentinel-2 Level-2A, -1 to 1.

    Source: Rouse et al. 1974, Monitoring vegetation systems in the Great Plains with ERTS.
    """
    return ModalitySpec(
        name="ndvi",
        band_sets=(BandSet(("ndvi",), 16),),
        grid_factor=16,
        multitemporal=True,
        parsed=False,
        units="-1..1",
        valid_range=(-1.0, 1.0),
        normalization="predefined",
        statistics={"ndvi": Statistics(minimum=-1.0, maximum=1.0)},
        derived_from="sentinel2_l2a",
        derive="sentinel2.ndvi.v1",
        title="Vegetation index (NDVI) from Sentinel-2",
        licence="Copernicus Sentinel data terms (free, full and open)",
        citation="Rouse et al. 1974; contains modified Copernicus Sentinel data, processed by ESA",
        source="computed from sentinel2_l2a",
    )


def derive_ndvi() -> Derive:
    """Compute NDVI from raw `sentinel2_l2a` values [..., 12]: float32 [..., 1] and where it is present.

    It is present where both B04 and B08 are, and 0 elsewhere.
    """
    return _ndvi


def _ndvi(array: np.ndarray, presence: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    # Cast first: unsigned integers would wrap around where red is brighter than near infrared.
    red = array[..., RED : RED + 1].astype(np.float32)
    nir = array[..., NIR : NIR + 1].astype(np.float32)
    there = presence if presence.shape[-1] == 1 else presence[..., RED : RED + 1] & presence[..., NIR : NIR + 1]
    total = nir + red
    bright = (np.abs(total) >= DARK) & there
    return np.divide(nir - red, total, out=np.zeros_like(total), where=bright), there
