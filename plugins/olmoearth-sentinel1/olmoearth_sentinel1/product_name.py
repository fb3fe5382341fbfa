"""What the name of a Sentinel-1 product says: mode, type, polarisations and time.

Naming: https://sentiwiki.copernicus.eu/web/s1-products (S1A_IW_GRDH_1SDV_20210614T054053_20210614T054118_...).
"""

from __future__ import annotations

import re

from olmoearth_core.errors import DataError

MOST_PIXELS = 100_000
"""Along a side; three IW scenes."""
_NAME = re.compile(
    r"S1[A-D]_(?P<mode>IW|EW|SM|S[1-6]|WV)_(?P<kind>RAW|SLC|GRD|OCN)[FHM_]_(?:\d|_)[SA_](?P<channels>SH|SV|DH|DV|HH|HV|VV|VH)_",
    re.IGNORECASE,
)
_MODES = {"EW": "extra wide swath", "WV": "wave", "SM": "strip map"}
_KINDS = {"RAW": "raw data", "SLC": "single-look complex", "OCN": "ocean"}
_CHANNELS = {"SH": "HH", "SV": "VV", "DH": "HH and HV", "HH": "HH", "HV": "HV", "VV": "VV", "VH": "VH"}
EXPECTED = "IW with polarisations VV and VH"


def require_interferometric_dual(where: str, name: str) -> None:
    """Refuse what a product's name says to be of another mode, type or polarisation. Other names pass.

    Raises:
        DataError: says which.
    """
    found = _NAME.search(name)
    if found is None:
        return
    mode, kind, channels = (found[group].upper() for group in ("mode", "kind", "channels"))
    if mode != "IW":
        said = _MODES.get(mode, _MODES["SM"])
        raise DataError(f"{where}: is of mode {mode} ({said}), expected {EXPECTED}. Give an IW product.")
    if kind != "GRD":
        raise DataError(
            f"{where}: is of type {kind} ({_KINDS[kind]}), expected ground range detected (GRD) or what was made of it."
        )
    if channels != "DV":
        raise DataError(f"{where}: its polarisation is {_CHANNELS[channels]} ({channels}), expected {EXPECTED} (DV).")
