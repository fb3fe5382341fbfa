"""What NAIP aerial imagery is beside satellite images: their tiles, with 4 x 4 of its pixels in each of theirs."""

from __future__ import annotations

from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_naip.native import BANDS, STATISTICS, WAVELENGTHS_NM


def naip_10() -> ModalitySpec:
    """National Agriculture Imagery Program on the 10 m grid, taken within a year of the window.

    Stored at 0.625 m (4096 pixels a side); samples hold every 4th pixel, that is 2.5 m and 1024 pixels a tile.
    Product guide: https://www.usgs.gov/centers/eros/science/usgs-eros-archive-aerial-photography-national-agriculture-imagery-program-naip
    """
    return ModalitySpec(
        name="naip_10",
        band_sets=(BANDS,),
        grid_factor=16,
        size_factor=4,
        multitemporal=False,
        dtype="uint8",
        units="8-bit DN",
        quantity="digital_number",
        contract=("counts_not_fractions",),
        valid_range=(0.0, 255.0),
        wavelengths_nm=WAVELENGTHS_NM,
        resampling="bilinear",
        normalization="computed",
        statistics=STATISTICS,
        title="Aerial imagery (NAIP) on the 10 m grid",
        licence="public domain (U.S. Department of Agriculture)",
        citation="National Agriculture Imagery Program, USDA Farm Production and Conservation Business Center",
        source="https://planetarycomputer.microsoft.com/dataset/naip",
    )
