"""Which offset the values behind a STAC item still have, from what the item declares and nothing else.

- Earth Search v1, `sentinel-2-l2a`: its property `earthsearch:boa_offset_applied` decides. True: the files were changed
  and are free of it, though `raster:bands` goes on to say -0.1. False: they are as ESA made them, with the offset since
  processing baseline 04.00 (https://github.com/Element84/earth-search, issues 24 and 66).
- Planetary Computer: files are as ESA made them, so `s2:processing_baseline` decides
  (https://planetarycomputer.microsoft.com/dataset/sentinel-2-l2a, "baseline change").
- Copernicus Data Space and Earth Search's `sentinel-2-c1-l2a`: `raster:offset` of the assets, or `raster:bands`.
- ESA's own metadata, where it lies beside the item as `product-metadata`, says it for files as ESA made them.

All that is declared must agree.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from olmoearth_core.errors import DataError
from olmoearth_sentinel2.reflectance import SCALE, as_offset
from olmoearth_sentinel2.safe_metadata import MOST_BYTES, parse
from olmoearth_sentinel2.stac_file import Item

_APPLIED = "earthsearch:boa_offset_applied"
_BASELINES = ("s2:processing_baseline", "processing:version")
_METADATA = ("product-metadata", "product_metadata")


def offset_of(item: Item, assets: Sequence[str], *, as_delivered: bool) -> int:
    """Return what still has to be added to digital numbers, 0 or -1000.

    assets: of the bands in use. as_delivered: whether the catalogue is known to keep the files as ESA made them.

    Raises:
        DataError: nothing is declared, or declarations disagree; names them.
    """
    if _APPLIED in item.properties:
        return _flagged(item)
    said = dict(_declared(item, assets))
    if as_delivered:
        said |= {key: number for key, number in _by_baseline(item) if number is not None}
        said |= dict(_by_metadata(item))
    if not said:
        raise DataError(
            f"{item.path}: nothing declares the offset of its values (looked for {_APPLIED}, raster:offset, "
            f"raster:bands, {_BASELINES[0]} and {_METADATA[0]}). Declare it: offset = 0 or offset = -1000."
        )
    if len(set(said.values())) > 1:
        shown = ", ".join(f"{key} says {number}" for key, number in said.items())[:300]
        raise DataError(f"{item.path}: its declarations of the offset disagree: {shown}. Declare offset = 0 or -1000.")
    return next(iter(said.values()))


def _flagged(item: Item) -> int:
    applied = item.properties[_APPLIED]
    if not isinstance(applied, bool):
        raise DataError(f"{item.path}: {_APPLIED} is {applied!r}, expected true or false. Declare offset = 0 or -1000.")
    if applied:
        return 0
    by_baseline = [number for _, number in _by_baseline(item) if number is not None]
    if not by_baseline:
        raise DataError(
            f"{item.path}: {_APPLIED} is false, but {_BASELINES[0]} does not say whether there is an offset. Declare "
            "offset = 0 or -1000."
        )
    return by_baseline[0]


def _by_baseline(item: Item) -> Iterator[tuple[str, int | None]]:
    for key in _BASELINES:
        try:
            number = float(str(item.properties.get(key)))
        except ValueError:
            continue
        # 99.99 marks products that were not made by ESA's chain.
        yield f"{key} {number:05.2f}", None if not 0 < number < 99 else -1000 if number >= 4 else 0


def _declared(item: Item, assets: Sequence[str]) -> Iterator[tuple[str, int]]:
    for key in assets:
        for place, scale, offset in _scalings(item.assets[key]):
            where = f"{item.path}, asset {key}"
            if not isinstance(offset, int | float) or (scale is not None and not _is_scale(scale)):
                raise DataError(
                    f"{where}: {place} is scale {scale!r}, offset {offset!r}; expected {SCALE:g} and -0.1 or 0."
                )
            yield f"{key} {place}", as_offset(where, float(offset))


def _scalings(asset: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    if "raster:offset" in asset:
        yield "raster:offset", asset.get("raster:scale"), asset["raster:offset"]
    for name, prefix in (("raster:bands", ""), ("bands", "raster:")):
        listed = asset.get(name)
        first = listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], dict) else {}
        if f"{prefix}offset" in first:
            yield name, first.get(f"{prefix}scale"), first[f"{prefix}offset"]


def _is_scale(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value - SCALE) < 1e-9


def _by_metadata(item: Item) -> Iterator[tuple[str, int]]:
    for key in _METADATA:
        if key not in item.assets:
            continue
        place = item.place(key, (".xml",))
        if "://" not in place and os.path.isfile(place):
            with open(place, "rb") as file:
                yield key, parse(file.read(MOST_BYTES + 1), place).offset
