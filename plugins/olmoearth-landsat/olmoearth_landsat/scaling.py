"""How stored numbers become the units of the modalities.

Level-1 stays as it is. Collection 2 Level-2 has reflectance = 2.75e-5 x - 0.2 and kelvin = 0.00341802 x + 149 (Landsat
8-9 Collection 2 Level-2 Science Product Guide, tables of scale factors); `landsat_l2` is reflectance x 10000 and kelvin
x 10. 0 is fill at both levels, and in the modalities too; so what was measured and is 0 or less becomes 1.
"""

from __future__ import annotations

import numpy as np

from olmoearth_core.errors import DataError
from olmoearth_core.readers.layers import Convert, opened
from olmoearth_landsat.product import Level

REFLECTANCE = (2.75e-5, -0.2)
TEMPERATURE = (0.00341802, 149.0)
"""Scale and offset of Collection 2 Level-2."""
QUANTITY: dict[Level, str] = {"l1": "digital_number", "l2": "reflectance_x10000_and_kelvin_x10"}
UNITS: dict[Level, str] = {
    "l1": "Level-1 digital numbers",
    "l2": "surface reflectance x 10000 (B1-B7), temperature in K x 10 (B10, B11)",
}


def conversion(level: Level, band: str) -> Convert | None:
    """Return what turns the numbers of a USGS product into the modality's unit."""
    if level == "l1":
        return None
    return kelvin_x10 if band in ("B10", "B11") else reflectance_x10000


def reflectance_x10000(values: np.ndarray) -> np.ndarray:
    """Return surface reflectance x 10000, at least 1. values: float32 numbers of Level-2, NaN where nothing is."""
    return measured(values * np.float32(0.275) - np.float32(2000))


def kelvin_x10(values: np.ndarray) -> np.ndarray:
    """Return kelvin x 10. values: float32 numbers of Level-2, NaN where nothing is."""
    return measured(values * np.float32(0.0341802) + np.float32(1490))


def measured(values: np.ndarray) -> np.ndarray:
    """Return values of at least 1, because 0 means that nothing was measured; NaN stays."""
    kept: np.ndarray = np.maximum(values, np.float32(1))
    return kept


def expected_scaling(band: str) -> tuple[float, float]:
    """Return scale and offset of a band of Collection 2 Level-2."""
    return TEMPERATURE if band in ("B10", "B11") else REFLECTANCE


def require_scaling(where: str, band: str, scale: float, offset: float) -> None:
    """Refuse another scale or offset than that of Collection 2 Level-2.

    Raises:
        DataError: names both.
    """
    expected = expected_scaling(band)
    if not np.allclose((scale, offset), expected, rtol=1e-6, atol=0):
        raise DataError(
            f"{where}: band {band} is declared with scale {scale:g} and offset {offset:g}, expected {expected[0]:g} "
            f"and {expected[1]:g} of Collection 2 Level-2. Is it another product, or were its values changed?"
        )


def agree_with_header(path: str, level: Level, band: str) -> None:
    """Refuse a file whose header declares a scale that its level does not have, or that holds no whole numbers.

    Raises:
        DataError: names what was found and expected.
    """
    with opened(path) as raster:
        count, dtype, scale, offset = raster.count, raster.dtypes[0], raster.scales[0], raster.offsets[0]
    if count != 1 or not dtype.startswith(("uint", "int")):
        raise DataError(
            f"{path}: {count} bands of {dtype}, expected one of whole numbers, as USGS delivers them. Stacks and "
            "values in other units are read by landsat.stacked.v1."
        )
    if (scale, offset) == (1.0, 0.0):
        return
    if level == "l1":
        raise DataError(
            f"{path}: its header declares scale {scale:g} and offset {offset:g}, but digital numbers of Level-1 have "
            "none. Is it reflectance, or a Level-2 product?"
        )
    require_scaling(path, band, scale, offset)
