"""What NAIP aerial imagery is on its own fine grid, where a tile is only 160 m wide."""

from __future__ import annotations

from olmoearth_core.interfaces.modality import BandSet, ModalitySpec, Statistics

BANDS = BandSet(("R", "G", "B", "IR"), 1)
PIXELS = 78_577_664
"""Pixels behind the measured statistics; both grids share them."""

STATISTICS = {
    "R": Statistics(102.38483102526445, 47.60173736860241, count=PIXELS),
    "G": Statistics(109.30740000109955, 41.201837847619906, count=PIXELS),
    "B": Statistics(94.091226598439, 35.850839436913006, count=PIXELS),
    "IR": Statistics(128.47451396620818, 55.60295757894139, count=PIXELS),
}
WAVELENGTHS_NM = {"R": 635.0, "G": 555.0, "B": 465.0, "IR": 845.0}
"""Middles of the band edges of the Leica ADS100, one of several cameras flown; others differ by some ten nanometres."""


def naip() -> ModalitySpec:
    """National Agriculture Imagery Program, 8-bit digital numbers of red, green, blue and near infrared at 0.625 m.

    Conterminous United States only. Not calibrated: numbers of two flights are not comparable.
    Product guide: https://www.usgs.gov/centers/eros/science/usgs-eros-archive-aerial-photography-national-agriculture-imagery-program-naip
    """
    return ModalitySpec(
        name="naip",
        band_sets=(BANDS,),
        grid_factor=1,
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
        title="Aerial imagery (NAIP) on its own grid",
        licence="public domain (U.S. Department of Agriculture)",
        citation="National Agriculture Imagery Program, USDA Farm Production and Conservation Business Center",
        source="https://planetarycomputer.microsoft.com/dataset/naip",
    )
