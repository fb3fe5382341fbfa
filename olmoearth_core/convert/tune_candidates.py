"""Which ways to lay pixels on disk `olmoearth dataset tune` tries.

All are read by every program that loads hdf5plugin, the original included. Those without `storage` are measured to
show what they would give; the converter does not write them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import hdf5plugin
import numpy as np

from olmoearth_core.convert.h5_writer import Storage


@dataclass(frozen=True)
class Candidate:
    """One way to write a sample.

    filters: arguments of h5py's create_dataset. chunks: "windows" or "reference" as in `Storage`, or (pixels, steps) of
    a chunk. storage: what the converter needs to be told, null where it cannot write this.
    """

    codec: str
    chunks: str | tuple[int, int]
    filters: tuple[tuple[str, Any], ...]
    storage: Storage | None = None

    @property
    def shape(self) -> str:
        """Chunks as people read them."""
        return self.chunks if isinstance(self.chunks, str) else f"{self.chunks[0]} px, {self.chunks[1]} steps"

    def options(self, array: np.ndarray, base: int) -> dict[str, Any]:
        """Keyword arguments of create_dataset for one array. base: side of the sample in grid pixels."""
        if self.storage is not None:
            return self.storage.options(array, base)
        if array.ndim < 4 or not self.filters:
            return {}
        if isinstance(self.chunks, str):
            return {**dict(self.filters), "chunks": _model(self.chunks).options(array, base)["chunks"]}
        pixels, steps = self.chunks
        side = min(pixels * max(1, array.shape[0] // base), array.shape[0])
        chunks = (side, side, min(steps, array.shape[2]), *array.shape[3:])
        return {**dict(self.filters), "chunks": chunks}


def candidates() -> list[Candidate]:
    """Return all that are tried: codecs in both layouts of the converter, and other chunks with its default codec."""
    made = [c for layout in ("windows", "reference") for c in _written(layout)]
    made += [Candidate(name, layout, filters) for layout in ("windows", "reference") for name, filters in _measured()]
    zstd = tuple(hdf5plugin.Zstd(clevel=3).items())
    return made + [Candidate("zstd 3", chunks, zstd) for chunks in ((8, 4), (16, 12), (32, 4), (32, 12), (64, 12))]


def _model(layout: str) -> Storage:
    return Storage(layout="windows" if layout == "windows" else "reference")


def _written(layout: Any) -> list[Candidate]:
    kinds: list[tuple[str, int | None, bool | None]] = [
        ("gzip", 1, None), ("gzip", 3, None), ("gzip", 3, True), ("zstd", 1, None), ("zstd", 3, None),
        ("zstd", 9, None), ("lz4", None, None),
    ]  # fmt: skip
    if layout == "windows":
        # In the reference's layout shuffle is passed to gzip only, as the original does.
        kinds += [("none", None, None), ("zstd", 1, True), ("zstd", 3, True), ("zstd", 9, True), ("lz4", None, True)]
    return [_of_storage(Storage(codec, level, shuffle, layout)) for codec, level, shuffle in kinds]


def _of_storage(storage: Storage) -> Candidate:
    level = "" if storage.level is None else f" {storage.level}"
    name = storage.compression + level + (" shuffle" if storage.shuffle else "")
    chunks = "none" if storage.compression == "none" else storage.layout
    return Candidate(name, chunks, (), storage)


def _measured() -> list[tuple[str, tuple[tuple[str, Any], ...]]]:
    blosc, made = hdf5plugin.Blosc2, hdf5plugin.Bitshuffle
    found = {
        "bitshuffle lz4": made(cname="lz4"),
        "bitshuffle zstd 3": made(cname="zstd", clevel=3),
        "blosc2 lz4 shuffle": blosc("lz4", 5, blosc.SHUFFLE),
        "blosc2 zstd 3 shuffle": blosc("zstd", 3, blosc.SHUFFLE),
        "blosc2 zstd 3 bits": blosc("zstd", 3, blosc.BITSHUFFLE),
    }
    return [(name, tuple(filters.items())) for name, filters in found.items()]
