"""Opening an extract (.osm.pbf): what its header says, its objects with their places, and its faults in our words.

Node locations are kept in memory for extracts up to half a gigabyte, and in a temporary file (16 bytes per node) for
larger ones.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from olmoearth_core.errors import DataError
from olmoearth_openstreetmap.pbf_blocks import check_blocks

Bounds = tuple[float, float, float, float]
"""West, south, east and north in degrees."""
Locations = Literal["auto", "memory", "disk"]
_LARGE = 2**29


@dataclass(frozen=True)
class Header:
    """What an extract says of itself. bounds: of its box, None where it has none."""

    path: str
    bounds: Bounds | None


def is_pbf(path: str) -> bool:
    """Whether a file is an extract, by its name and first bytes; never raises."""
    if not path.lower().endswith(".pbf"):
        return False
    try:
        with open(path, "rb") as file:
            return file.read(15)[4:] == b"\x0a\x09OSMHeader"
    except OSError:
        return False


def header(path: str) -> Header:
    """Read an extract's header.

    Raises:
        DataError: it is missing, torn, or something else.
    """
    from osmium import io

    with told(path), io.Reader(checked(path)) as reader:
        box = reader.header().box()
        if not box.valid():
            return Header(path, None)
        low, high = box.bottom_left, box.top_right
        return Header(path, (low.lon, low.lat, high.lon, high.lat))


def objects(
    path: str, *, keys: Sequence[str] = (), areas: bool = False, locations: Locations = "auto", places: bool = True
) -> Iterator[Any]:
    """Yield osmium's nodes, ways, relations and (with areas) areas, each valid until the next is asked for.

    keys: only objects that have one of these tags; () = all. areas: also assemble closed ways and multipolygons.
    places: give ways the locations of their nodes.

    Raises:
        DataError: the file is missing, torn or malformed; names it.
    """
    import osmium

    with told(path), _storage(path, locations) as storage:
        file = checked(path)
        check_blocks(path)
        processor = osmium.FileProcessor(file)
        if places:
            processor.with_locations(storage)
        if areas:
            processor.with_areas(*([osmium.filter.KeyFilter(*keys)] if keys else []))
        if keys:
            processor.with_filter(osmium.filter.KeyFilter(*keys))
        yield from processor


def relations(path: str) -> Iterator[Any]:
    """Yield osmium's relations, each valid until the next is asked for; errors as in `objects`."""
    import osmium

    with told(path):
        file = checked(path)
        check_blocks(path)
        yield from osmium.FileProcessor(file, osmium.osm.RELATION)


def checked(path: str) -> Any:
    """Return osmium's handle of a file; DataError where it is missing or no extract."""
    from osmium import io

    if not os.path.isfile(path):
        raise DataError(f"{path}: no such file. Give an extract (.osm.pbf) of this machine.")
    if not is_pbf(path):
        raise DataError(f"{path}: does not begin as an .osm.pbf does. Give an extract in that format.")
    return io.File(path, "pbf")


@contextmanager
def told(path: str) -> Iterator[None]:
    """Say in our words what osmium finds wrong with a file."""
    try:
        yield
    # Malformed text is a UnicodeDecodeError (raised where tags are read), a ring of two points a ValueError.
    except (RuntimeError, ValueError, OverflowError, OSError, MemoryError) as error:
        cause = " ".join(str(error).split())[:200] or type(error).__name__
        raise DataError(
            f"{path}: cannot be read as .osm.pbf ({cause}). It is torn or malformed; fetch it again."
        ) from error


@contextmanager
def _storage(path: str, locations: Locations) -> Iterator[str]:
    if locations not in ("auto", "memory", "disk"):
        raise DataError(f'locations: found "{locations}", expected auto, memory or disk.')
    large = os.path.isfile(path) and os.path.getsize(path) > _LARGE
    if locations == "memory" or (locations == "auto" and not large):
        yield "flex_mem"
        return
    with tempfile.TemporaryDirectory(prefix="olmoearth-nodes-") as folder:
        yield f"sparse_file_array,{folder}/locations"
