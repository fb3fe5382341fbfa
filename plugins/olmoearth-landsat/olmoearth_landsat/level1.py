"""What Landsat 8/9 Level-1 is: the raw digital numbers of all eleven bands, not reflectance."""

from __future__ import annotations

from olmoearth_core.interfaces.modality import BandSet, ModalitySpec, Statistics
from olmoearth_landsat.bands import WAVELENGTHS_NM

PIXELS = 77_512_464_128
"""Pixels of the published training set behind the measured statistics."""

MEAN_AND_STD = {
    "B8": (10132.090998288624, 7788.7282476413675),
    "B1": (11000.959519415692, 7857.9205791510285),
    "B2": (10493.416292898208, 7872.392135393957),
    "B3": (10146.318478942761, 7676.2774595217115),
    "B4": (10236.446029167704, 8038.218121686258),
    "B5": (14427.021492873682, 9302.431605916356),
    "B6": (12164.08145353199, 7442.390533225441),
    "B7": (9712.032951062303, 6037.712185433222),
    "B9": (4585.469566989013, 2549.745355740949),
    "B10": (21347.89356940543, 10957.2815012006),
    "B11": (19686.23205859348, 9911.421224126807),
}
"""Per band, in digital numbers."""


def landsat() -> ModalitySpec:
    """Landsat 8/9 OLI and TIRS, Collection 2 Level-1 digital numbers (uint16), bands B1 to B11.

    The panchromatic B8 (15 m) is stored at 10 m, all others (30 m; thermal delivered at 30 m) at 20 m. 0 is fill.
    Scenes without thermal bands (LO08, LO09) do not belong here. Surface reflectance is `landsat_l2`.
    Product guide: https://www.usgs.gov/landsat-missions/landsat-collection-2-level-1-data
    """
    return ModalitySpec(
        name="landsat",
        band_sets=(BandSet(("B8",), 16), BandSet(tuple(band for band in MEAN_AND_STD if band != "B8"), 32)),
        grid_factor=16,
        multitemporal=True,
        dtype="uint16",
        nodata=0.0,
        units="Collection 2 Level-1 digital numbers",
        quantity="digital_number",
        contract=("counts_not_fractions",),
        valid_range=(0.0, 65535.0),
        wavelengths_nm={band: WAVELENGTHS_NM[band] for band in MEAN_AND_STD},
        resampling="bilinear",
        normalization="computed",
        statistics={band: Statistics(mean, std, count=PIXELS) for band, (mean, std) in MEAN_AND_STD.items()},
        title="Landsat 8/9 Level-1 digital numbers",
        licence="public domain (U.S. Geological Survey)",
        citation="Landsat 8/9 OLI/TIRS Collection 2 Level-1, courtesy of U.S. Geological Survey, doi:10.5066/P975CC9B",
        source="https://registry.opendata.aws/usgs-landsat/",
    )
