"""The published files of one dataset as a source of samples: one HDF5 file each, read when asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from olmoearth_benchmarks.geobench_v1 import layout
from olmoearth_benchmarks.geobench_v1.sample_file import SUFFIX, Stored, read_sample
from olmoearth_core.data.cache import Cache, Throttle
from olmoearth_core.data.h5 import SampleFile
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import Statistics


class Source(Protocol):
    """One dataset, in the published or in the prepared layout."""

    @property
    def where(self) -> str:
        """Its folder, for messages."""
        ...

    @property
    def names(self) -> frozenset[str]:
        """All samples that are there."""
        ...

    def partition(self, name: str) -> layout.Partition:
        """Return the samples of each split; DataError without such a partition."""
        ...

    def statistics(self) -> dict[str, Statistics]:
        """Return what was measured, by stored band."""
        ...

    def class_names(self, num_classes: int) -> tuple[str, ...]:
        """Return one name per class."""
        ...

    def keys(self, name: str) -> tuple[str, ...]:
        """Return the names of the arrays of a sample."""
        ...

    def read(self, name: str, bands: Sequence[str]) -> Stored:
        """Return one sample with those of the bands that it has; DataError with its file."""
        ...


@dataclass(frozen=True)
class Published:
    """The files as they are published. dense: labels are arrays."""

    folder: layout.Folder
    dense: bool
    names: frozenset[str] = field(init=False)
    _cache: Cache = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names = (name.removesuffix(SUFFIX) for name in self.folder.names if name.endswith(SUFFIX))
        object.__setattr__(self, "names", frozenset(names))
        object.__setattr__(self, "_cache", Cache(None, Throttle(None)))

    @property
    def where(self) -> str:
        """The folder."""
        return self.folder.url

    def partition(self, name: str) -> layout.Partition:
        """Read `<name>_partition.json`."""
        return layout.read_partition(self.folder, name)

    def statistics(self) -> dict[str, Statistics]:
        """Read `band_stats.json`."""
        return layout.read_statistics(self.folder)

    def class_names(self, num_classes: int) -> tuple[str, ...]:
        """Read `task_specs.pkl`, as data."""
        return layout.read_class_names(self.folder, num_classes)

    def keys(self, name: str) -> tuple[str, ...]:
        """List the arrays of a sample file."""
        with SampleFile(self._local(name)) as file:
            return tuple(file.names)

    def read(self, name: str, bands: Sequence[str]) -> Stored:
        """Read a sample file."""
        return read_sample(self._local(name), bands, dense=self.dense, name=self.folder.of(f"{name}{SUFFIX}"))

    def partitions(self) -> Iterator[str]:
        """Name all partitions, in order."""
        yield from sorted(n.removesuffix(layout.PARTITION) for n in self.folder.names if n.endswith(layout.PARTITION))

    def _local(self, name: str) -> str:
        if name not in self.names:
            raise DataError(f"{self.folder.of(name + SUFFIX)}: there is no such file.")
        return self._cache.local(self.folder.of(f"{name}{SUFFIX}"))
