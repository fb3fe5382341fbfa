"""Land cover per patch, from a map that comes with an H5 data set.

What the model may look at is decided here: by default the modalities that vary in space *and* time, that is, the
observations. Maps are never shown unless `input_modalities` names them, and the map that gives the labels is never
shown at all, whatever is named: a model that is fed the answer has nothing to prove.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from olmoearth_benchmarks.labels import COLOURS, FolderMaps, LabelMaps, ModalityMaps, majority
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.evaluate.lazy import Lazy
from olmoearth_core.interfaces.evaluation import ALL, Benchmark, Context, LabelledSample, Opened, TaskType

if TYPE_CHECKING:
    from olmoearth_core.data.dataset import OlmoEarthDataset
    from olmoearth_core.data.sample import Sample
    from olmoearth_core.interfaces.modality import ModalitySpec

_STEPS = 12
_METERS_PER_DEGREE = 111_320.0


def land_cover(
    *,
    label_modality: str | None = "worldcover",
    labels_dir: str | None = None,
    h5py_dir: str | None = None,
    input_modalities: list[str] | None = None,
    site: str | None = None,
    patch_size: int = 4,
    window: int = 16,
    windows_per_sample: int = 4,
    max_samples: int | None = None,
    purity: float = 0.6,
    block_meters: float = 2560.0,
    seed: int = 0,
) -> Benchmark:
    """Tell the land cover of each patch from its features.

    label_modality: class map in the sample files; null = the labels folder. labels_dir: that folder; null = `labels`
    inside the data set. h5py_dir: the data set; null = the run's. input_modalities: what the model sees; null = all
    it knows that vary in space and time. site: only samples of this site. patch_size, window: pixels of the 10 m grid.
    windows_per_sample, max_samples: how many windows of how many files, drawn with `seed`; null = all files.
    purity: share of a patch that its class must fill. block_meters: side of the squares that a split never cuts;
    0 = every sample file is a block of its own.
    """
    if patch_size < 1 or window < 1 or window % patch_size:
        raise ConfigError(f"land_cover: window must be a multiple of patch_size, got {window} and {patch_size}.")
    if not 0 < purity <= 1 or windows_per_sample < 1:
        raise ConfigError(
            f"land_cover: purity must be above 0 and at most 1, windows_per_sample at least 1; "
            f"got {purity} and {windows_per_sample}."
        )
    return _LandCover(
        label_modality, labels_dir, h5py_dir, input_modalities, site, patch_size, window, windows_per_sample,
        max_samples, purity, block_meters, seed,
    )  # fmt: skip


@dataclass
class _LandCover:
    label_modality: str | None
    labels_dir: str | None
    h5py_dir: str | None
    input_modalities: Sequence[str] | None
    site: str | None
    patch_size: int
    window: int
    windows_per_sample: int
    max_samples: int | None
    purity: float
    block_meters: float
    seed: int
    name: str = "land_cover"
    task_type: TaskType = "segmentation"
    primary_metric: str = "macro_f1"

    @property
    def colours(self) -> tuple[str, ...]:
        """One colour per class, for pictures; empty where none are usual."""
        return COLOURS.get(self.label_modality or "", ())

    def open(self, specs: Sequence[ModalitySpec], *, context: Context) -> Opened:
        """List labelled windows; their pixels are read when they are indexed."""
        dataset = self._open(self._inputs(specs), context)
        maps = self._maps(dataset)
        windows = list(self._chosen(dataset, maps))

        def read(window: _Window) -> LabelledSample:
            side = self.window
            sample = dataset.window(
                window.index, top=window.top, left=window.left, height=side, width=side, start_step=0, steps=_STEPS
            )
            return LabelledSample(_only_present(sample), window.label, window.block, f"sample_{window.index}")

        return Opened({ALL: Lazy(read, windows)}, maps.classes, source="land cover of H5 samples")

    def _chosen(self, dataset: OlmoEarthDataset, maps: LabelMaps) -> Iterator[_Window]:
        blocks = self._blocks(dataset)
        count = 0
        for place in np.random.default_rng(self.seed).permutation(len(dataset.indices)):
            index = int(dataset.indices[place])
            if count == self.max_samples:
                return
            if self.site and maps.site(index) != self.site:
                continue
            labels = maps.read(index)
            if labels is not None:
                count += 1
                yield from self._windows(index, labels, blocks[place])

    def _inputs(self, specs: Sequence[ModalitySpec]) -> list[ModalitySpec]:
        wanted = self.input_modalities
        chosen = [s for s in specs if (s.kind == "space_time" if wanted is None else s.name in wanted)]
        chosen = [s for s in chosen if s.name != self.label_modality]
        if not any(s.spatial for s in chosen):
            raise DataError(
                f"land_cover: of the model's modalities ({', '.join(s.name for s in specs)}) none is left to look at. "
                f"Name some in input_modalities; the label map {self.label_modality} cannot be one of them."
            )
        return chosen

    def _open(self, inputs: Sequence[ModalitySpec], context: Context) -> OlmoEarthDataset:
        from olmoearth_core.data.dataset import OlmoEarthDataset
        from olmoearth_core.data.folder import find

        run: OlmoEarthDataset | None = context.dataset
        folder = self.h5py_dir or (run.h5py_dir if run is not None else None)
        if folder is None:
            raise ConfigError("land_cover: there is no data set. Give h5py_dir, or evaluate a run that has one.")
        # Only inputs are opened: what a model may not see is never read.
        stored = find(folder).columns()
        there = [s for s in inputs if s.name in stored or s.derived_from in stored]
        dataset = OlmoEarthDataset(folder, there, normalize=False)
        dataset.prepare()
        return dataset

    def _maps(self, dataset: OlmoEarthDataset) -> LabelMaps:
        if self.label_modality is not None:
            return ModalityMaps(dataset, self.label_modality)
        return FolderMaps(self.labels_dir or f"{dataset.h5py_dir}/labels")

    def _blocks(self, dataset: OlmoEarthDataset) -> list[str]:
        """Name the square in which each sample of the data set lies."""
        if self.block_meters <= 0 or dataset.latlons is None:
            return [f"file {index}" for index in dataset.indices]
        lat, lon = np.asarray(dataset.latlons, dtype=np.float64).T
        rows = np.floor(lat * _METERS_PER_DEGREE / self.block_meters).astype(int)
        # Metres per degree of longitude at the row's own latitude, so that squares of one row have one width.
        width = _METERS_PER_DEGREE * np.cos(np.radians(rows * self.block_meters / _METERS_PER_DEGREE)).clip(1e-3)
        columns = np.floor(lon * width / self.block_meters).astype(int)
        return [f"{row}/{column}" for row, column in zip(rows, columns, strict=True)]

    def _windows(self, index: int, labels: np.ndarray, block: str) -> Iterator[_Window]:
        side = self.window
        rows, columns = labels.shape[0] // side, labels.shape[1] // side
        order = np.random.default_rng((self.seed, index)).permutation(rows * columns)
        for cell in order[: self.windows_per_sample]:
            top, left = int(cell) // columns * side, int(cell) % columns * side
            label = majority(labels[top : top + side, left : left + side], self.patch_size, self.purity)
            if (label >= 0).any():
                yield _Window(index, top, left, label, block)


@dataclass(frozen=True)
class _Window:
    """Where a sample lies: number of its file, its corner in pixels, its labels, its block."""

    index: int
    top: int
    left: int
    label: np.ndarray
    block: str


def _only_present(sample: Sample) -> Sample:
    """Leave out modalities that this sample lacks altogether: no tokens are better than tokens of nothing."""
    here = [name for name, presence in sample.presence.items() if presence.any()]
    arrays = {name: sample.arrays[name] for name in here}
    return replace(sample, arrays=arrays, presence={name: sample.presence[name] for name in here})
