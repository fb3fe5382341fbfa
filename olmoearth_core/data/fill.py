"""What stands in for a band that was not measured: zero after normalisation, or the band nearest in wavelength.

Only measured bands stand in, at the same pixel and time, and only for the same kind of light: reflected sunlight says
nothing about emitted heat. A band whose modality states no wavelength for it neither gives nor takes.
"""

# C bands
from __future__ import annotations

from typing import Literal

import numpy as np

from olmoearth_core.interfaces.modality import ModalitySpec

Fill = Literal["zero", "nearest_band"]
EMITTED_NM = 3000.0
"""Beyond this wavelength the ground's own heat outshines the sunlight it reflects."""

Donors = tuple[tuple[int, ...], ...]
"""Per band: the channels that may stand in for it, best first."""


def donors(spec: ModalitySpec) -> Donors:
    """Order the bands that may stand in for each band by their distance in wavelength; of equals, the shorter first.

    Other wavelengths than the modality's own: `dataclasses.replace(spec, wavelengths_nm=...)`.
    """
    known = {i: spec.wavelengths_nm[band] for i, band in enumerate(spec.band_order) if band in spec.wavelengths_nm}

    def order(channel: int) -> tuple[int, ...]:
        if channel not in known:
            return ()
        own = known[channel]
        alike = [i for i, nm in known.items() if i != channel and (nm > EMITTED_NM) == (own > EMITTED_NM)]
        return tuple(sorted(alike, key=lambda i: (abs(known[i] - own), known[i])))

    return tuple(order(channel) for channel in range(spec.num_bands))


def copy_nearest(values: np.ndarray, present: np.ndarray, donors: Donors) -> tuple[np.ndarray, np.ndarray]:
    """Return stored values [..., C] whose absent bands were copied from others, and what is there now.

    present: bool, broadcastable to the values; axes of size 1 where it does not vary.
    """
    if present.shape[-1] == 1 or bool(present.all()):
        return values, present
    filled, there = values.copy(), present.copy()
    for channel, order in enumerate(donors):
        for donor in order:
            take = present[..., donor] & ~there[..., channel]
            np.copyto(filled[..., channel], values[..., donor], where=take)
            there[..., channel] |= take
    return filled, there
