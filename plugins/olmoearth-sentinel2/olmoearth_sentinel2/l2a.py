"""What Sentinel-2 Level-2A is: reflectance at the ground, the main optical sensor of the family."""

from __future__ import annotations

from olmoearth_core.interfaces.modality import BandSet, ModalitySpec, Statistics
from olmoearth_sentinel2.bands import TEN_METERS, TWENTY_METERS, WAVELENGTHS_NM

PIXELS = 80_759_239_680
"""Pixels of the published training set behind the measured statistics."""

MEAN_AND_STD = {
    "B02": (1188.9412572078477, 1859.1923971769581),
    "B03": (1407.7739105458452, 1727.7387413631088),
    "B04": (1513.0573882432757, 1740.7757298757895),
    "B08": (2755.481305028308, 1612.2565699990187),
    "B05": (1890.9893042634167, 1754.7320388511766),
    "B06": (2483.7812315422448, 1622.1172720635755),
    "B07": (2722.728248756412, 1621.8226170190276),
    "B8A": (2885.570263047681, 1611.3587521042082),
    "B11": (2562.852607796968, 1441.5471830655151),
    "B12": (1914.1383249044113, 1328.8914382756407),
    "B01": (1115.8494388252218, 1955.6991794280914),
    "B09": (3269.812554170875, 2651.088425085525),
}
"""Per band, in stored units."""


def sentinel2_l2a() -> ModalitySpec:
    """Sentinel-2 MSI Level-2A, bottom-of-atmosphere reflectance x 10000, 12 bands (no cirrus band B10).

    The offset of +1000 that products of processing baseline 04.00 and later carry must be removed before
    storing; 0 means no data, valid pixels are at least 1.
    Product guide: https://sentiwiki.copernicus.eu/web/s2-products
    """
    return ModalitySpec(
        name="sentinel2_l2a",
        band_sets=(TEN_METERS, TWENTY_METERS, BandSet(("B01", "B09"), 64)),
        grid_factor=16,
        multitemporal=True,
        dtype="uint16",
        nodata=0.0,
        units="surface reflectance x 10000, baseline-04.00 offset removed",
        quantity="reflectance_x10000",
        contract=("counts_not_fractions", "offset_removed", "bands_in_order"),
        valid_range=(0.0, 65535.0),
        wavelengths_nm={band: WAVELENGTHS_NM[band] for band in MEAN_AND_STD},
        resampling="bilinear",
        normalization="computed",
        statistics={band: Statistics(mean, std, 0.0, 10000.0, PIXELS) for band, (mean, std) in MEAN_AND_STD.items()},
        title="Sentinel-2 surface reflectance (Level-2A)",
        licence="Copernicus Sentinel data terms (free, full and open)",
        citation="Contains modified Copernicus Sentinel data, processed by ESA",
        source="https://planetarycomputer.microsoft.com/dataset/sentinel-2-l2a",
    )
