"""A dataset of GEO-Bench 2 as a benchmark: which part of a record fills which band, by default and in the reference.

By default, bands that are not there are absent. Profile reference-2026.07 shows them as zeros, which stay exactly 0
after scaling (evaluation.md 2.6), and gives every image the date 15 July 2020.
"""

# T steps, C bands, H W pixels
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import fsspec
import numpy as np

from olmoearth_benchmarks.cities.split import fraction_of
from olmoearth_benchmarks.dense import images as im
from olmoearth_benchmarks.geobench_v2 import tortilla
from olmoearth_benchmarks.geobench_v2.records import UNDATED, Label, Record, View
from olmoearth_benchmarks.place import folder
from olmoearth_core.data.sample import Sample
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.evaluate.lazy import Lazy
from olmoearth_core.evaluate.profile import REFERENCE
from olmoearth_core.interfaces.evaluation import About, Benchmark, Context, LabelledSample, Opened, TaskType
from olmoearth_core.interfaces.modality import ModalitySpec, Statistics

VARIABLE = "GEOBENCH2_DIR"
SPLITS = {"train": "train", "valid": "validation", "test": "test"}
_PAPER = "GEO-Bench-2, github.com/The-AI-Alliance/GEO-Bench-2"


def about(slug: str, *, title: str, licence: str, citation: str) -> About:
    """Return where a dataset is published. licence: of the source dataset."""
    return About(
        title=f"GEO-Bench 2 {slug}: {title}",
        licence=licence,
        citation=f"{citation}. {_PAPER}",
        homepage=f"https://huggingface.co/datasets/aialliance/{slug}",
        variable=VARIABLE,
        layout=f"{slug}/geobench_{slug}.tortilla, or geobench_{slug}.<number>.part.tortilla, as published",
    )


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What one dataset is.

    views: modality -> how it is filled. reference: the same for the reference, where it differs. dated: whether
    `stac:time_start` is the day of the images. foreign, statistics: as in `Opened`.
    """

    slug: str
    task_type: TaskType
    primary_metric: str
    label: Label
    views: Mapping[str, View]
    about: About
    classes: tuple[str, ...] = ()
    reference: Mapping[str, View] = field(default_factory=dict)
    dated: bool = False
    foreign: Mapping[str, str] = field(default_factory=dict)
    statistics: Mapping[str, Mapping[str, Statistics]] = field(default_factory=dict)


DOC = """{asks}

    root: folder of GEO-Bench 2 or of this dataset, a path or URL; null = $GEOBENCH2_DIR. input_modalities: null =
    all that there is. label_fraction: share of the training samples, above 0 and at most 1 (drawn with seed 42).
    patch_size: pixels of the 10 m grid.
    """


def component(facts: Facts, *, asks: str) -> Callable[..., Benchmark]:
    """Return the factory of a dataset. asks: the first sentence of its docstring."""

    def factory(
        *,
        root: str | None = None,
        input_modalities: list[str] | None = None,
        label_fraction: float = 1.0,
        patch_size: int = 4,
    ) -> Benchmark:
        return GeoBench2(
            facts=facts, root=root, input_modalities=input_modalities, label_fraction=label_fraction,
            patch_size=patch_size,
        )  # fmt: skip

    factory.__doc__ = DOC.format(asks=asks)
    factory.__name__ = factory.__qualname__ = f"gb2_{facts.slug}"
    return factory


@dataclass(kw_only=True)
class GeoBench2:
    """A dataset with the options of its component."""

    facts: Facts
    root: str | None = None
    input_modalities: Sequence[str] | None = None
    label_fraction: float = 1.0
    patch_size: int = 4
    name: str = field(init=False)
    task_type: TaskType = field(init=False)
    primary_metric: str = field(init=False)
    about: About = field(init=False)

    def __post_init__(self) -> None:
        facts = self.facts
        self.name, self.task_type, self.primary_metric = f"gb2_{facts.slug}", facts.task_type, facts.primary_metric
        self.about = facts.about
        if not 0 < self.label_fraction <= 1:
            raise ConfigError(f"{self.name}: label_fraction is {self.label_fraction}, expected above 0, at most 1.")
        if self.patch_size < 1:
            raise ConfigError(f"{self.name}: patch_size is {self.patch_size}, expected 1 or more pixels.")

    def open(self, specs: Sequence[ModalitySpec], *, context: Context) -> Opened:
        """List the records; reads the table at the end of each file, no image.

        Raises:
            ConfigError: pyarrow is missing, or the reference is asked for what it does not know.
            DataError: no files, damaged files, a split without records, or a model without these modalities.
        """
        facts, reference = self.facts, context.profile == REFERENCE
        if reference and (self.label_fraction != 1 or self.input_modalities is not None):
            raise ConfigError(f"{self.name}: {REFERENCE} ignores label_fraction and input_modalities. Leave them out.")
        views = {**facts.views, **facts.reference} if reference else facts.views
        chosen = tuple(im.inputs(self.name, specs, tuple(views), self.input_modalities))
        splits = self._splits(files(folder(self.root, VARIABLE, self.name), facts.slug))
        splits["train"] = fraction_of(splits["train"], self.label_fraction)
        read = {split: _Records(tuple(rows), chosen, views, facts, reference) for split, rows in splits.items()}
        return Opened(
            splits={split: Lazy(records.read, np.arange(len(records.entries))) for split, records in read.items()},
            classes=facts.classes,
            statistics={} if reference else facts.statistics,
            foreign={} if reference else facts.foreign,
            after_scale=_zeros_stay(chosen, views) if reference else None,
            source=f"GEO-Bench 2 {facts.slug}, label fraction {self.label_fraction}",
        )

    def _splits(self, urls: Sequence[str]) -> dict[str, list[tortilla.Entry]]:
        rows = [entry for url in urls for entry in tortilla.entries(url, columns=(tortilla.SPLIT,))]
        out = {split: [row for row in rows if row.facts.get(tortilla.SPLIT) == word] for split, word in SPLITS.items()}
        empty = next((split for split, members in out.items() if not members), None)
        if empty is not None:
            raise DataError(f"{urls[0]}: no record of split {SPLITS[empty]} in {len(rows)}. Get all parts of it.")
        return out


def files(root: str, slug: str) -> list[str]:
    """Return the URLs of a dataset's files in order: below `root`, or in `root` itself.

    Raises:
        DataError: there are none.
    """
    filesystem, path = fsspec.core.url_to_fs(root)
    for place in (f"{path.rstrip('/')}/{slug}", path.rstrip("/")):
        try:
            listed = [str(name) for name in filesystem.ls(place, detail=False)]
        except (FileNotFoundError, NotADirectoryError):
            continue
        start = f"geobench_{slug}."
        found = sorted(n for n in listed if n.rpartition("/")[2].startswith(start) and n.endswith(".tortilla"))
        if found:
            return [filesystem.unstrip_protocol(name) for name in found]
    raise DataError(
        f"{root}: no {slug}/geobench_{slug}.tortilla here. Get it from "
        f"https://huggingface.co/datasets/aialliance/{slug}, and set {VARIABLE} to the folder above {slug}."
    )


@dataclass(frozen=True)
class _Records:
    """Records of one split."""

    entries: tuple[tortilla.Entry, ...]
    specs: tuple[ModalitySpec, ...]
    views: Mapping[str, View]
    facts: Facts
    reference: bool

    def read(self, row: int) -> LabelledSample:
        entry = self.entries[row]
        record = Record(entry.where, tuple(tortilla.entries(entry.url, entry.offset, entry.length)))
        arrays, presence, steps = {}, {}, 1
        for spec in self.specs:
            view = self.views[spec.name]
            planes = view.read(record)
            arrays[spec.name], there = im.image(im.Planes(planes, view.bands), spec)
            presence[spec.name] = np.ones((1, 1, 1, spec.num_bands), dtype=bool) if self.reference else there
            steps = max(steps, len(planes)) if spec.multitemporal else steps
        day = record.day if self.facts.dated and not self.reference else UNDATED
        sample = Sample(
            arrays=arrays,
            presence=presence,
            timestamps=np.array([day] * steps, dtype=np.int32),
            latlon=np.zeros(2, dtype=np.float32),
            index=row,
            position=row,
        )
        return LabelledSample(sample, self.facts.label(record), name=entry.name)


def _zeros_stay(specs: Sequence[ModalitySpec], views: Mapping[str, View]) -> Callable[[str, np.ndarray], np.ndarray]:
    """Return what sets bands that no plane fills back to 0 after scaling."""
    lacking = {s.name: [i for i, band in enumerate(s.band_order) if band not in views[s.name].bands] for s in specs}
    return _Zeros(lacking)


@dataclass(frozen=True)
class _Zeros:
    lacking: Mapping[str, Sequence[int]]

    def __call__(self, name: str, values: np.ndarray) -> np.ndarray:
        if self.lacking.get(name):
            values[..., list(self.lacking[name])] = 0.0
        return values
