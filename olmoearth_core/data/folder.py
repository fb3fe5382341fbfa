"""Where an H5 data set lies and what its folder says about it, without opening a sample.

The layout is <root>/h5py_data_w_missing_timesteps…_<tile>_x_<n>/<modalities>/<N>/ with sample_<i>.h5,
sample_metadata.csv and latlon_distribution.npy in the innermost folder. A user may name any folder above it.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import fsspec
import numpy as np

from olmoearth_core import uri
from olmoearth_core.data.npy import read_npy
from olmoearth_core.errors import DataError

METADATA = "sample_metadata.csv"
LATLONS = "latlon_distribution.npy"
_DEPTH = 5
_COMPOUNDS = (("sentinel2", "l2a"), ("openstreetmap", "raster"), ("naip", "10"))


@dataclass(frozen=True)
class Folder:
    """One data set: the URL of its innermost folder and the number of samples in its name."""

    url: str
    count: int

    def sample(self, index: int) -> str:
        """URL of one H5 file."""
        return f"{self.url}/sample_{index}.h5"

    @property
    def tile_size(self) -> int | None:
        """Side of a sample in grid pixels, as the name of the format folder says it."""
        found = re.search(r"_(\d+)_x_\d+$", self._above(2))
        return int(found[1]) if found else None

    def columns(self) -> dict[str, np.ndarray]:
        """Read which modality is in which sample: name -> bool [N].

        Raises:
            DataError: the table is missing, malformed or has another number of rows than the folder says.
        """
        path = f"{self.url}/{METADATA}"
        try:
            with fsspec.open(path, "r", encoding="utf-8") as stream, warnings.catch_warnings():
                # NumPy warns of a table without rows, which is refused below.
                warnings.simplefilter("ignore", UserWarning)
                names = stream.readline().strip().split(",")
                table = np.loadtxt(stream, delimiter=",", dtype=np.float64, ndmin=2)
        except (OSError, ValueError) as cause:
            raise DataError(f"{path}: cannot be read as a table of samples ({cause}).") from cause
        if names[0] != "sample_index" or table.shape != (self.count, len(names)):
            raise DataError(
                f"{path}: found {table.shape[0]} rows and the columns {names}, expected {self.count} rows (the name of "
                f"the folder) and the columns sample_index, <modality>, …. The data set is not complete."
            )
        # Numbers of any size are none of those that are looked for.
        order = np.nan_to_num(np.clip(table[:, 0], -1, self.count), nan=-1).astype(np.int64)
        if not np.array_equal(np.sort(order), np.arange(self.count)):
            raise DataError(f"{path}: column sample_index does not hold each of 0…{self.count - 1} once.")
        present = np.empty(table.shape, dtype=bool)
        present[order] = table > 0
        return {name: present[:, i] for i, name in enumerate(names) if i}

    def latlons(self) -> np.ndarray | None:
        """Read float [N,2], degrees, or None if there is no such file."""
        path = f"{self.url}/{LATLONS}"
        try:
            with fsspec.open(path, "rb") as stream:
                found = read_npy(stream)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as cause:
            raise DataError(f"{path}: cannot be read as an array ({cause}).") from cause
        if found.shape != (self.count, 2):
            raise DataError(f"{path}: found the shape {found.shape}, expected ({self.count}, 2).")
        return found

    def fingerprint(self, dtype: type[np.floating[Any]], filter_idx_file: str | None) -> str:
        """Return the reference's identity of a data set, SHA-256 in hex."""
        text = (
            f"tile_path={self.url.rsplit('/', 3)[0]},supported_modalities={_supported(self._above(1))},"
            f"sample_size={self.count},dtype={dtype}"
        )
        if filter_idx_file is not None:
            text += f",filter_idx_file={filter_idx_file}"
        return hashlib.sha256(text.encode()).hexdigest()

    def _above(self, levels: int) -> str:
        parts = self.url.split("/")
        return parts[-1 - levels] if len(parts) > levels else ""


def find(url: str) -> Folder:
    """Return the one data set in a folder or below it.

    Raises:
        DataError: there is no such folder, no data set in it, or several.
    """
    url = uri.resolve(url)
    found, root = _below(url)
    if not found:
        raise DataError(
            f"dataset.h5py_dir = {url}: not a data set. Expected {METADATA} beside sample_0.h5 … in a folder named "
            f"after the number of samples, here or up to {_DEPTH} folders below. Make one with `olmoearth dataset`."
        )
    if len(found) > 1:
        raise DataError(
            f"dataset.h5py_dir = {url}: {len(found)} data sets lie below; name one of\n  " + "\n  ".join(found)
        )
    path = url.rstrip("/") + found[0][len(root.rstrip("/")) :]
    name = path.rsplit("/", 1)[-1]
    if not name.isdigit() or int(name) == 0:
        raise DataError(
            f"{path}: the folder of a data set is named after its number of samples, at least 1, not {name!r}."
        )
    return Folder(path, int(name))


def _below(url: str) -> tuple[list[str], str]:
    """Data sets in a folder or below it, and the folder, both as their file system names them."""
    try:
        filesystem, root = fsspec.core.url_to_fs(url)
        # A web server need not list its folders, so the table is asked for first.
        if filesystem.exists(f"{root.rstrip('/')}/{METADATA}"):
            return [root.rstrip("/")], root
        if not filesystem.isdir(root):
            raise DataError(f"dataset.h5py_dir = {url}: there is no such folder.")
        return list(_folders(filesystem, root.rstrip("/"), _DEPTH)), root
    except (OSError, ImportError, ValueError) as cause:
        raise DataError(f"dataset.h5py_dir = {url}: cannot be reached ({cause}).") from cause


def _folders(filesystem: Any, path: str, depth: int) -> Iterator[str]:
    # Asking for one file first keeps a million samples from being listed.
    if filesystem.exists(f"{path}/{METADATA}"):
        yield path
        return
    if depth == 0:
        return
    for entry in sorted(filesystem.ls(path, detail=True), key=lambda e: str(e["name"])):
        below = str(entry["name"]).rstrip("/")
        # A conversion that is not finished lives in a folder with a dot.
        if entry["type"] == "directory" and not below.rsplit("/", 1)[-1].startswith("."):
            yield from _folders(filesystem, below, depth - 1)


def _supported(name: str) -> list[str]:
    parts: list[str] = name.split("_")
    for first, second in _COMPOUNDS:
        parts = _join(parts, first, second)
    return sorted([*parts, "latlon"])


def _join(parts: Sequence[str], first: str, second: str) -> list[str]:
    for i, pair in enumerate(pairwise(parts)):
        if pair == (first, second):
            return [*parts[:i], f"{first}_{second}", *parts[i + 2 :]]
    return list(parts)
