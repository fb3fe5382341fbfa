"""The frozen item table: what a catalogue answered, so that nobody has to ask it again.

JSON lines, because any tool reads them and a difference between two searches is a difference of lines. The first line
says which questions were asked of whom; each further line is one STAC item, in order of collection and id. The same
answers give the same bytes.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from olmoearth_core.convert.whole_file import write_bytes
from olmoearth_core.errors import DataError
from olmoearth_stac.item import Item
from olmoearth_stac.profile import Profile
from olmoearth_stac.queries import Query

_TYPE = "olmoearth.stac.items"
_VERSION = 1
_LARGEST = 2**32
_RATIO = 300
"""Bytes per packed byte; items are much alike and have been seen at 40."""


@dataclass(frozen=True)
class Table:
    """A frozen table.

    catalog, url: who was asked. queries: what. assets: collection -> assets that were kept. date: as given, "" = not
    said. left_out: items that could not be understood, and why. sha256: of the lines of items.
    """

    catalog: str
    url: str
    queries: tuple[Query, ...]
    assets: Mapping[str, Sequence[str]]
    items: tuple[Item, ...]
    date: str = ""
    left_out: tuple[str, ...] = ()
    profile_sha256: str = ""
    sha256: str = ""

    def check(
        self, path: str | Path, profile: Profile, wanted: Iterable[Query], assets: Mapping[str, set[str]]
    ) -> None:
        """Raise DataError if it does not answer what is wanted now; says what is missing."""
        again = "Add --refresh to search again, or give another --items."
        if (self.catalog, self.url) != (profile.name, profile.url):
            raise DataError(
                f"{path}: holds items of {self.catalog} ({self.url}), not of {profile.name} ({profile.url}). {again}"
            )
        if missing := sorted(set(wanted) - set(self.queries)):
            q = missing[0]
            raise DataError(
                f"{path}: {len(missing)} questions were not asked when it was made, such as {q.collection} in "
                f"{list(q.bbox)} for {q.datetime or 'any time'}: other windows or modalities. {again}"
            )
        for collection, names in assets.items():
            if lacking := sorted(names - set(self.assets.get(collection, ()))):
                raise DataError(f"{path}: was made without asset {lacking[0]} of {collection}. {again}")


def write_table(path: str | Path, table: Table) -> Path:
    """Write a table whole or not at all; compressed where the name ends in .gz. Items are put in order."""
    ordered = sorted(table.items, key=lambda item: (str(item.get("collection")), str(item.get("id"))))
    lines = b"".join(_line(item) for item in ordered)
    head = {
        "type": _TYPE, "version": _VERSION, "catalog": table.catalog, "url": table.url, "date": table.date,
        "profile_sha256": table.profile_sha256, "items": len(ordered), "sha256": hashlib.sha256(lines).hexdigest(),
        "assets": {name: sorted(table.assets[name]) for name in sorted(table.assets)},
        "queries": [[q.collection, list(q.bbox), q.datetime] for q in sorted(table.queries)],
        "left_out": sorted(table.left_out),
    }  # fmt: skip
    content = _line(head) + lines
    place = Path(path)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        # A time or a name in the header of the compressed file would make each one different.
        write_bytes(place, gzip.compress(content, mtime=0) if place.suffix == ".gz" else content)
    except OSError as error:
        raise DataError(f"{place}: cannot be written ({error.strerror}). Give another --items.") from error
    return place


def read_table(path: str | Path) -> Table:
    """Read a table.

    Raises:
        DataError: missing, torn, changed by hand, or no such table.
    """
    place = Path(path)
    head, lines = _content(place).partition(b"\n")[::2]
    try:
        said = json.loads(head)
        if not isinstance(said, dict) or said.get("type") != _TYPE:
            raise ValueError(f"its first line is not of type {_TYPE}")
        if said["version"] != _VERSION:
            raise ValueError(f"version {said['version']}, this program knows {_VERSION}")
        if hashlib.sha256(lines).hexdigest() != said["sha256"]:
            raise ValueError("its items are not those that were frozen (checksum)")
        items = tuple(json.loads(line) for line in lines.splitlines())
        if not all(isinstance(item, dict) for item in items):
            raise ValueError("a line is no item")
        asked = tuple(Query(str(c), _box(box), str(span)) for c, box, span in said["queries"])
        assets = {str(name): tuple(map(str, kept)) for name, kept in said["assets"].items()}
        left_out, date = tuple(map(str, said["left_out"])), str(said["date"])
        return Table(
            str(said["catalog"]), str(said["url"]), asked, assets, items, date, left_out,
            str(said["profile_sha256"]), str(said["sha256"]),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(
            f"{place}: is no frozen item table ({type(error).__name__}: {str(error)[:200]}). "
            "Remove it, or add --refresh."
        ) from error


def _box(values: Any) -> tuple[float, float, float, float]:
    west, south, east, north = (float(v) for v in values)
    return west, south, east, north


def _content(place: Path) -> bytes:
    try:
        most = min(_LARGEST, place.stat().st_size * _RATIO + 2**20)
        with place.open("rb") as raw:
            file: Any = gzip.GzipFile(fileobj=raw) if place.suffix == ".gz" else raw
            content: bytes = file.read(most + 1)
    except OSError as error:
        raise DataError(f"{place}: cannot be read ({error.strerror or error}).") from error
    except (EOFError, zlib.error) as error:
        raise DataError(f"{place}: is torn ({error}). Remove it or add --refresh.") from error
    if len(content) > most:
        raise DataError(
            f"{place}: unpacks to more than {most >> 20:,} MiB. It is damaged, or split the list of windows."
        )
    return content


def _line(value: Mapping[str, Any]) -> bytes:
    text = io.StringIO()
    json.dump(value, text, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.getvalue().encode() + b"\n"
