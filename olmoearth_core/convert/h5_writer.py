"""One sample as one HDF5 file: keys, dtypes and shapes of the format, and how pixels are laid on disk.

Layout "windows" cuts arrays into chunks, so that reading a small crop decodes little; layout
"reference" stores each array as one chunk, as the original converter does. Both are read by both programs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import h5py
import hdf5plugin
import numpy as np

from olmoearth_core.convert.whole_file import whole
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import StorageTransform

Layout = Literal["windows", "reference"]
COMPRESSIONS = ("none", "gzip", "zstd", "lz4")
MASKS = "missing_timesteps_masks"
MISSING_VALUE = -99999
CHUNK_PIXELS = 16
CHUNK_STEPS = 4
CHUNK_BYTES = 32 * 1024
"""Chunks of layout "windows": 16 grid pixels and 4 steps; the side doubles while a chunk stays within 32 kB, so that
thin maps are not cut into crumbs. Of the sizes tried (8, 16, 32 px; 3, 4, 6, all steps) crops of the official patch
sizes and steps decode fastest so (benchmarks/loader.py)."""


@dataclass(frozen=True)
class Storage:
    """How arrays lie on disk.

    compression: none | gzip | zstd | lz4; level: its strength (gzip, zstd). shuffle: byte shuffle before it.
    layout: "windows" = chunks of some pixels and steps, small arrays as they are; "reference" = see chunks.
    chunks: for layout "reference": null = one chunk per array, true = chosen by h5py, a list = leading sizes.
    """

    compression: str = "zstd"
    level: int | None = 3
    shuffle: bool | None = None
    layout: Layout = "windows"
    chunks: bool | tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.compression not in COMPRESSIONS:
            raise DataError(
                f'compression "{self.compression}" is not known; expected one of {", ".join(COMPRESSIONS)}.'
            )
        if self.layout not in ("windows", "reference"):
            raise DataError(f'layout "{self.layout}" is not known; expected "windows" or "reference".')

    @property
    def suffix(self) -> str:
        """Part of the folder name: `_zstd_3`, `_gzip_3_shuffle` (also for shuffle=false), or nothing."""
        name = "" if self.compression == "none" else f"_{self.compression}"
        level = "" if self.level is None or not name else f"_{self.level}"
        return name + level + ("_shuffle" if self.shuffle is not None else "")

    @property
    def settings(self) -> dict[str, Any]:
        """Content of compression_settings.json."""
        compressed = self.compression != "none"
        return {
            "compression": self.compression if compressed else None,
            "compression_opts": self.level if compressed else None,
            "shuffle": self.shuffle,
        }

    def options(self, array: np.ndarray, base: int) -> dict[str, Any]:
        """Keyword arguments of h5py's create_dataset for one array.

        base: side of the sample in grid pixels, which tells how much finer than the grid an array is.
        """
        if self.compression == "none" or (self.layout == "windows" and array.ndim < 4):
            return {}
        chunks = _window_chunks(array, base) if self.layout == "windows" else self._reference_chunks(array)
        return {**self._filters(), "chunks": chunks}

    def _filters(self) -> dict[str, Any]:
        # The original passes shuffle to gzip only, though it names it in the folder for all.
        used = self.shuffle is not None and (self.layout == "windows" or self.compression == "gzip")
        shuffle = {"shuffle": self.shuffle} if used else {}
        if self.compression == "gzip":
            return {"compression": "gzip", "compression_opts": 4 if self.level is None else self.level, **shuffle}
        plugin = hdf5plugin.LZ4() if self.compression == "lz4" else hdf5plugin.Zstd(clevel=self.level or 3)
        return {**plugin, **shuffle}

    def _reference_chunks(self, array: np.ndarray) -> bool | tuple[int, ...]:
        if self.chunks is True:
            return True
        if not self.chunks:
            return array.shape
        given = tuple(self.chunks)[: array.ndim]
        chunks = given + array.shape[len(given) :]
        if any(c > n for c, n in zip(chunks, array.shape, strict=True)):
            raise DataError(
                f"chunks {list(self.chunks)} do not fit an array of shape {list(array.shape)}: no entry may exceed the "
                'matching side of any array, lat/lon (2) and timestamps (T, 3) included. Use layout "windows".'
            )
        return chunks


def _window_chunks(array: np.ndarray, base: int) -> tuple[int, ...]:
    side, shape = CHUNK_PIXELS * max(1, array.shape[0] // base), array.shape
    steps = min(CHUNK_STEPS, shape[2])
    while side < shape[0] and 4 * side * side * steps * shape[3] * array.itemsize <= CHUNK_BYTES:
        side *= 2
    return (min(side, shape[0]), min(side, shape[1]), steps, *shape[3:])


def stored(array: np.ndarray, transform: StorageTransform) -> np.ndarray:
    """Apply a modality's storage transform: `power_to_db` turns linear power into float32 decibel, at least -100.

    Missing values (-99999) stay as they are.
    """
    if transform == "identity":
        return array
    power = np.maximum(array, np.float32(1e-10)).astype(np.float32)
    decibel = np.float32(10.0) * np.log10(power)
    return np.where(array == MISSING_VALUE, np.float32(MISSING_VALUE), decibel).astype(np.float32)


def write_sample(
    path: str | Path,
    arrays: Mapping[str, np.ndarray],
    timestamps: np.ndarray,
    latlon: np.ndarray,
    masks: Mapping[str, np.ndarray],
    *,
    storage: Storage | None = None,
) -> tuple[int, str]:
    """Write one sample under a temporary name, then rename it; return its size in bytes and SHA-256.

    arrays: by modality, already in their stored form: [H, W, T_m, C] with only the steps that exist, [H, W, 1, C],
    [T_m, C]. timestamps: int [T, 3] day, month 0-11, year. latlon: [2] degrees. masks: bool [T] per space-time
    modality that is there, True = step present.
    """
    storage = storage or Storage()
    final = Path(path)
    everything = {"latlon": np.asarray(latlon, np.float32), "timestamps": np.asarray(timestamps, np.int32), **arrays}
    try:
        with whole(final) as temporary:
            with h5py.File(temporary, "w", libver=("earliest", "v110")) as file:
                write_arrays(file, everything, storage.options)
                for name, mask in masks.items():
                    file.create_dataset(f"{MASKS}/{name}", data=np.asarray(mask, bool))
            content = temporary.read_bytes()
    except OSError as error:
        raise DataError(f"{final}: cannot be written ({error}). Check permissions and free space.") from error
    return len(content), hashlib.sha256(content).hexdigest()


def write_arrays(
    file: h5py.File, arrays: Mapping[str, np.ndarray], options: Callable[[np.ndarray, int], Mapping[str, Any]]
) -> None:
    """Write arrays in their order. options: from an array and the smallest side of images to how it is stored."""
    base = min((a.shape[0] for a in arrays.values() if a.ndim == 4), default=1)
    for name, array in arrays.items():
        file.create_dataset(name, data=array, **options(array, base))
