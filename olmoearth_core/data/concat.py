"""Several data sets read as one, in the order given, some more often than others.

Samples are numbered through; everything the loader asks of a data set is forwarded to the part that holds it. A part's
weight is how often each of its samples is visited in one pass: 2 = twice, 0.5 = every other one, 1.5 = half of them
twice. Which ones, `seed` decides; they stay the same in all epochs, so that a run can be resumed and repeated.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from olmoearth_core.data.dataset import Crop, Extent, OlmoEarthDataset
from olmoearth_core.data.sample import Sample
from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.dataset import Dataset
from olmoearth_core.interfaces.settings import Remark, checked_by


class ConcatDataset:
    """Data sets with the same training modalities, one behind the other.

    weights: visits of each of a part's samples per pass; None = 1 for all. seed: chooses samples for what is left
    beside whole visits. indices: 0 … n-1 over all visits, after `prepare`.
    """

    indices: np.ndarray
    latlons: np.ndarray | None

    def __init__(
        self, parts: Sequence[OlmoEarthDataset], *, weights: Sequence[float] | None = None, seed: int = 0
    ) -> None:
        """Keep the parts; touches no disk.

        Raises:
            ConfigError: there is no part, or modalities or longest sequence differ.
        """
        if not parts:
            raise ConfigError("a concatenation needs at least one data set.")
        self.parts = tuple(parts)
        self.weights = (1.0,) * len(parts) if weights is None else tuple(map(float, weights))
        if len(self.weights) != len(parts) or any(not 0 < weight < np.inf for weight in self.weights):
            raise ConfigError(f"weights {self.weights}: expected {len(parts)} numbers above 0, one per data set.")
        self._seed = seed
        self.specs = parts[0].specs
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
        visits = [self._visits(number) for number in range(len(self.parts))]
        self._part = np.repeat(np.arange(len(visits)), [len(v) for v in visits])
        self._place = np.concatenate(visits)
        if len(self._place) == 0:
            raise ConfigError(f"weights {self.weights}: no sample of any part is visited. Raise them.")
        self.indices = np.arange(len(self._place))
        found = [p.latlons[v] for p, v in zip(self.parts, visits, strict=True) if p.latlons is not None]
        self.latlons = np.concatenate(found) if len(found) == len(self.parts) else None

    def _visits(self, number: int) -> np.ndarray:
        """Places of a part's samples in one pass."""
        count, weight = len(self.parts[number]), self.weights[number]
        whole = np.tile(np.arange(count), int(weight))
        some = round((weight - int(weight)) * count)
        return np.concatenate([whole, np.sort(np.random.default_rng([self._seed, number]).permutation(count)[:some])])

    def __len__(self) -> int:
        """Return how many samples the parts have together."""
        return len(self.indices)

    def fingerprint(self) -> str:
        """SHA-256 of the parts' fingerprints, as the reference forms it."""
        return hashlib.sha256("".join(part.fingerprint() for part in self.parts).encode()).hexdigest()

    @property
    def identity(self) -> str:
        """SHA-256 over everything that decides which samples there are, in which order."""
        text = "".join(part.identity for part in self.parts)
        if set(self.weights) != {1.0}:
            text += f" {self.weights} {self._seed}"
        return hashlib.sha256(text.encode()).hexdigest()

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
        part = self.parts[int(self._part[index])]
        return part, int(part.indices[self._place[index]])

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


def _judge(settings: Mapping[str, Any]) -> Iterator[Remark]:
    parts = settings["parts"] or {}
    if not parts:
        yield Remark("parts", "a concatenation needs at least one data set, such as  europe = data/europe")
    for key in ("weights", "filter_idx_files"):
        for name in settings[key] or {}:
            if name not in parts:
                yield Remark(key, f'there is no part "{name}"; known: {", ".join(parts)}')
    for name, weight in (settings["weights"] or {}).items():
        if not 0 < weight < float("inf"):
            yield Remark("weights", f"{name} = {weight}: expected a number above 0")


@checked_by(_judge)
def concat(
    *,
    parts: dict[str, str],
    training_modalities: list[str],
    weights: dict[str, float] | None = None,
    filter_idx_files: dict[str, str] | None = None,
    normalize: bool = True,
    stats: str | None = None,
    cache_dir: str | None = None,
    cache_limit_gb: float | None = None,
    samples_per_sec: float | None = None,
    dataset_percentage: float = 1.0,
    seed: int = 0,
    max_sequence_length: int = 12,
) -> Dataset:
    """Read several folders of samples as one data set.

    parts: name -> folder or URL, in the order of numbering. training_modalities: what the model learns from.
    weights: name -> visits of each sample per pass (2 = twice, 0.5 = half of them); a part that is not named has 1.
    filter_idx_files: name -> .npy with the file numbers to keep of that part.
    normalize, stats, cache_dir, cache_limit_gb, samples_per_sec, dataset_percentage, seed, max_sequence_length: of each
    part, as for `olmoearth.h5.v1`; `seed` also chooses the samples of broken weights.
    """
    filters = filter_idx_files or {}
    made = [
        OlmoEarthDataset(
            folder,
            training_modalities,
            normalize=normalize,
            stats=stats,
            cache_dir=cache_dir,
            cache_limit_gb=cache_limit_gb,
            samples_per_sec=samples_per_sec,
            dataset_percentage=dataset_percentage,
            seed=seed,
            filter_idx_file=filters.get(name),
            max_sequence_length=max_sequence_length,
        )
        for name, folder in parts.items()
    ]
    return ConcatDataset(made, weights=[(weights or {}).get(name, 1.0) for name in parts], seed=seed)
