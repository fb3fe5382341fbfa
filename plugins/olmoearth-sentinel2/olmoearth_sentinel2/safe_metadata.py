"""What a product's main XML file says: level, time, clouds, offset, and which images belong to it.

The file comes from the network: it is bounded in size, and declarations of document types, with which a few bytes can
grow to gigabytes, are refused. Format: https://sentiwiki.copernicus.eu/web/s2-documents (product specification).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree.ElementTree import Element

from olmoearth_core.errors import DataError
from olmoearth_core.readers.xml_text import xml_root
from olmoearth_sentinel2.band_names import LEVELS, Level
from olmoearth_sentinel2.reflectance import OFFSETS

MOST_BYTES = 8 * 2**20
"""True files have some 60 kB."""
FILES: Mapping[str, Level] = {"MTD_MSIL2A.xml": "l2a", "MTD_MSIL1C.xml": "l1c"}
_OFFSET: Mapping[Level, str] = {"l2a": "BOA_ADD_OFFSET", "l1c": "RADIO_ADD_OFFSET"}
_SCALE: Mapping[Level, tuple[str, ...]] = {
    "l2a": ("BOA_QUANTIFICATION_VALUE", "L2A_BOA_QUANTIFICATION_VALUE"),
    "l1c": ("QUANTIFICATION_VALUE",),
}
_IMAGES = ("IMAGE_FILE", "IMAGE_FILE_2A")
_REPROCESSED_ELSEWHERE = 99.0
"""Baseline 99.99 names products that were not made by ESA's chain; it says nothing of their format."""


@dataclass(frozen=True)
class Metadata:
    """What is known of a product. offset: to be added to digital numbers. images: as listed, with "/" and no suffix."""

    level: Level
    start: datetime
    baseline: str
    offset: int
    cloud_cover: float | None
    images: tuple[str, ...]


def parse(content: bytes, where: str) -> Metadata:
    """Read the main metadata file of a product.

    Raises:
        DataError: it is no such file, is damaged, or declares something that is not understood.
    """
    texts = _texts(content, where)
    level = _level(texts, where)
    scale = next((texts[tag][0] for tag in _SCALE[level] if tag in texts), "")
    if _number(scale) != 10000:
        raise DataError(f'{where}: the quantification value is "{scale}", expected 10000.')
    baseline = texts.get("PROCESSING_BASELINE", [""])[0]
    return Metadata(
        level=level,
        start=_start(texts, where),
        baseline=baseline,
        offset=_offset(texts.get(_OFFSET[level], []), level, baseline, where),
        cloud_cover=percent(_number(texts.get("Cloud_Coverage_Assessment", [""])[0])),
        images=tuple(text for tag in _IMAGES for text in texts.get(tag, [])),
    )


def percent(value: object) -> float | None:
    """Return a share of clouds, or None for whatever is none."""
    known = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 100
    return float(value) if known else None  # type: ignore[arg-type]


def _texts(content: bytes, where: str) -> dict[str, list[str]]:
    """Return tag without namespace -> texts in document order; the root's tag under ""."""
    root = xml_root(content, where, most_bytes=MOST_BYTES)
    found: dict[str, list[str]] = {"": [_local(root)]}
    for tag, value in _leaves(root):
        found.setdefault(tag, []).append(value)
    return found


def _leaves(root: Element) -> Iterator[tuple[str, str]]:
    for element in root.iter():
        if value := (element.text or "").strip():
            yield _local(element), value


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _level(texts: Mapping[str, list[str]], where: str) -> Level:
    root = texts[""][0]
    for level, name in (("l2a", "Level-2A_User_Product"), ("l1c", "Level-1C_User_Product")):
        if root == name:
            return level  # type: ignore[return-value]
    raise DataError(f'{where}: its root is "{root[:80]}", expected Level-2A_User_Product or Level-1C_User_Product.')


def _start(texts: Mapping[str, list[str]], where: str) -> datetime:
    text = texts.get("PRODUCT_START_TIME", ["nothing"])[0]
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise DataError(f'{where}: PRODUCT_START_TIME is "{text[:80]}", expected a time.') from error
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def _offset(found: list[str], level: Level, baseline: str, where: str) -> int:
    tag = _OFFSET[level]
    if not found:
        number = _number(baseline)
        if number is None or 4 <= number < _REPROCESSED_ELSEWHERE:
            raise DataError(
                f'{where}: {LEVELS[level]} of processing baseline "{baseline}" without {tag}, which all since 04.00 '
                "have. Fetch the product again."
            )
        return 0
    values = sorted({_number(text) for text in found}, key=str)
    if len(values) > 1 or values[0] not in OFFSETS:
        shown = ", ".join(sorted(set(found)))[:80]
        raise DataError(f"{where}: {tag} is {shown}, expected 0 or -1000, the same for all bands.")
    return int(values[0])


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
