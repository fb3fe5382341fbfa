"""What Sentinel-2 Level-1C is: reflectance at the top of the atmosphere, with the cirrus band.

No statistics were ever measured for it, so it is normalised by its predefined range.
"""

from __future__ import annotations

from olmoearth_core.interfaces.modality import BandSet, ModalitySpec, Statistics
from olmoearth_sentinel2.bands import TEN_METERS, TWENTY_METERS, WAVELENGTHS_NM


def sentinel2() -> ModalitySpec:
    """Sentinel-2 MSI Level-1C, top-of-atmosphere reflectance x 10000, all 13 bands.

    The offset of +1000 of processing baseline 04.00 and later must be removed before storing; 0 means no data.
    Product guide: https://sentiwiki.copernicus.eu/web/s2-products
    """
    band_sets = (TEN_METERS, TWENTY_METERS, BandSet(("B01", "B09", "B10"), 64))
    bands = [band for band_set in band_sets for band in band_set.bands]
    return ModalitySpec(
        name="sentinel2",
        band_sets=band_sets,
        grid_factor=16,
        multitemporal=True,
        dtype="uint16",
        nodata=0.0,
        units="TOA reflectance x 10000, baseline-04.00 offset removed",
        quantity="reflectance_x10000",
        contract=("counts_not_fractions", "offset_removed", "bands_in_order"),
        valid_range=(0.0, 65535.0),
        wavelengths_nm={band: WAVELENGTHS_NM[band] for band in bands},
        resampling="bilinear",
        normalization="predefined",
        statistics={band: Statistics(minimum=0.0, maximum=10000.0) for band in bands},
        title="Sentinel-2 top-of-atmosphere reflectance (Level-1C)",
        licence="Copernicus Sentinel data terms (free, full and open)",
        citation="Contains modified Copernicus Sentinel data, processed by ESA",
        source="https://cloud.google.com/storage/docs/public-datasets/sentinel-2",
    )
