"""From the raw values of a benchmark to the scale that a model was trained on.

Two ways, never mixed: the statistics of the model's specifications ("pretrained"), or those that the publisher of the
benchmark measured ("dataset"). Absent values are 0 afterwards, whatever the way. A statistic that is not there, or a
value in a unit that the model was not trained on, is an error and not a guess.
"""

# C bands
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from olmoearth_core.choice import one_of
from olmoearth_core.data.fill import Fill
from olmoearth_core.data.normalize import Normalizer
from olmoearth_core.data.sample import Sample
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.evaluate import norm_methods, profile
from olmoearth_core.features.embed import Scale
from olmoearth_core.interfaces.evaluation import Opened
from olmoearth_core.interfaces.modality import ModalitySpec, Statistics

if TYPE_CHECKING:
    from olmoearth_core.interfaces.evaluation import Task

KINDS = ("pretrained", "dataset")


def scale_of(task: Task, opened: Opened, specs: Sequence[ModalitySpec], *, fill: Fill, profile_name: str) -> Scale:
    """Return what brings samples of a benchmark to a scale.

    Raises:
        ConfigError: a normalisation that does not exist, or one for which this benchmark publishes nothing.
    """
    one_of(task.normalization, KINDS, "normalization")
    by_name = {spec.name: spec for spec in specs}
    if task.normalization == "pretrained":
        strict = profile_name == profile.DEFAULT
        return _Pretrained(by_name, opened, task.benchmark.name, fill, strict)
    norm_methods.checked(task.norm_method)
    if not opened.statistics:
        raise ConfigError(
            f'normalization = "dataset", but {task.benchmark.name} publishes no statistics. Use "pretrained".'
        )
    return _Published(by_name, opened, task.benchmark.name, task.norm_method)


@dataclass(frozen=True)
class _Pretrained:
    """Scale by the statistics of the specifications, as in pretraining."""

    specs: dict[str, ModalitySpec]
    opened: Opened
    benchmark: str
    fill: Fill
    strict: bool
    made: dict[str, Normalizer] = field(default_factory=dict)

    def __call__(self, sample: Sample) -> Sample:
        arrays, presence = {}, {}
        for name, values in sample.arrays.items():
            if name not in self.made:
                self.made[name] = self._normalizer(name)
            done, presence[name] = self.made[name].complete(name, values, sample.presence[name])
            arrays[name] = after(self.opened, name, done)
        return replace(sample, arrays=arrays, presence=presence)

    def _normalizer(self, name: str) -> Normalizer:
        if self.strict and name in self.opened.foreign:
            raise DataError(
                f"{self.benchmark}: its {name} is {self.opened.foreign[name]}, which the statistics of pretraining do "
                f'not describe. Set normalization = "dataset" for this task.'
            )
        return Normalizer([self.specs[name]], fill=self.fill)


@dataclass(frozen=True)
class _Published:
    """Scale by the statistics of the benchmark."""

    specs: dict[str, ModalitySpec]
    opened: Opened
    benchmark: str
    method: str
    made: dict[str, tuple[norm_methods.Columns, np.ndarray]] = field(default_factory=dict)

    def __call__(self, sample: Sample) -> Sample:
        arrays = {}
        for name, values in sample.arrays.items():
            if name not in self.made:
                self.made[name] = self._columns(name)
            columns, known = self.made[name]
            there = sample.presence[name]
            if not known.all() and bool((np.broadcast_to(there, values.shape) & ~known).any()):
                self._refuse(name, known)
            done = norm_methods.apply(self.method, values, columns).astype(np.float32)
            np.copyto(done, 0.0, where=~there)
            arrays[name] = after(self.opened, name, done)
        return replace(sample, arrays=arrays)

    def _columns(self, name: str) -> tuple[norm_methods.Columns, np.ndarray]:
        bands = self.opened.statistics.get(name, {})
        found = [bands.get(band, Statistics(0.0, 1.0, 0.0, 1.0)) for band in self.specs[name].band_order]
        known = np.array([band in bands for band in self.specs[name].band_order])
        return norm_methods.Columns.of(found), known

    def _refuse(self, name: str, known: np.ndarray) -> None:
        order = self.specs[name].band_order
        lacking = [band for band, there in zip(order, known, strict=True) if not there]
        raise DataError(
            f"{self.benchmark}: no published statistics for {', '.join(lacking)} of {name}, which its samples have. "
            f'Use normalization = "pretrained".'
        )


def after(opened: Opened, name: str, values: np.ndarray) -> np.ndarray:
    """Apply a profile's quirk, if there is one."""
    return values if opened.after_scale is None else opened.after_scale(name, values)
