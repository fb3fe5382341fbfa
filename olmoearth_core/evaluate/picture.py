"""One picture of a run: its loss, and places it was not fitted on with their map and the prediction.

Needs matplotlib, which is no dependency; callers ask `available()` first.
"""

# H W pixels, h w patches, T steps, C bands
from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from olmoearth_core.evaluate.splits import block_split
from olmoearth_core.interfaces.evaluation import ALL

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from torch import Tensor

    from olmoearth_core.data.sample import Sample
    from olmoearth_core.evaluate.run import OpenTask
    from olmoearth_core.interfaces.modality import ModalitySpec

_RED_GREEN_BLUE_NM = (665.0, 560.0, 490.0)
_TOLERANCE_NM = 30.0


@runtime_checkable
class Predictor(Protocol):
    """An evaluator that can also say what it would answer."""

    def predict(self, query: Tensor, train: Tensor, labels: np.ndarray, *, num_classes: int) -> np.ndarray:
        """Return one class per query [N, D]."""
        ...


@runtime_checkable
class Coloured(Protocol):
    """A benchmark that knows in which colours its classes are usually drawn."""

    @property
    def colours(self) -> tuple[str, ...]:
        """One "#rrggbb" per class, or none at all."""
        ...


@dataclass(frozen=True)
class Shown:
    """Windows of blocks that were kept aside: pixels, and classes per patch with -1 = unknown."""

    samples: list[Sample]
    truth: np.ndarray
    predicted: np.ndarray
    classes: tuple[str, ...]
    colours: tuple[str, ...] = ()


def available() -> bool:
    """Whether a picture can be drawn here."""
    return find_spec("matplotlib") is not None


def held_out(open_: OpenTask, features: Tensor, predictor: Predictor, *, count: int = 6) -> Shown:
    """Predict windows of the first split's test blocks from its training blocks; the most varied are shown.

    features: [N,h,w,D] of the task's one split, `ALL`, whose labels are per patch.
    """
    chunks = open_.chunks[ALL]
    train, test = block_split(chunks.groups(), test_fraction=0.3, seed=0)
    labels, classes = chunks.labels(), open_.opened.classes
    variety = np.array([len(np.unique(labels[i][labels[i] >= 0])) for i in test])
    shown = test[np.argsort(-variety, kind="stable")[:count]]
    known = np.flatnonzero(labels[train].ravel() >= 0)
    answer = predictor.predict(
        features[shown].flatten(0, -2),
        features[train].flatten(0, -2)[known],
        labels[train].ravel()[known],
        num_classes=max(len(classes), int(labels.max()) + 1),
    )
    benchmark = open_.task.benchmark
    colours = benchmark.colours if isinstance(benchmark, Coloured) else ()
    samples = [chunks.samples[int(i)].sample for i in shown]
    return Shown(samples, labels[shown], answer.reshape(labels[shown].shape), classes, colours)


def losses(metrics: Path) -> list[tuple[int, float]]:
    """Read (step, loss) from the metrics of a run, oldest first; none if there is no such file."""
    if not metrics.is_file():
        return []
    rows = [json.loads(line) for line in metrics.read_text(encoding="utf-8").splitlines() if line]
    return [(int(row["step"]), float(row["train/loss"])) for row in rows if row.get("train/loss") is not None]


def draw(path: Path, curve: Sequence[tuple[int, float]], shown: Shown, specs: Sequence[ModalitySpec]) -> None:
    """Write the PNG under a temporary name, then rename it."""
    from matplotlib.figure import Figure

    count = len(shown.samples)
    figure = Figure(figsize=(2 * max(count, 3), 9), layout="constrained")
    grid = figure.add_gridspec(4, count, height_ratios=[1.4, 1, 1, 1])
    top = figure.add_subplot(grid[0, :])
    top.plot([step for step, _ in curve], [loss for _, loss in curve], linewidth=0.5, alpha=0.5)
    top.plot(*_smooth(curve), linewidth=2)
    top.set(xlabel="step", ylabel="loss")
    palette = _Palette(shown)
    for i, sample in enumerate(shown.samples):
        rows = (true_colour(sample, specs), palette(shown.truth[i]), palette(shown.predicted[i]))
        for row, (title, image) in enumerate(zip(("pixels", "map", "predicted"), rows, strict=True), start=1):
            _image(figure.add_subplot(grid[row, i]), image, title if i == 0 else "")
    palette.legend(figure, shown)
    part = path.with_name(f".{path.name}.part")
    figure.savefig(part, format="png", dpi=100)
    part.replace(path)


def true_colour(sample: Sample, specs: Sequence[ModalitySpec]) -> np.ndarray:
    """Return [H,W,3] in 0 ... 1: the median over present steps of the bands nearest to red, green and blue.

    Grey, from the first spatial modality, if no modality measures visible light.
    """
    spatial = [spec for spec in specs if spec.spatial and spec.name in sample.arrays]
    for spec in spatial:
        bands = _visible(spec)
        if bands is not None:
            return _stretched(sample, spec.name, bands)
    return _stretched(sample, spatial[0].name, (0, 0, 0))


def _smooth(curve: Sequence[tuple[int, float]]) -> tuple[np.ndarray, np.ndarray]:
    """Return steps and running means over a tenth of the curve; batches differ more than the loss falls."""
    width = max(1, len(curve) // 10)
    steps, values = np.array(curve, dtype=np.float64).reshape(-1, 2).T
    mean = np.convolve(values, np.ones(width) / width, mode="valid") if len(values) else values
    return steps[len(steps) - len(mean) :], mean


def _visible(spec: ModalitySpec) -> tuple[int, ...] | None:
    found = []
    for wanted in _RED_GREEN_BLUE_NM:
        near = {band: abs(nm - wanted) for band, nm in spec.wavelengths_nm.items() if band in spec.band_order}
        best = min(near, key=lambda band: near[band], default=None)
        if best is None or near[best] > _TOLERANCE_NM:
            return None
        found.append(spec.band_order.index(best))
    return tuple(found)


def _stretched(sample: Sample, name: str, bands: Sequence[int]) -> np.ndarray:
    values = sample.arrays[name][..., list(bands)].astype(np.float64)
    there = np.broadcast_to(sample.presence[name], sample.arrays[name].shape)[..., list(bands)]
    steps = np.flatnonzero(there.any(axis=(0, 1, 3)))
    image = np.median(values[:, :, steps], axis=2)
    low, high = np.percentile(image, [2, 98])
    stretched: np.ndarray = np.clip((image - low) / max(high - low, 1e-6), 0, 1)
    return stretched


class _Palette:
    """One colour per class, white where nothing is known."""

    def __init__(self, shown: Shown) -> None:
        from matplotlib import colormaps
        from matplotlib.colors import to_rgb

        usual = [to_rgb(colour) for colour in shown.colours]
        self.colours = usual or [colormaps["tab20"](i % 20)[:3] for i in range(len(shown.classes))]

    def __call__(self, classes: np.ndarray) -> np.ndarray:
        table = np.array([*self.colours, (1.0, 1.0, 1.0)])
        painted: np.ndarray = table[classes]
        return painted

    def legend(self, figure: Any, shown: Shown) -> None:
        from matplotlib.patches import Patch

        here = sorted({int(c) for c in np.concatenate([shown.truth.ravel(), shown.predicted.ravel()]) if c >= 0})
        handles = [Patch(color=self.colours[c], label=shown.classes[c]) for c in here]
        figure.legend(handles=handles, loc="outside lower center", ncols=4)


def _image(axes: Axes, image: np.ndarray, title: str) -> None:
    axes.imshow(image, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.set_ylabel(title)
