"""What a product's MTL says that readers go by: identifier, time, clouds, files of bands, and scales."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from olmoearth_core.errors import DataError
from olmoearth_landsat.mtl_format import Groups, groups
from olmoearth_landsat.product import LEVEL2_BANDS, METERS, Level, ProductId, product_id
from olmoearth_landsat.scaling import require_scaling

_FILE = re.compile(r"[A-Za-z0-9_]{1,120}\.TIFF?", re.IGNORECASE)
_MASK = "FILE_NAME_QUALITY_L1_PIXEL"
_SURFACE, _HEAT = "LEVEL2_SURFACE_REFLECTANCE_PARAMETERS", "LEVEL2_SURFACE_TEMPERATURE_PARAMETERS"


@dataclass(frozen=True)
class Metadata:
    """What is known of a product. files: band -> name of its file. mask: name of QA_PIXEL, None = not listed.

    cloud_cover: percent, None = not computed.
    """

    product: ProductId
    time: datetime
    cloud_cover: float | None
    files: Mapping[str, str]
    mask: str | None


def metadata_of(content: bytes, where: str) -> Metadata:
    """Read an MTL file. where: its path, which says the format and, in messages, the place.

    Raises:
        DataError: it is damaged, of another product, or declares something that is not understood.
    """
    found = groups(content, where)
    contents = _group(found, "PRODUCT_CONTENTS", where)
    product = product_id(where, contents.get("LANDSAT_PRODUCT_ID", "(no LANDSAT_PRODUCT_ID)"))
    if contents.get("PROCESSING_LEVEL", product.processing) != product.processing:
        level = contents["PROCESSING_LEVEL"][:20]
        raise DataError(f'{where}: PROCESSING_LEVEL is "{level}", but the product is {product.text}. Is it damaged?')
    image = _group(found, "IMAGE_ATTRIBUTES", where)
    files = _files(contents, product, where)
    if product.level == "l2":
        _require_scalings(found, files, where)
    mask = _name(contents[_MASK], product, where) if _MASK in contents else None
    return Metadata(product, _time(image, product, where), percent(image.get("CLOUD_COVER")), files, mask)


def percent(value: object) -> float | None:
    """Return a share of clouds, or None for whatever is none (USGS writes -1 where it did not look)."""
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if 0 <= number <= 100 and not isinstance(value, bool) else None


def keys_of(level: Level) -> dict[str, str]:
    """Return band -> key of its file in the group PRODUCT_CONTENTS."""
    if level == "l1":
        return {band: f"FILE_NAME_BAND_{band[1:]}" for band in METERS}
    return {band: f"FILE_NAME_BAND_{'ST_B10' if band == 'B10' else band[1:]}" for band in LEVEL2_BANDS}


def _group(found: Groups, name: str, where: str) -> Mapping[str, str]:
    if name not in found:
        shown = ", ".join(list(found)[:6]) or "none"
        raise DataError(f"{where}: has no group {name} (found: {shown}). Fetch the product again.")
    return found[name]


def _files(contents: Mapping[str, str], product: ProductId, where: str) -> dict[str, str]:
    keys = keys_of(product.level)
    found = {band: _name(contents[key], product, where) for band, key in keys.items() if key in contents}
    if not found:
        raise DataError(f"{where}: lists no file of a band ({keys['B10']} and the like). Fetch the product again.")
    return found


def _name(listed: str, product: ProductId, where: str) -> str:
    if not _FILE.fullmatch(listed):
        raise DataError(f'{where}: lists an image "{listed[:120]}", expected a name such as {product.text}_B4.TIF.')
    if not listed.upper().startswith(f"{product.text}_"):
        raise DataError(f"{where}: is of {product.text}, but lists {listed} of another scene. Fetch the product again.")
    return listed


def _time(image: Mapping[str, str], product: ProductId, where: str) -> datetime:
    text = f"{image.get('DATE_ACQUIRED', '(no DATE_ACQUIRED)')}T{image.get('SCENE_CENTER_TIME', '(no time)')}"
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise DataError(f'{where}: was taken at "{text[:60]}", expected a date and a time.') from error
    time = time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    if time.date() != product.day.date():
        raise DataError(f"{where}: was taken on {time.date()}, but its product is {product.text}. Is it damaged?")
    return time


def _require_scalings(found: Groups, files: Mapping[str, str], where: str) -> None:
    for band in files:
        heat = band == "B10"
        kind, name = ("TEMPERATURE", "ST_B10") if heat else ("REFLECTANCE", band[1:])
        group = _group(found, _HEAT if heat else _SURFACE, where)
        said = [group.get(f"{kind}_{part}_BAND_{name}", "(nothing)") for part in ("MULT", "ADD")]
        try:
            scale, offset = float(said[0]), float(said[1])
        except ValueError as error:
            raise DataError(f"{where}: {kind} scale and offset of {band} are {said}, expected two numbers.") from error
        require_scaling(where, band, scale, offset)
