"""The H5 data set: which samples there are, and one crop or window of one of them.

Constructing touches no disk; `prepare` finds the folder, reads the table of samples and checks that every
statistic is there. A sample is named by the number of its file, as in `indices`.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import fsspec
import numpy as np

from olmoearth_core import lookup
from olmoearth_core.data.cache import Cache, Throttle
from olmoearth_core.data.folder import METADATA, Folder, find
from olmoearth_core.data.h5 import LATLON, MissingFile, SampleFile
from olmoearth_core.data.normalize import Normalizer, choose, override, strays
from olmoearth_core.data.npy import read_npy
from olmoearth_core.data.sample import Sample
from olmoearth_core.data.window import Scene, Source, Window, read, survey
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.interfaces.dataset import Dataset
from olmoearth_core.interfaces.modality import ModalitySpec, Normalization
from olmoearth_core.interfaces.settings import Remark, checked_by

log = logging.getLogger(__name__)
Pick = Callable[[str, int], int]
"""pick("top", n): one of 0 … n-1, for a purpose."""
Scatter = Callable[[str, int, int], np.ndarray]
"""scatter("rows", n, k): k distinct ones of 0 … n-1 in any order, for a purpose."""
_DTYPES: dict[str, type[np.floating[Any]]] = {"float32": np.float32, "float16": np.float16}
_PROBES = 16


def centre(purpose: str, n: int) -> int:
    """Pick the middle one: for looking at data without chance."""
    return (n - 1) // 2


@dataclass(frozen=True)
class Crop:
    """What is cut out of each sample of a batch.

    patch_size: grid pixels along a patch's side. patches: patches along the crop's side; None = the whole sample.
    steps: time steps. pick: decides start step, top row and left column, asked in this order.
    scatter: decides rows and then columns of patches, which need not be neighbours; None = one square of them.
    """

    patch_size: int
    patches: int | None
    steps: int
    pick: Pick = centre
    scatter: Scatter | None = None


@dataclass(frozen=True)
class Extent:
    """Size of a sample: grid pixels, and time steps from the first to the last that any modality has."""

    height: int
    width: int
    steps: int


class OlmoEarthDataset:
    """Samples in the reference's H5 format, on disk or behind any fsspec URL.

    h5py_dir: folder of the data set, or one above it. After `prepare` it is the innermost one.
    training_modalities: names in any case, or specs; their order is the declaration order everywhere.
    dtype: of the arrays. normalize: whether to bring values to the model's scale.
    normalization: modality -> computed | standard | predefined | none, instead of the one of its specification (null).
    stats: JSON file with statistics that replace those of the modalities.
    cache_dir: folder for local copies. cache_limit_gb: size (10^9 bytes) at which the copies used longest ago go.
    samples_per_sec: limit of reads per second and process.
    dataset_percentage: share of samples to keep, chosen by `seed`. filter_idx_file: .npy with file numbers to keep.
    max_sequence_length: most time steps of a crop.
    """

    def __init__(
        self,
        h5py_dir: str,
        training_modalities: Sequence[str | ModalitySpec],
        *,
        dtype: str = "float32",
        normalize: bool = True,
        normalization: Mapping[str, Normalization | None] | None = None,
        stats: str | None = None,
        cache_dir: str | None = None,
        cache_limit_gb: float | None = None,
        samples_per_sec: float | None = None,
        dataset_percentage: float = 1.0,
        seed: int = 0,
        filter_idx_file: str | None = None,
        max_sequence_length: int = 12,
    ) -> None:
        """Keep the options; look up the modalities."""
        if dtype not in _DTYPES:
            raise ConfigError(f"dataset.dtype = {dtype!r}: expected one of {', '.join(_DTYPES)}.")
        if not 0 < dataset_percentage <= 1:
            raise ConfigError(
                f"dataset.dataset_percentage = {dataset_percentage}: expected a share above 0, at most 1."
            )
        self.h5py_dir = str(h5py_dir)
        self._kinds = dict(normalization or {})
        self.specs = choose(lookup.modalities(training_modalities), self._kinds)
        self.max_sequence_length = max_sequence_length
        self._dtype = _DTYPES[dtype]
        self._normalize, self._stats = normalize, stats
        self._share, self._seed, self._filter = dataset_percentage, seed, filter_idx_file
        most = None if cache_limit_gb is None else int(cache_limit_gb * 1e9)
        self._cache = Cache(cache_dir, Throttle(samples_per_sec), most)
        self._folder: Folder | None = None
        if not any(spec.spatial for spec in self.specs):
            names = ", ".join(spec.name for spec in self.specs) or "none"
            raise ConfigError(f"dataset.training_modalities holds no spatial modality (found: {names}). Add one.")

    def prepare(self) -> None:
        """Find the data set, choose its samples, load statistics. Idempotent.

        Raises:
            DataError: no data set, an incomplete one, nothing left after the filters, or a missing statistic.
        """
        if self._folder is not None:
            return
        if self._stats is not None:
            self.specs = choose(override(self.specs, self._stats), self._kinds)
        self._normalizer = Normalizer(self.specs, enabled=self._normalize)
        self._sources = tuple(map(_source, self.specs))
        found = find(self.h5py_dir)
        self.indices = self._chosen(found)
        latlons = found.latlons()
        self._all_latlons = None if latlons is None else latlons.astype(np.float32)
        self.latlons = None if latlons is None else latlons[self.indices]
        self._folder, self.h5py_dir = found, found.url

    def __len__(self) -> int:
        """Return how many samples are used."""
        self._ready()
        return len(self.indices)

    def fingerprint(self) -> str:
        """Return the reference's identity of this data set (it leaves out modalities, share and seed)."""
        return self._ready().fingerprint(self._dtype, self._filter)

    @property
    def identity(self) -> str:
        """SHA-256 over everything that decides which samples there are, in which order."""
        chosen = hashlib.sha256(np.ascontiguousarray(self.indices, np.int64).tobytes()).hexdigest()
        text = f"{self.fingerprint()} {chosen} {','.join(s.name for s in self.specs)} {self.max_sequence_length}"
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def tile_size(self) -> int:
        """Side of a sample in grid pixels: from the folder's name, else from the first sample that can be read."""
        found = self._ready()
        if found.tile_size is not None:
            return found.tile_size
        for index in self.indices[:_PROBES]:
            try:
                extent = self.extent(int(index))
            except DataError as error:
                log.warning("%s", error)
                continue
            return min(extent.height, extent.width)
        raise DataError(f"{found.url}: none of the first {_PROBES} samples can be read, so their size is not known.")

    def path(self, index: int) -> str:
        """URL of a sample's file."""
        return self._ready().sample(index)

    def extent(self, index: int) -> Extent:
        """Open a sample and return its size."""
        with self._open(index) as file:
            scene = survey(file, self._sources)
        return Extent(scene.height, scene.width, scene.axis.length)

    def sample(self, index: int, crop: Crop, position: int = 0) -> Sample:
        """Read a crop of a sample.

        index: number of the H5 file. position: place in the epoch's order, handed on to the sample.

        Raises:
            DataError: the file is unreadable, does not fit the modalities, or is smaller than the crop.
        """
        with self._open(index) as file:
            scene = survey(file, self._sources)
            return self._sample(scene, _choose(scene, crop), index, position)

    def window(
        self, index: int, *, top: int, left: int, height: int, width: int, start_step: int, steps: int
    ) -> Sample:
        """Read a given window of a sample: grid pixels, and rows of its time axis (rows past the end are absent)."""
        with self._open(index) as file:
            scene = survey(file, self._sources)
            return self._sample(scene, Window(top, left, height, width, start_step, steps), index, 0)

    def _sample(self, scene: Scene, cut: Window, index: int, position: int) -> Sample:
        arrays, presence = read(scene, cut, self._sources, self._normalizer, self._dtype)
        timestamps = scene.axis.window_timestamps(cut.start, cut.steps)
        return Sample(arrays, presence, timestamps, self._latlon(scene.file, index), index, position)

    def _latlon(self, file: SampleFile, index: int) -> np.ndarray:
        if self._all_latlons is not None:
            return np.asarray(self._all_latlons[index])
        return np.asarray(file.whole(LATLON), np.float32)

    def _open(self, index: int) -> SampleFile:
        url = self._ready().sample(index)
        try:
            return SampleFile(self._cache.local(url))
        except MissingFile:
            # Another process may have cleared the copy away between the two calls.
            return SampleFile(self._cache.local(url))

    def _ready(self) -> Folder:
        if self._folder is None:
            raise DataError(f"dataset.h5py_dir = {self.h5py_dir}: the data set is not open. Call prepare() first.")
        return self._folder

    def _chosen(self, found: Folder) -> np.ndarray:
        indices = np.arange(found.count)
        timed = [source for source in self._sources if source.origin.kind == "space_time" and source.origin.parsed]
        if timed:
            columns = found.columns()
            indices = indices[_with_data(found, columns, [source.origin.name for source in timed])]
        else:
            log.warning("no training modality varies in space and time: every sample of %s is used", found.url)
        if self._filter is not None:
            indices = indices[np.isin(indices, _kept(self._filter))]
        if self._share < 1:
            count = int(len(indices) * self._share)
            indices = np.random.default_rng(self._seed).choice(indices, count, replace=False)
        if len(indices) == 0:
            raise DataError(
                f"{found.url}: none of its {found.count} samples is left after the filters (a space-time training "
                f"modality, filter_idx_file, dataset_percentage)."
            )
        return indices


def _judge(settings: Mapping[str, Any]) -> Iterator[Remark]:
    for fault in strays(settings["normalization"] or {}, settings["training_modalities"]):
        yield Remark("normalization", fault)


@checked_by(_judge)
def h5(
    *,
    h5py_dir: str,
    training_modalities: list[str],
    dtype: Literal["float32", "float16"] = "float32",
    normalize: bool = True,
    normalization: dict[str, Normalization | None] | None = None,
    stats: str | None = None,
    cache_dir: str | None = None,
    cache_limit_gb: float | None = None,
    samples_per_sec: float | None = None,
    dataset_percentage: float = 1.0,
    seed: int = 0,
    filter_idx_file: str | None = None,
    max_sequence_length: int = 12,
) -> Dataset:
    """Read samples in the H5 format of the OlmoEarth pretraining sets.

    h5py_dir: folder of the data set (or one above it), a path or URL.
    training_modalities: what the model learns from, in declaration order.
    dtype: of the arrays. normalize: bring values to the model's scale; false only for measuring statistics.
    normalization: by modality: computed (mean -/+ 2 deviations = 0..1), standard (mean 0, deviation 1), predefined or
    none, instead of the one of its specification (null).
    stats: JSON file with statistics that replace those of the modalities.
    cache_dir: folder for local copies of samples. cache_limit_gb: its size at which the copies used longest ago go.
    samples_per_sec: limit of reads per second and loader process.
    dataset_percentage: share (0…1] of samples, chosen by `seed`. filter_idx_file: .npy with file numbers to keep.
    max_sequence_length: most time steps of a crop.
    """
    return OlmoEarthDataset(
        h5py_dir,
        training_modalities,
        dtype=dtype,
        normalize=normalize,
        normalization=normalization,
        stats=stats,
        cache_dir=cache_dir,
        cache_limit_gb=cache_limit_gb,
        samples_per_sec=samples_per_sec,
        dataset_percentage=dataset_percentage,
        seed=seed,
        filter_idx_file=filter_idx_file,
        max_sequence_length=max_sequence_length,
    )


def _choose(scene: Scene, crop: Crop) -> Window:
    try:
        starts = scene.axis.starts(crop.steps)
    except DataError as error:
        raise DataError(f"{scene.file.path}: {error}") from error
    if crop.patches is None:
        start = int(starts[crop.pick("start", len(starts))]) if scene.axis.length > crop.steps else 0
        return Window(0, 0, scene.height, scene.width, start, crop.steps)
    side = crop.patches * crop.patch_size
    if side > min(scene.height, scene.width):
        raise DataError(
            f"{scene.file.path}: the sample has {scene.height} x {scene.width} pixels, smaller than a crop of "
            f"{crop.patches} patches of {crop.patch_size} pixels ({side}). Samples of a data set must be equally large."
        )
    start = int(starts[crop.pick("start", len(starts))])
    if crop.scatter is not None:
        rows = _spread(crop.scatter("rows", scene.height // crop.patch_size, crop.patches), crop.patch_size)
        columns = _spread(crop.scatter("columns", scene.width // crop.patch_size, crop.patches), crop.patch_size)
        return Window(0, 0, side, side, start, crop.steps, rows, columns)
    top = crop.pick("top", scene.height - side + 1)
    left = crop.pick("left", scene.width - side + 1)
    return Window(top, left, side, side, start, crop.steps)


def _spread(patches: np.ndarray, patch_size: int) -> tuple[int, ...]:
    """Grid pixels of patches, in their order."""
    return tuple((np.asarray(patches)[:, None] * patch_size + np.arange(patch_size)).ravel().tolist())


def _source(spec: ModalitySpec) -> Source:
    if spec.derived_from is None:
        return Source(spec, spec)
    (origin,) = lookup.modalities([spec.derived_from])
    return Source(spec, origin, lookup.derivation(spec))


def _with_data(found: Folder, columns: dict[str, np.ndarray], names: Sequence[str]) -> np.ndarray:
    lacking = [name for name in names if name not in columns]
    if lacking:
        raise DataError(
            f"{found.url}/{METADATA}: there is no column for {', '.join(lacking)}. This data set was made from "
            f"{', '.join(columns)}. Take the others out of dataset.training_modalities, or convert the data again."
        )
    with_data: np.ndarray = np.logical_or.reduce([columns[name] for name in names])
    return with_data


def _kept(url: str) -> np.ndarray:
    try:
        with fsspec.open(url, "rb") as stream:
            kept = read_npy(stream)
    except (OSError, ValueError) as cause:
        raise DataError(f"dataset.filter_idx_file = {url}: cannot be read as an .npy array ({cause}).") from cause
    if kept.dtype.kind not in "iu":
        raise DataError(f"dataset.filter_idx_file = {url}: holds {kept.dtype}, expected integer file numbers.")
    return kept
