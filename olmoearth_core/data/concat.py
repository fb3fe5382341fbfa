"""Several data sets read as one, in the order given.

Samples are numbered through; everything the loader asks of a data set is forwarded to the part that holds it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from olmoearth_core.data.dataset import Crop, Extent, OlmoEarthDataset
from olmoearth_core.data.sample import Sample
from olmoearth_core.errors import ConfigError


class ConcatDataset:
    """Data sets with the same training modalities, one behind the other.

    indices: 0 … n-1 over all parts, after `prepare`.
    """

    def __init__(self, parts: Sequence[OlmoEarthDataset]) -> None:
        """Keep the parts; touches no disk.

        Raises:
            ConfigError: there is no part, or modalities or longest sequence differ.
        """
        if not parts:
            raise ConfigError("a concatenation needs at least one data set.")
        self.parts = tuple(parts)
        self.max_sequence_length = parts[0].max_sequence_length
        wanted = [spec.name for spec in parts[0].specs]
        for part in parts[1:]:
            names = [spec.name for spec in part.specs]
            if names != wanted or part.max_sequence_length != self.max_sequence_length:
                raise ConfigError(
                    f"{part.h5py_dir} is read as {', '.join(names)} with {part.max_sequence_length} steps, but "
                    f"{parts[0].h5py_dir} as {', '.join(wanted)} with {self.max_sequence_length}. Both must be alike."
                )
        self.h5py_dir = " + ".join(part.h5py_dir for part in parts)

    def prepare(self) -> None:
        """Prepare all parts."""
        for part in self.parts:
            part.prepare()
        self.specs = self.parts[0].specs
        self._ends = np.cumsum([len(part) for part in self.parts])
        self.indices = np.arange(self._ends[-1])
        found = [part.latlons for part in self.parts]
        self.latlons = None if any(f is None for f in found) else np.concatenate([f for f in found if f is not None])

    def __len__(self) -> int:
        """Return how many samples the parts have together."""
        return len(self.indices)

    def fingerprint(self) -> str:
        """SHA-256 of the parts' fingerprints, as the reference forms it."""
        return hashlib.sha256("".join(part.fingerprint() for part in self.parts).encode()).hexdigest()

    @property
    def identity(self) -> str:
        """SHA-256 over everything that decides which samples there are, in which order."""
        return hashlib.sha256("".join(part.identity for part in self.parts).encode()).hexdigest()

    @property
    def tile_size(self) -> int:
        """Side of the smallest part's samples in grid pixels."""
        return min(part.tile_size for part in self.parts)

    def locate(self, index: int) -> tuple[OlmoEarthDataset, int]:
        """Return the part that holds a sample, and the number of its H5 file there. Negative counts from the end."""
        count = len(self)
        if not -count <= index < count:
            raise IndexError(f"sample {index} of {count}")
        index %= count
        number = int(np.searchsorted(self._ends, index, side="right"))
        part = self.parts[number]
        return part, int(part.indices[index - self._ends[number] + len(part)])

    def path(self, index: int) -> str:
        """URL of a sample's file."""
        part, file = self.locate(index)
        return part.path(file)

    def extent(self, index: int) -> Extent:
        """Open a sample and return its size."""
        part, file = self.locate(index)
        return part.extent(file)

    def sample(self, index: int, crop: Crop, position: int = 0) -> Sample:
        """Read a crop of a sample; see `OlmoEarthDataset.sample`."""
        part, file = self.locate(index)
        return replace(part.sample(file, crop, position), index=index)

    def window(
        self, index: int, *, top: int, left: int, height: int, width: int, start_step: int, steps: int
    ) -> Sample:
        """Read a given window of a sample; see `OlmoEarthDataset.window`."""
        part, file = self.locate(index)
        found = part.window(file, top=top, left=left, height=height, width=width, start_step=start_step, steps=steps)
        return replace(found, index=index)
