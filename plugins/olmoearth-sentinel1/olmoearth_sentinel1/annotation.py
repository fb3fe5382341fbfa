"""What the XML files of a GRD product say: facts and tie points of the image, and its calibration and noise vectors.

The files come from the network: declarations of document types, with which a few bytes can grow to gigabytes, are
refused, and every number must be finite. Format: Sentinel-1 Product Specification, S1-RS-MDA-52-7441, chapters 6.3.1 to
6.3.3 (https://sentiwiki.copernicus.eu/web/document-library).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from xml.etree.ElementTree import Element

import numpy as np

from olmoearth_core.errors import DataError
from olmoearth_core.readers.times import utc
from olmoearth_core.readers.xml_text import xml_root
from olmoearth_sentinel1.lookup import AzimuthBlock, Lookup
from olmoearth_sentinel1.product_name import EXPECTED, MOST_PIXELS

_MOST_BYTES = 16 * 2**20
"""True files have some 2 MiB."""
_LARGEST = 1e12
"""Far beyond any number that is read here, and far from where squares overflow."""
_SMALLEST = 1e-12


@dataclass(frozen=True)
class Annotation:
    """Of one polarisation. lines, pixels: size of the image. ties: [N, 4] line, pixel, latitude, longitude."""

    start: datetime
    lines: int
    pixels: int
    ties: np.ndarray


def annotation(content: bytes, where: str, channel: str) -> Annotation:
    """Read the product annotation of a polarisation ("vv").

    Raises:
        DataError: it is damaged, or of another mode, type or polarisation.
    """
    root = _root(content, where, "product", channel)
    start = utc(_text(root, "adsHeader/startTime"))
    if start is None:
        raise DataError(f'{where}: startTime is "{_text(root, "adsHeader/startTime")[:40]}", expected a time.')
    size = [_size(root, tag, where) for tag in ("numberOfLines", "numberOfSamples")]
    return Annotation(start, size[0], size[1], _ties(root, where))


def _size(root: Element, tag: str, where: str) -> int:
    text = _text(root, f"imageAnnotation/imageInformation/{tag}")
    if not re.fullmatch(r"\d{1,6}", text) or not 1 <= int(text) <= MOST_PIXELS:
        raise DataError(f'{where}: {tag} is "{text[:40]}", expected 1 to {MOST_PIXELS}. Fetch the product again.')
    return int(text)


def _ties(root: Element, where: str) -> np.ndarray:
    points = root.findall("geolocationGrid/geolocationGridPointList/geolocationGridPoint")
    tags = ("line", "pixel", "latitude", "longitude")
    return np.array([[_numbers(p, tag, where, count=1)[0] for tag in tags] for p in points]).reshape(-1, 4)


def calibration(content: bytes, where: str, channel: str, quantity: str) -> Lookup:
    """Read the calibration vectors. quantity: sigmaNought or gamma.

    Raises:
        DataError: they are missing, damaged or of another polarisation.
    """
    root = _root(content, where, "calibration", channel)
    vectors = root.findall("calibrationVectorList/calibrationVector")
    lookup = _lookup(vectors, quantity, where)
    if min(float(values.min()) for values in lookup.values) < _SMALLEST:
        raise DataError(
            f"{where}: a value of {quantity} is 0, negative or next to 0, by which nothing can be divided. Is it torn?"
        )
    return lookup


def noise(content: bytes, where: str, channel: str) -> tuple[Lookup, tuple[AzimuthBlock, ...]]:
    """Read noise vectors along range, and blocks along azimuth (since March 2018, IPF 2.90; before: none).

    Raises:
        DataError: they are missing, damaged or of another polarisation.
    """
    root = _root(content, where, "noise", channel)
    vectors, tag = root.findall("noiseRangeVectorList/noiseRangeVector"), "noiseRangeLut"
    if not vectors:
        vectors, tag = root.findall("noiseVectorList/noiseVector"), "noiseLut"
    blocks = tuple(_block(e, where) for e in root.findall("noiseAzimuthVectorList/noiseAzimuthVector"))
    return _lookup(vectors, tag, where), blocks


def _lookup(vectors: list[Element], tag: str, where: str) -> Lookup:
    if not vectors:
        raise DataError(f"{where}: has no vectors of {tag}. Fetch the product again.")
    by_line: dict[float, tuple[np.ndarray, np.ndarray]] = {}
    for vector in vectors:
        pixels, values = _numbers(vector, "pixel", where), _numbers(vector, tag, where)
        if len(pixels) != len(values) or (np.diff(pixels) <= 0).any():
            raise DataError(f"{where}: {len(values)} values of {tag} at {len(pixels)} pixels, expected one at each.")
        by_line[float(_numbers(vector, "line", where, count=1)[0])] = (pixels, values)
    lines = sorted(by_line)
    return Lookup(np.array(lines), tuple(by_line[a][0] for a in lines), tuple(by_line[a][1] for a in lines))


def _block(element: Element, where: str) -> AzimuthBlock:
    tags = ("firstAzimuthLine", "lastAzimuthLine", "firstRangeSample", "lastRangeSample")
    edges = [int(_numbers(element, tag, where, count=1)[0]) for tag in tags]
    lines, values = _numbers(element, "line", where), _numbers(element, "noiseAzimuthLut", where)
    if len(lines) != len(values) or (np.diff(lines) <= 0).any():
        raise DataError(
            f"{where}: {len(values)} values of noiseAzimuthLut at {len(lines)} lines, expected one at each."
        )
    return AzimuthBlock((edges[0], edges[1]), (edges[2], edges[3]), lines, values)


def _numbers(element: Element, tag: str, where: str, *, count: int | None = None) -> np.ndarray:
    text = _text(element, tag)
    try:
        numbers = np.array([float(word) for word in text.split()])
    except ValueError as error:
        raise DataError(f"{where}: {tag} holds {str(error)[:80]}, expected numbers.") from error
    if not len(numbers) or not (np.abs(numbers) <= _LARGEST).all() or count not in (None, len(numbers)):
        raise DataError(f'{where}: {tag} is "{text[:40]}", expected {count or "some"} finite numbers. Is it torn?')
    return numbers


def _text(element: Element, path: str) -> str:
    return (element.findtext(path) or "").strip()


def _root(content: bytes, where: str, name: str, channel: str) -> Element:
    root = xml_root(content, where, most_bytes=_MOST_BYTES)
    if root.tag != name:
        raise DataError(f'{where}: its root is "{root.tag[:80]}", expected "{name}".')
    found = {tag: _text(root, f"adsHeader/{tag}") for tag in ("mode", "productType", "polarisation")}
    expected = {"mode": "IW", "productType": "GRD", "polarisation": channel.upper()}
    if wrong := [tag for tag, value in expected.items() if found[tag].upper() != value]:
        raise DataError(
            f'{where}: {wrong[0]} is "{found[wrong[0]][:40]}", expected "{expected[wrong[0]]}" ({EXPECTED}).'
        )
    return root
