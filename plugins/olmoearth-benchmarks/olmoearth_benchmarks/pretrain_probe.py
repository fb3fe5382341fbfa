"""A pretraining set as a probe: its maps, predicted from its images.

Inputs are crops of 32 pixels, labels the map under the same pixels, which the model is never shown. Where a crop
lies in its sample depends on the seed and the number of the sample alone.
"""

# H W pixels
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from olmoearth_benchmarks.probe_targets.choice import at_random, by_place, some
from olmoearth_benchmarks.probe_targets.targets import TARGETS, Target
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.evaluate.lazy import Lazy
from olmoearth_core.evaluate.profile import REFERENCE
from olmoearth_core.interfaces.evaluation import ALL, Benchmark, Context, LabelledSample, Opened, TaskType

if TYPE_CHECKING:
    from olmoearth_core.data.dataset import OlmoEarthDataset
    from olmoearth_core.interfaces.modality import ModalitySpec

SIDE, STEPS = 32, 12
DIAGNOSED = 256
"""Samples without a label that diagnostics look at."""


def pretrain_probe(
    *,
    target: str | None = "worldcover",
    h5py_dir: str | None = None,
    split: Literal["random", "geographic"] = "random",
    train_samples: int = 6144,
    valid_samples: int = 3072,
    test_samples: int = 3072,
    label_fraction: float = 1.0,
    input_modalities: list[str] | None = None,
    patch_size: int = 4,
    seed: int = 42,
) -> Benchmark:
    """Predict a map of a pretraining set from its images, per pixel.

    target: worldcover, openstreetmap, srtm, canopy_height, cdl or worldcereal; null = none, for diagnostics of 256
    samples. h5py_dir: the data set; null = the run's. split: "random", or "geographic" = whole squares of 5 degrees.
    train_samples, valid_samples, test_samples: the most of each. label_fraction: share of train_samples, at least 1.
    input_modalities: what the model sees; null = all it knows that vary in space and time.
    patch_size: pixels of the 10 m grid; 32 must be a multiple. seed: of splits and crops.
    """
    if target is not None and target not in TARGETS:
        raise ConfigError(f'pretrain_probe: target is "{target}", expected one of {", ".join(TARGETS)}, or null.')
    if split not in ("random", "geographic"):
        raise ConfigError(f'pretrain_probe: split is "{split}", expected "random" or "geographic".')
    if min(train_samples, valid_samples, test_samples) < 1 or not 0 < label_fraction <= 1:
        raise ConfigError(
            f"pretrain_probe: at least one sample per split and a label_fraction above 0, at most 1, are needed; got "
            f"{train_samples}, {valid_samples}, {test_samples} and {label_fraction}."
        )
    if patch_size < 1 or SIDE % patch_size:
        raise ConfigError(f"pretrain_probe: patch_size is {patch_size}, but crops have {SIDE} pixels, not a multiple.")
    sizes = {"train": max(1, int(train_samples * label_fraction)), "valid": valid_samples, "test": test_samples}
    wanted = None if input_modalities is None else tuple(input_modalities)
    return _Probe(target, h5py_dir, split, sizes, wanted, patch_size, seed)


@dataclass(frozen=True)
class _Probe:
    word: str | None
    h5py_dir: str | None
    split: str
    sizes: Mapping[str, int]
    input_modalities: tuple[str, ...] | None
    patch_size: int
    seed: int
    name: str = field(init=False)
    task_type: TaskType = field(init=False)
    primary_metric: str = field(init=False)

    def __post_init__(self) -> None:
        kind: TaskType = "classification" if self.target is None else self.target.task_type
        metric = {"segmentation": "miou", "regression": "neg_rmse"}.get(kind, "accuracy")
        suffix = "_geographic" if self.split == "geographic" and self.word else ""
        object.__setattr__(self, "name", f"pretrain_{self.word or 'subset'}{suffix}")
        object.__setattr__(self, "task_type", kind)
        object.__setattr__(self, "primary_metric", metric)

    @property
    def target(self) -> Target | None:
        """The map."""
        return None if self.word is None else TARGETS[self.word]

    def open(self, specs: Sequence[ModalitySpec], *, context: Context) -> Opened:
        """List the samples that have the map, and divide them; see `Benchmark.open`."""
        dataset, inputs = self._open(specs, context)
        crops = _Crops(dataset, inputs, self.target, self.seed, context.profile == REFERENCE)
        splits = {name: Lazy(crops.read, rows) for name, rows in self._rows(dataset).items()}
        empty = [name for name, part in splits.items() if not len(part)]
        if empty:
            raise DataError(
                f"{dataset.h5py_dir}: {self.name} finds no samples for {', '.join(empty)}. Ask for fewer "
                f"train_samples, or take a larger data set."
            )
        classes = ("unlabelled",) if self.target is None else self.target.classes
        if self.word == "openstreetmap":
            classes = dataset.specs[-1].band_order
        sizes = "/".join(str(len(part)) for part in splits.values())
        # The publisher's statistics of a pretraining set are those of its modalities.
        table = {spec.name: spec.statistics for spec in dataset.specs if spec.name in inputs}
        return Opened(splits, classes, table, source=f"H5 samples, {self.split} split {sizes}, seed {self.seed}")

    def _rows(self, dataset: OlmoEarthDataset) -> dict[str, np.ndarray]:
        from olmoearth_core.data.folder import find

        if self.target is None:
            return {ALL: some(len(dataset), DIAGNOSED, self.seed)}
        there = find(dataset.h5py_dir).columns().get(self.target.modality)
        if there is None or not (rows := np.flatnonzero(there[dataset.indices])).size:
            raise DataError(f"{dataset.h5py_dir}: no sample has {self.target.modality}, the target of {self.name}.")
        if self.split == "random":
            return {name: rows[at] for name, at in at_random(len(rows), self.sizes, self.seed).items()}
        if dataset.latlons is None:
            raise DataError(f"{dataset.h5py_dir}: there is no latlon_distribution.npy, which a geographic split needs.")
        return {name: rows[at] for name, at in by_place(dataset.latlons[rows], self.sizes, self.seed).items()}

    def _open(self, specs: Sequence[ModalitySpec], context: Context) -> tuple[OlmoEarthDataset, tuple[str, ...]]:
        from olmoearth_core import lookup
        from olmoearth_core.data.dataset import OlmoEarthDataset
        from olmoearth_core.data.folder import find

        folder = self.h5py_dir or (context.dataset.h5py_dir if context.dataset is not None else None)
        if folder is None:
            raise ConfigError(f"{self.name}: there is no data set. Give h5py_dir, or evaluate a run that has one.")
        stored = find(folder).columns()
        hidden = "" if self.target is None else self.target.modality
        wanted = self.input_modalities
        inputs = [
            spec for spec in specs
            if (spec.kind == "space_time" if wanted is None else spec.name in wanted)
            and hidden not in (spec.name, spec.derived_from) and (spec.name in stored or spec.derived_from in stored)
        ]  # fmt: skip
        if not any(spec.spatial for spec in inputs):
            raise DataError(
                f"{self.name}: of the model's modalities ({', '.join(s.name for s in specs)}) none is left to look at. "
                f"The data set has {', '.join(stored)}; the target cannot be an input."
            )
        read = [*inputs, *lookup.modalities([hidden] if hidden else [])]
        dataset = OlmoEarthDataset(folder, read, normalize=False, max_sequence_length=STEPS)
        dataset.prepare()
        return dataset, tuple(spec.name for spec in inputs)


@dataclass(frozen=True)
class _Crops:
    """Crops of samples of a data set."""

    dataset: OlmoEarthDataset
    inputs: tuple[str, ...]
    target: Target | None
    seed: int
    reference: bool

    def read(self, row: int) -> LabelledSample:
        """Read one crop. row: place in the data set's list of samples."""
        from olmoearth_core.data.dataset import Crop

        index = int(self.dataset.indices[row])
        sample = self.dataset.sample(index, Crop(4, SIDE // 4, STEPS, pick=_pick(self.seed, index)))
        arrays = {n: sample.arrays[n] for n in self.inputs if sample.presence[n].any()}
        presence = {n: sample.presence[n] for n in arrays}
        shown = replace(sample, arrays=arrays, presence=presence)
        label = np.zeros((), np.int64)
        if self.target is not None:
            values, there = sample.arrays[self.target.modality], sample.presence[self.target.modality]
            known = np.broadcast_to(there, values.shape)[:, :, 0].all(-1)
            label = self.target.label(values[:, :, 0], np.asarray(known), self.reference)
        places = self.dataset.latlons
        group = "" if places is None else "{:.0f}/{:.0f}".format(*np.floor(places[row] / 5.0))
        return LabelledSample(shown, label, group, f"sample_{index}")


def _pick(seed: int, index: int) -> Any:
    """Return what decides where the crop of a sample lies: the first steps, and a corner of its own."""
    from olmoearth_core.data.random import Draws, key_of

    draws = Draws([key_of(seed, "pretrain_probe", index)])
    return lambda purpose, n: 0 if purpose == "start" else int(draws.array(purpose, 1)[0, 0] * n)
