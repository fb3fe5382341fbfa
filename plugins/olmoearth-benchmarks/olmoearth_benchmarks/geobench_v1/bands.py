"""Which stored band of GEO-Bench v1 is which band of a modality.

Files name bands by the instrument's number and a word ("02 - Blue"). A band plan says, for each band of a modality,
which stored array it is taken from; a band without an entry is absent.
"""

# H W pixels, C bands
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec, Statistics

BandPlan = Mapping[str, str]
"""Band of the modality -> name of the stored band."""


@dataclass(frozen=True)
class Sensor:
    """How the files name the bands of one instrument.

    modality: the specification that takes its values. slots: (band of the modality, stored name), in the instrument's
        order. doubles: slots that the instrument has, but these files do not: only the reference fills them.
    """

    modality: str
    slots: tuple[tuple[str, str], ...]
    doubles: tuple[tuple[str, str], ...] = ()

    def plan(self) -> dict[str, str]:
        """Return each band's own stored name."""
        return dict(self.slots)

    def reference_plan(self) -> dict[str, str]:
        """Return the slots of the reference, in its order: bands are numbered through, doubled names included."""
        return {**dict(self.slots), **dict(self.doubles)}


SENTINEL2 = Sensor(
    "sentinel2_l2a",
    (
        ("B01", "01 - Coastal aerosol"), ("B02", "02 - Blue"), ("B03", "03 - Green"), ("B04", "04 - Red"),
        ("B05", "05 - Vegetation Red Edge"), ("B06", "06 - Vegetation Red Edge"), ("B07", "07 - Vegetation Red Edge"),
        ("B08", "08 - NIR"), ("B8A", "08A - Vegetation Red Edge"), ("B09", "09 - Water vapour"),
        ("B10", "10 - SWIR - Cirrus"), ("B11", "11 - SWIR"), ("B12", "12 - SWIR"),
    ),
)  # fmt: skip
LANDSAT8 = Sensor(
    "landsat",
    (
        ("B1", "01 - Coastal aerosol"), ("B2", "02 - Blue"), ("B3", "03 - Green"), ("B4", "04 - Red"),
        ("B5", "05 - NIR"), ("B6", "06 - SWIR1"), ("B7", "07 - SWIR2"), ("B9", "09 - Cirrus"), ("B10", "10 - Tirs1"),
    ),
    doubles=(("B8", "03 - Green"), ("B11", "10 - Tirs1")),
)  # fmt: skip


def present(plan: BandPlan, stored: Sequence[str]) -> dict[str, str]:
    """Return the part of a plan whose stored bands are there."""
    return {band: name for band, name in plan.items() if name in stored}


def stack(
    planes: Mapping[str, np.ndarray], plan: BandPlan, spec: ModalitySpec, *, factor: float, name: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return values, float32 [H,W,1,C] in the order of the specification, and where they are (broadcastable).

    factor: brings stored values to the unit of the specification. Bands outside the plan, and values that are not
    finite, are absent and 0.

    Raises:
        DataError: a band of the plan is not in this sample, though it is in others.
    """
    lacking = [stored for stored in plan.values() if stored not in planes]
    if lacking:
        raise DataError(f"{name}: no band {lacking[0]!r}, which the first sample has. It holds {', '.join(planes)}.")
    shape = next(iter(planes.values())).shape
    values = np.zeros((*shape, 1, spec.num_bands), dtype=np.float32)
    there = np.zeros((1, 1, 1, spec.num_bands), dtype=bool)
    for index, band in enumerate(spec.band_order):
        if band in plan:
            values[..., 0, index] = planes[plan[band]]
            there[..., index] = True
    if factor != 1.0:
        values *= np.float32(factor)
    finite = np.isfinite(values)
    if not finite.all():
        values[~finite] = 0.0
        there = there & finite
    return values, there


def statistics(table: Mapping[str, Statistics], plan: BandPlan, spec: ModalitySpec) -> dict[str, Statistics]:
    """Return what the publisher measured, by band of the specification; bands that nobody measured are left out."""
    return {band: table[plan[band]] for band in spec.band_order if band in plan and plan[band] in table}
