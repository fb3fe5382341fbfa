"""What the name of a Sentinel-1 product says: mode, type, polarisations and time.

Naming: https://sentiwiki.copernicus.eu/web/s1-products (S1A_IW_GRDH_1SDV_20210614T054053_20210614T054118_...).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from olmoearth_core.errors import ConfigError, DataError

MOST_PIXELS = 100_000
"""Along a side; three IW scenes."""
_NAME = re.compile(
    r"S1[A-D]_(?P<mode>IW|EW|SM|S[1-6]|WV)_(?P<kind>RAW|SLC|GRD|OCN)[FHM_]_(?:\d|_)[SA_](?P<channels>SH|SV|DH|DV|HH|HV|VV|VH)_",
    re.IGNORECASE,
)
_MODES = {"EW": "extra wide swath", "WV": "wave", "SM": "strip map"}
_KINDS = {"RAW": "raw data", "SLC": "single-look complex", "OCN": "ocean"}
_CHANNELS = {"SH": "HH", "SV": "VV", "DH": "HH and HV", "HH": "HH", "HV": "HV", "VV": "VV", "VH": "VH"}
_DAY = re.compile(r"(?<!\d)(20\d\d)-?(\d\d)-?(\d\d)(?:[T_]?(\d\d):?(\d\d):?(\d\d))?(?!\d)")
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


def moment(text: str) -> datetime | None:
    """Return the first date, and the time after it, in a name; UTC, midnight where no time is given. None if none."""
    for found in _DAY.finditer(text):
        numbers = [int(part) for part in found.groups() if part is not None]
        try:
            return datetime(*numbers, tzinfo=UTC)  # type: ignore[arg-type, misc]
        except ValueError:
            continue
    return None


def utc(text: str) -> datetime | None:
    """Return a time in ISO form as UTC, a month alone as its first day, or None for anything else."""
    try:
        time = datetime.fromisoformat(f"{text}-01" if re.fullmatch(r"\d{4}-\d{2}", text) else text)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def declared_time(text: str) -> datetime | None:
    """Return a time that the user declared, as UTC; "" = None.

    Raises:
        ConfigError: it is no date.
    """
    time = utc(text) if text else None
    if text and time is None:
        raise ConfigError(f'time = "{text}": expected a date such as "2021-07-21" or "2021-07-21T08:40:10".')
    return time
