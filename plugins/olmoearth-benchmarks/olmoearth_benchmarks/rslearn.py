"""Data sets in the format of rslearn, with the dates at which their images were taken.

The reference gives every window the months from September 2022 on; the profile of its name repeats that.
"""

# H W pixels, T steps, C bands
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from olmoearth_benchmarks.dense.images import inputs
from olmoearth_benchmarks.dense.published_files import Folder
from olmoearth_benchmarks.place import folder
from olmoearth_benchmarks.windows import layout, pixels
from olmoearth_benchmarks.windows.split import divided, share
from olmoearth_core.data.sample import Sample
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.evaluate.lazy import Lazy
from olmoearth_core.evaluate.profile import REFERENCE
from olmoearth_core.interfaces.evaluation import (
    About,
    Benchmark,
    Context,
    LabelledSample,
    Opened,
    TaskType,
)
from olmoearth_core.scores import metrics

if TYPE_CHECKING:
    from olmoearth_core.interfaces.modality import ModalitySpec

NAMES = {"sentinel2": "sentinel2_l2a", "sentinel2_l2a": "sentinel2_l2a", "sentinel1": "sentinel1", "landsat": "landsat"}
"""Layer -> modality; words after `_` are dropped until one fits."""
METRICS = {"classification": "accuracy", "segmentation": "miou", "regression": "neg_rmse"}
Kind = Literal["classification", "segmentation", "regression", "scalar_regression"]


def rslearn(
    *,
    root: str | None = None,
    name: str = "rslearn",
    task_type: Kind = "segmentation",
    classes: list[str] | None = None,
    label_layer: str = "label",
    label_property: str = "label",
    ignore_value: int | None = None,
    input_modalities: list[str] | None = None,
    split_key: str = "eval_split",
    label_fraction: float = 1.0,
    patch_size: int = 4,
    primary_metric: str | None = None,
) -> Benchmark:
    """Learn the label of windows of an rslearn data set: a class or a number, per pixel or per window.

    root: folder with config.json; null = the environment variable RSLEARN_EVAL_DIR. name: of the rows of results.
    classes: names in the order of their numbers, needed except for regressions. label_layer: a raster of one band for
    labels per pixel, a vector layer for labels per window, which lie in `label_property` of its first feature (a class
    by its name or number). ignore_value: of pixels without a label, besides the no-data value of the file.
    input_modalities: sentinel2_l2a, sentinel1, landsat; null = all that the data set has and the model knows.
    split_key: the option that holds train, val or test. label_fraction: share of the training windows. patch_size:
    pixels of a window. primary_metric: null = accuracy, miou or neg_rmse, whichever fits.
    """
    if task_type not in (*METRICS, "scalar_regression"):
        raise ConfigError(
            f'rslearn: task_type is "{task_type}", expected one of {", ".join(METRICS)}, scalar_regression.'
        )
    named, regression = tuple(classes or ()), task_type.endswith("regression")
    if named and (regression or len(set(named)) < max(2, len(named))):
        raise ConfigError(
            f"rslearn: {task_type} with classes {list(named)}. A regression has none, else two different ones or more."
        )
    if patch_size < 1 or not 0 < label_fraction <= 1:
        raise ConfigError(
            f"rslearn: patch_size must be at least 1 and label_fraction above 0, at most 1; got {patch_size} and "
            f"{label_fraction}."
        )
    wanted = None if input_modalities is None else tuple(input_modalities)
    label = Label(label_layer, label_property, ignore_value, task_type, named)
    metric = primary_metric or METRICS.get(task_type, "neg_rmse")
    metrics.checked(metric, metrics.names(task_type, len(named)), where="rslearn: primary_metric")
    return _Windows(root, name, label, wanted, split_key, label_fraction, patch_size, metric)


@dataclass(frozen=True)
class Label:
    """What the label of a window is: see the factory."""

    layer: str
    key: str
    ignore_value: int | None
    task_type: TaskType
    classes: tuple[str, ...]

    @property
    def dense(self) -> bool:
        """Whether there is one per pixel."""
        return self.task_type in ("segmentation", "regression")

    def of(self, folder: Folder, window: layout.Window, layer: layout.Layer) -> np.ndarray:
        """Read the label of a window."""
        if self.dense:
            return self._image(*pixels.label_raster(folder, window, layer), where=f"{window.group}/{window.name}")
        value = pixels.label_property(folder, window, layer, self.key)
        if self.task_type == "scalar_regression":
            return np.asarray(value if isinstance(value, int | float) else np.nan, np.float32)
        if isinstance(value, str) and value in self.classes:
            return np.asarray(self.classes.index(value), np.int64)
        if type(value) is int and 0 <= value < len(self.classes):
            return np.asarray(value, np.int64)
        raise DataError(
            f"{folder.url}/{window.group}/{window.name}: {self.key} of {self.layer} is {value!r:.60}, expected one of "
            f"{', '.join(self.classes)}."
        )

    def _image(self, image_HW: np.ndarray, nodata: float | None, *, where: str) -> np.ndarray:
        invalid = ~np.isfinite(image_HW)
        for value in (nodata, self.ignore_value):
            if value is not None:
                invalid |= image_HW == value
        if self.task_type == "regression":
            return np.where(invalid, np.nan, image_HW).astype(np.float32)
        # Wide first: -1 does not exist among 8-bit numbers.
        numbers = np.where(invalid, -1.0, image_HW.astype(np.float64)).clip(-(2**31), 2**31).astype(np.int64)
        if numbers.max() >= len(self.classes) or numbers.min() < -1:
            raise DataError(
                f"{where}: {self.layer} holds {numbers.min()} ... {numbers.max()}, expected 0 ... "
                f"{len(self.classes) - 1}. Name all classes, or give ignore_value."
            )
        return numbers


@dataclass(frozen=True)
class _Windows:
    root: str | None
    name: str
    label: Label
    input_modalities: tuple[str, ...] | None
    split_key: str
    label_fraction: float
    patch_size: int
    primary_metric: str
    task_type: TaskType = field(init=False)
    about: About = About(  # noqa: RUF009 - frozen
        title="Windows in the format of rslearn",
        licence="that of the data",
        citation="rslearn, Allen Institute for AI, https://github.com/allenai/rslearn",
        homepage="https://github.com/allenai/rslearn",
        variable="RSLEARN_EVAL_DIR",
        layout="config.json and windows/<group>/<window>/ with metadata.json, items.json and layers/",
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "task_type", self.label.task_type)

    def open(self, specs: Sequence[ModalitySpec], *, context: Context) -> Opened:
        """List the windows that have a label and an image, and divide them; see `Benchmark.open`."""
        place = folder(self.root, self.about.variable, self.name).rstrip("/")
        if not self.label.classes and not self.task_type.endswith("regression"):
            raise ConfigError(f"{self.name}: rslearn data sets do not name their classes. Give `classes`, in order.")
        known = layout.layers(place)
        label = known.get(self.label.layer)
        if label is None or (label.kind == "raster") != self.label.dense:
            raise DataError(
                f"{place}/config.json: {self.task_type} needs a {'raster' if self.label.dense else 'vector'} layer "
                f"{self.label.layer}. It has {', '.join(f'{one.name} ({one.kind})' for one in known.values())}."
            )
        sources = _sources(layer for layer in known.values() if layer.kind == "raster" and layer is not label)
        if not sources:
            raise DataError(f"{place}/config.json: no layer is one of {', '.join(NAMES)}. It has {', '.join(known)}.")
        shown = inputs(self.name, specs, tuple(sources), self.input_modalities)
        chosen = [layer for spec in shown for layer in sources[spec.name]]
        usable = [
            window for window in layout.windows(place)
            if pixels.has_label(window, label) and any(window.steps(layer.name) for layer in chosen)
        ]  # fmt: skip
        parts = divided([window.options.get(self.split_key) for window in usable])
        parts["train"] = share(parts["train"], self.label_fraction)
        empty = [split for split, rows in parts.items() if not len(rows)]
        if empty:
            raise DataError(
                f"{place}: {len(usable)} windows have images and a label in {label.name}, and none is left for "
                f"{', '.join(empty)}. Look at the option {self.split_key} of metadata.json."
            )
        reader = Reader(place, tuple(usable), self.label, label, tuple(shown), sources, context.profile == REFERENCE)
        splits = {split: Lazy(reader.read, rows) for split, rows in parts.items()}
        sizes = "/".join(str(len(rows)) for rows in parts.values())
        return Opened(splits, self.label.classes, source=f"{self.name}, rslearn, {sizes} windows")


def modality_of(layer: str) -> str | None:
    """Return the modality that a layer holds: its name, without `pre_` or `post_` and words at its end."""
    name = layer.removeprefix("pre_").removeprefix("post_")
    while name not in NAMES:
        name, _, dropped = name.rpartition("_")
        if not name or not dropped:
            return None
    return NAMES[name]


def _sources(layers: Any) -> dict[str, tuple[layout.Layer, ...]]:
    found: dict[str, tuple[layout.Layer, ...]] = {}
    for layer in layers:
        if (modality := modality_of(layer.name)) is not None:
            found[modality] = (*found.get(modality, ()), layer)
    return found


@dataclass(frozen=True)
class Reader:
    """Reads windows. sources: modality -> its layers; several are put one after the other, in order of their dates."""

    root: str
    windows: tuple[layout.Window, ...]
    label: Label
    label_layer: layout.Layer
    specs: tuple[ModalitySpec, ...]
    sources: Mapping[str, tuple[layout.Layer, ...]]
    reference: bool

    def read(self, row: int) -> LabelledSample:
        """Read one window."""
        window, files = self.windows[row], Folder(f"{self.root}/windows")
        steps = [(spec, found) for spec in self.specs if (found := self._steps(spec, window))]
        dates = [[day for day, _, _ in found] for _, found in steps]
        longest, places = pixels.axis(dates)
        if self.reference:
            places = [np.arange(len(own)) for own in dates]
        arrays, presence = {}, {}
        for (spec, found), at in zip(steps, places, strict=True):
            arrays[spec.name], presence[spec.name] = self._stack(files, window, spec, found, at, len(dates[longest]))
        stamps = np.array([[day.day, day.month - 1, day.year] for day in dates[longest]], np.int32)
        if self.reference:
            stamps = from_september(len(stamps))
        sample = Sample(arrays, presence, stamps, pixels.latlon(window), index=row)
        label = self.label.of(files, window, self.label_layer)
        return LabelledSample(sample, label, window.group, f"{window.group}/{window.name}")

    def _steps(self, spec: ModalitySpec, window: layout.Window) -> list[tuple[datetime, layout.Layer, int]]:
        """Return date, layer and step of every image of a modality."""
        found = []
        for layer in self.sources[spec.name]:
            steps = window.steps(layer.name)
            if self.reference:
                found += [(datetime(2022, 9, 1), layer, step) for step in steps]
            elif steps:
                dates = layout.starts(self.root, window, layer.name, steps[-1] + 1)
                found += [(dates[step], layer, step) for step in steps]
        # Stable, so that layers of one day, and those of the reference without days, keep their order.
        return sorted(found, key=lambda one: one[0])

    def _stack(
        self, files: Folder, window: layout.Window, spec: ModalitySpec, found: Any, at: np.ndarray, length: int
    ) -> tuple[np.ndarray, np.ndarray]:
        left, top, right, bottom = window.bounds
        values = np.zeros(spec.array_shape(bottom - top, right - left, length), np.float32)
        present = np.zeros(values.shape, bool)
        for place, (_, layer, step) in reversed(list(zip(at.tolist(), found, strict=True))):
            image = pixels.read_step(files, window, layer, step, spec, fill=not self.reference)
            values[:, :, place], present[:, :, place] = image
        return values, present


def from_september(count: int) -> np.ndarray:
    """Return timestamps [T,3] of the months from September 2022 on."""
    month = 8 + np.arange(count)
    return np.stack([np.ones_like(month), month % 12, 2022 + month // 12], axis=1).astype(np.int32)
