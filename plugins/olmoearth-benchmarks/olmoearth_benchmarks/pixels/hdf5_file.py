"""One array out of an HDF5 file of many, by its path inside; the file stays open between two questions."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import h5py
import numpy as np

from olmoearth_core.data.cache import Cache, Throttle
from olmoearth_core.data.h5 import LARGEST
from olmoearth_core.errors import DataError

_DAMAGE = (OSError, KeyError, ValueError, RuntimeError, TypeError)


@dataclass
class HeldFile:
    """A file that is opened when it is first asked; sent to another process, it is opened again there.

    url: of the file; a remote one is copied to the cache.
    """

    url: str
    cache: Cache = field(default_factory=lambda: Cache(None, Throttle(None)), repr=False)
    _file: Any = field(default=None, repr=False)

    def read(self, path: str) -> np.ndarray:
        """Return an array of numbers. path: names of groups and of the data set, with slashes.

        Raises:
            DataError: the file or the array is not there, damaged, too large, not numbers, or kept in another file.
        """
        where = f"{self.url}: {path}"
        try:
            if self._file is None:
                self._file = h5py.File(self.cache.local(self.url), "r", locking=False)
            found = self._file
            for name in path.split("/"):
                # A link may lead to any file of this machine.
                if not isinstance(found.get(name, getlink=True), h5py.HardLink):
                    raise DataError(f"{where} is not there. Get the file again.")
                found = found[name]
            self._check(found, where)
            values: np.ndarray = found[()]
        except FileNotFoundError as cause:
            raise DataError(f"{self.url}: there is no such file.") from cause
        except _DAMAGE as cause:
            raise DataError(f"{where} cannot be read ({type(cause).__name__}). Get the file again.") from cause
        return values

    def _check(self, found: Any, where: str) -> None:
        if not isinstance(found, h5py.Dataset) or found.dtype.kind not in "biuf":
            raise DataError(f"{where} is no array of numbers. Get the file again.")
        if found.is_virtual or found.external:
            raise DataError(f"{where} keeps its values in another file, which is not opened.")
        sides = (found.shape, found.chunks or ())
        if any(math.prod(map(int, shape)) * found.dtype.itemsize > LARGEST for shape in sides):
            raise DataError(f"{where} declares {list(found.shape)} {found.dtype}, more than {LARGEST >> 20} MB.")

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_file": None}
