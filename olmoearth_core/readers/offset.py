"""Does a constant that the provider adds to reflectance still sit in the values?

With 1000 added, no pixel of any band is below 1000: reflectance of less than 0.1 does not occur at all. That happens in
nature only where everything is bright (cloud, snow, desert), and there the short-wave infrared or the red is brighter
still, or the snow's short-wave infrared is dark. Cirrus bands see nothing but high cloud and are dark everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from olmoearth_core.interfaces.modality import ModalitySpec

ADDED = 1000
_FEWEST = 1024
"""Pixels below which nothing is said."""
_DARK = 1400
"""What the darkest pixels of red or blue stay below if 1000 was added to them."""
_DARK_INFRARED = 2000
_CIRRUS_NM = (1350.0, 1400.0)


def left_offset(values: Mapping[str, np.ndarray], spec: ModalitySpec) -> str:
    """Return the evidence that 1000 was added to all bands and not removed, or "".

    values: by band, float32 [N] reflectance x 10000. Bands without a wavelength are not looked at.
    """
    darkest = {band: low for band, found in values.items() if (low := _darkest(found)) is not None}
    waves = {band: spec.wavelengths_nm[band] for band in darkest if band in spec.wavelengths_nm}
    if not waves or min(darkest[band] for band in waves) < ADDED:
        return ""
    cirrus = [b for b, nm in waves.items() if _CIRRUS_NM[0] <= nm <= _CIRRUS_NM[1]]
    visible = [b for b, nm in waves.items() if 400 <= nm <= 700 and darkest[b] < _DARK]
    infrared = [b for b, nm in waves.items() if nm > 1400]
    dark_below = not infrared or min(darkest[b] for b in infrared) < _DARK_INFRARED
    if cirrus or (len(visible) >= 2 and dark_below):
        found = ", ".join(f"{band} {darkest[band]:.0f}" for band in waves)
        return (
            f"No pixel of any band is below {ADDED} (darkest: {found}), as in products whose added offset of {ADDED} "
            "was not removed. Remove it (readers of the product do; others have an option for it)."
        )
    return ""


def _darkest(found: np.ndarray) -> float | None:
    there = found[np.isfinite(found)]
    return float(np.quantile(there, 0.001)) if there.size >= _FEWEST else None
