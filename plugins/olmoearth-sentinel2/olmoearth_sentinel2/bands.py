"""Which bands the Sentinel-2 instrument has, at which pixel size they are stored, and where they lie in the spectrum.

The 60 m bands are stored at 40 m, because resolutions of the tile store are powers of two.
"""

from __future__ import annotations

from olmoearth_core.interfaces.modality import BandSet

TEN_METERS = BandSet(("B02", "B03", "B04", "B08"), 16)
TWENTY_METERS = BandSet(("B05", "B06", "B07", "B8A", "B11", "B12"), 32)

WAVELENGTHS_NM = {
    "B01": 442.7,
    "B02": 492.7,
    "B03": 559.8,
    "B04": 664.6,
    "B05": 704.1,
    "B06": 740.5,
    "B07": 782.8,
    "B08": 832.8,
    "B8A": 864.7,
    "B09": 945.1,
    "B10": 1373.5,
    "B11": 1613.7,
    "B12": 2202.4,
}
"""Central wavelengths of Sentinel-2A's instrument; those of 2B and 2C differ by up to 17 nm.

Source: ESA, https://sentiwiki.copernicus.eu/web/s2-mission
"""
