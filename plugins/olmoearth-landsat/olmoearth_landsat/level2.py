"""What Landsat 8/9 Level-2 is: reflectance and temperature at the ground, in units that suit integers.

USGS ships its own scaling (reflectance = 2.75e-5 x - 0.2, kelvin = 0.00341802 x + 149); whoever imports a product
brings it to the units here, so that archives with another scaling fit too. No statistics were measured for it: the
range of reflectance is the one in which USGS calls a value valid, that of temperature was set by hand to what land
has almost everywhere, because the valid range (149 to 373 K) would squeeze all seasons into a tenth of the scale.
"""

from __future__ import annotations

from olmoearth_core.interfaces.modality import BandSet, ModalitySpec, Statistics
from olmoearth_landsat.bands import WAVELENGTHS_NM

REFLECTANCE = BandSet(("B1", "B2", "B3", "B4", "B5", "B6", "B7"), 32)
TEMPERATURE = BandSet(("B10", "B11"), 32)


def landsat_l2() -> ModalitySpec:
    """Landsat 8/9 surface reflectance x 10000 (B1 to B7) and temperature in kelvin x 10 (B10, B11), uint16, 0 is fill.

    USGS's own Collection 2 Level-2 holds a surface temperature of B10 only, other archives bring a temperature for B11
    too; a band that a product lacks is simply absent. Not part of the published OlmoEarth training set.
    Predefined ranges: reflectance 0 to 1 (digital numbers 7273 to 43636 are valid), temperature 230 to 340 K.
    Product guide: https://www.usgs.gov/landsat-missions/landsat-collection-2-level-2-science-products
    """
    reflectance, temperature = Statistics(minimum=0.0, maximum=10000.0), Statistics(minimum=2300.0, maximum=3400.0)
    return ModalitySpec(
        name="landsat_l2",
        band_sets=(REFLECTANCE, TEMPERATURE),
        grid_factor=16,
        multitemporal=True,
        dtype="uint16",
        nodata=0.0,
        units="surface reflectance x 10000 (B1-B7), temperature in K x 10 (B10, B11)",
        quantity="reflectance_x10000_and_kelvin_x10",
        contract=("counts_not_fractions",),
        valid_range=(0.0, 16000.0),
        wavelengths_nm={band: WAVELENGTHS_NM[band] for band in REFLECTANCE.bands + TEMPERATURE.bands},
        resampling="bilinear",
        normalization="predefined",
        statistics={**dict.fromkeys(REFLECTANCE.bands, reflectance), **dict.fromkeys(TEMPERATURE.bands, temperature)},
        title="Landsat 8/9 surface reflectance and temperature (Level-2)",
        licence="public domain (U.S. Geological Survey)",
        citation="Landsat 8/9 OLI/TIRS Collection 2 Level-2, courtesy of U.S. Geological Survey, doi:10.5066/P9OGBGM6",
        source="https://registry.opendata.aws/usgs-landsat/",
    )
