"""What the Cropland Data Layer is: one crop code per pixel of the conterminous United States, per year."""

from __future__ import annotations

from olmoearth_core.interfaces.modality import BandSet, ModalitySpec, Statistics


def cdl() -> ModalitySpec:
    """USDA Cropland Data Layer, crop and land-cover codes at 30 m, of the year of the window (2008 to 2024).

    0 is background; a tile with any background pixel does not enter the tile store.
    The statistics are round numbers set by hand, not measured.
    Product guide: https://www.nass.usda.gov/Research_and_Science/Cropland/sarsfaqs2.php
    """
    return ModalitySpec(
        name="cdl",
        band_sets=(BandSet(("cdl",), 16),),
        grid_factor=16,
        multitemporal=False,
        dtype="uint8",
        nodata=0.0,
        units="USDA CDL class id",
        quantity="class_code",
        contract=("whole_numbers",),
        valid_range=(1.0, 254.0),
        normalization="computed",
        statistics={"cdl": Statistics(100.0, 50.0)},
        title="Crop types, United States (Cropland Data Layer)",
        licence="public domain (U.S. Department of Agriculture)",
        citation="Boryan et al. 2011, Geocarto International 26(5), 341-358, doi:10.1080/10106049.2011.562309",
        source="https://www.nass.usda.gov/Research_and_Science/Cropland/Release/",
    )
