"""A dataset of GEO-Bench v1 as a benchmark: its facts, and how its files become samples.

By default, values are what was measured: in the unit of the modality, in the right band, absent where there is no band,
at the date that the file says. Profile reference-2026.07 repeats the numbers of the reference instead: names of bands
are trusted, lacking bands are copies of others, and every image is of July 2020.
"""

# H W pixels, K classes
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from olmoearth_benchmarks.geobench_v1 import bands, imputation, layout, prepared
from olmoearth_benchmarks.geobench_v1.collection import VARIABLE
from olmoearth_benchmarks.geobench_v1.prepare import prepare
from olmoearth_benchmarks.geobench_v1.published import Published, Source
from olmoearth_benchmarks.geobench_v1.sample_file import Stored
from olmoearth_benchmarks.place import folder
from olmoearth_core import uri
from olmoearth_core.choice import one_of
from olmoearth_core.data.sample import Sample
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.evaluate.lazy import Lazy
from olmoearth_core.evaluate.profile import REFERENCE
from olmoearth_core.interfaces.evaluation import (
    FIXED_SPLITS,
    About,
    Benchmark,
    Context,
    LabelledSample,
    Opened,
    TaskType,
)
from olmoearth_core.interfaces.modality import ModalitySpec, Statistics

TIMESTAMP = (1, 6, 2020)
"""Day, month 0-11 and year of a sample that does not say its own."""
MISSING = ("error", "skip", "share")


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What one dataset is.

    dataset: the publisher's name. factor: brings stored values to the unit of the modality. real_bands: band of the
    modality -> stored name, where names are wrong. rules: the reference's imputation. foreign: unit of the values
    where the modality has another. copies_scaled: the reference copies bands after scaling.
    """

    name: str
    dataset: str
    task_type: TaskType
    primary_metric: str
    num_classes: int
    about: About
    sensor: bands.Sensor = bands.SENTINEL2
    factor: float = 1.0
    real_bands: Mapping[str, str] = field(default_factory=dict)
    rules: tuple[imputation.Rule, ...] = ()
    foreign: str = ""
    copies_scaled: bool = False

    @property
    def kind(self) -> str:
        """The word in the name of the publisher's folder."""
        return "segmentation" if self.task_type == "segmentation" else "classification"


DOC = """{asks}

    root: folder of the collection or of this dataset, a path or URL; null = $GEOBENCH_DIR. partition: by name; null =
    the one of label_fraction, the share of training samples: 0.01, 0.02, 0.05, 0.1, 0.2, 0.5 or 1.0. patch_size:
    pixels of the 10 m grid. missing: for samples of the partition whose files are not there, "error", "skip", or
    "share" to put what is there into every split, which tries a set out and scores nothing.
    """


def component(facts: Facts, *, asks: str) -> Callable[..., Benchmark]:
    """Return the factory of a dataset. asks: the first sentence of its docstring."""

    def factory(
        *,
        root: str | None = None,
        partition: str | None = None,
        label_fraction: float = 1.0,
        patch_size: int = 4,
        missing: str = "error",
    ) -> Benchmark:
        return GeoBench(
            facts=facts, root=root, partition=partition, label_fraction=label_fraction, patch_size=patch_size,
            missing=missing,
        )  # fmt: skip

    factory.__doc__ = DOC.format(asks=asks)
    factory.__name__ = factory.__qualname__ = facts.name
    return factory


@dataclass(kw_only=True)
class GeoBench:
    """A dataset with the options of its component."""

    facts: Facts
    root: str | None = None
    partition: str | None = None
    label_fraction: float = 1.0
    patch_size: int = 4
    missing: str = "error"
    name: str = field(init=False)
    task_type: TaskType = field(init=False)
    primary_metric: str = field(init=False)
    about: About = field(init=False)

    def __post_init__(self) -> None:
        facts = self.facts
        self.name, self.task_type, self.primary_metric = facts.name, facts.task_type, facts.primary_metric
        self.about = facts.about
        layout.partition_name(self.partition, self.label_fraction, self.name)
        one_of(self.missing, MISSING, f"{self.name}: missing")
        if self.patch_size < 1:
            raise ConfigError(f"{self.name}: patch_size is {self.patch_size}, expected 1 or more pixels.")

    def open(self, specs: Sequence[ModalitySpec], *, context: Context) -> Opened:
        """List the samples; reads the partition, the statistics and the names of classes.

        Raises:
            DataError: no data, files of the partition that are missing, or a model without this sensor.
        """
        spec = self._spec(specs)
        source = self._source(folder(self.root, VARIABLE, self.name))
        wanted = layout.partition_name(self.partition, self.label_fraction, self.name)
        splits, note = self._there(source, source.partition(wanted), wanted)
        measured = source.statistics()
        reference = context.profile == REFERENCE
        first = next(names[0] for names in splits.values() if names)
        plan = self._plan(tuple(measured) or source.keys(first), reference=reference)
        reading = _Reading(source, spec, plan, self.facts, dated=not reference)
        return Opened(
            splits={split: Lazy(reading.sample, tuple(enumerate(names))) for split, names in splits.items()},
            classes=source.class_names(self.facts.num_classes),
            statistics=self._statistics(measured, plan, spec),
            foreign={spec.name: self.facts.foreign} if self.facts.foreign and not reference else {},
            after_scale=imputation.copy_scaled(spec) if reference and self.facts.copies_scaled else None,
            source=f"GEO-Bench v1 {self.facts.dataset}, partition {wanted}{note}",
            remark="all splits share their samples: a trial, not a score" if self.missing == "share" else "",
        )

    def prepare(self, raw: str, out: str) -> Iterator[str]:
        """Convert the published files below `raw` into one HDF5 file and a manifest below `out`."""
        facts, out = self.facts, uri.resolve(out).rstrip("/")
        found = layout.find(uri.resolve(raw), facts.kind, facts.dataset, layout.PARTITION)
        source = Published(found, facts.kind == "segmentation")
        usable = list(dict.fromkeys(facts.sensor.reference_plan().values()))
        place = f"{out}/{facts.kind}_v1.0/{facts.dataset}"
        yield from prepare(source, place, dataset=facts.dataset, bands=usable, num_classes=facts.num_classes)

    def _spec(self, specs: Sequence[ModalitySpec]) -> ModalitySpec:
        for spec in specs:
            if spec.name == self.facts.sensor.modality:
                return spec
        raise DataError(
            f"{self.name}: its images are {self.facts.sensor.modality}, but the model knows "
            f"{', '.join(spec.name for spec in specs) or 'no modality'}. Leave out this task."
        )

    def _source(self, root: str) -> Source:
        facts = self.facts
        found = layout.find(root, facts.kind, facts.dataset, prepared.MANIFEST)
        if prepared.MANIFEST in found.names:
            return prepared.opened(found, facts.dataset)
        return Published(found, facts.kind == "segmentation")

    def _there(self, source: Source, table: layout.Partition, wanted: str) -> tuple[dict[str, tuple[str, ...]], str]:
        """Return the samples of each split that are there, and a note on those that are not."""
        listed = [name for split in FIXED_SPLITS for name in table[split]]
        there = {split: tuple(name for name in table[split] if name in source.names) for split in FIXED_SPLITS}
        lacking = [name for name in listed if name not in source.names]
        if not any(there.values()):
            raise DataError(f"{source.where}: none of the {len(listed)} samples of partition {wanted} is there.")
        if lacking and self.missing == "error":
            raise DataError(
                f"{source.where}: {len(lacking)} of the {len(listed)} samples of partition {wanted} are missing, for "
                f'example {lacking[0]}. Get the whole archive, or set missing = "skip" to score the others.'
            )
        note = f", {len(lacking)} of {len(listed)} samples missing" if lacking else ""
        if self.missing == "share":
            found = tuple(dict.fromkeys(name for names in there.values() for name in names))
            return dict.fromkeys(FIXED_SPLITS, found), note
        return there, note

    def _plan(self, keys: Sequence[str], *, reference: bool) -> dict[str, str]:
        sensor = self.facts.sensor
        slots = sensor.reference_plan() if reference else {**sensor.plan(), **self.facts.real_bands}
        stored = [s for s in dict.fromkeys(slots.values()) if any(k == s or k.startswith(f"{s}_") for k in keys)]
        if not stored:
            raise DataError(f"{self.name}: none of its bands among {', '.join(keys[:20])}. This is another dataset.")
        if reference:
            return imputation.imputed_plan(slots, stored, self.facts.rules)
        return bands.present(slots, stored)

    def _statistics(
        self, measured: Mapping[str, Statistics], plan: bands.BandPlan, spec: ModalitySpec
    ) -> dict[str, dict[str, Statistics]]:
        found = bands.statistics(measured, plan, spec)
        scaled = {band: _scaled(entry, self.facts.factor) for band, entry in found.items()}
        return {spec.name: scaled} if scaled else {}


@dataclass(frozen=True)
class _Reading:
    """How stored samples become ours."""

    source: Source
    spec: ModalitySpec
    plan: bands.BandPlan
    facts: Facts
    dated: bool

    def sample(self, row: tuple[int, str]) -> LabelledSample:
        index, name = row
        stored = self.source.read(name, tuple(dict.fromkeys(self.plan.values())))
        where = f"{self.source.where}/{name}"
        values, there = bands.stack(stored.planes, self.plan, self.spec, factor=self.facts.factor, name=where)
        sample = Sample(
            arrays={self.spec.name: values},
            presence={self.spec.name: there},
            timestamps=np.array([self._timestamp(stored)], dtype=np.int32),
            latlon=np.zeros(2, dtype=np.float32),
            index=index,
        )
        return LabelledSample(sample, _label(stored, self.facts, where), name=name)

    def _timestamp(self, stored: Stored) -> tuple[int, int, int]:
        if stored.date is None or not self.dated:
            return TIMESTAMP
        return stored.date.day, stored.date.month - 1, stored.date.year


def _label(stored: Stored, facts: Facts, where: str) -> np.ndarray:
    """Return an int64 label: a class, 0/1 [K], or classes [H,W].

    Raises:
        DataError: it is not a label of this dataset.
    """
    label = np.asarray(stored.label)
    if facts.task_type == "multilabel":
        if label.shape != (facts.num_classes,) or not np.isin(label, (0, 1)).all():
            raise DataError(
                f"{where}: a label of shape {label.shape}, expected 0 or 1 for {facts.num_classes} classes."
            )
        return label.astype(np.int64)
    if label.ndim != (2 if facts.task_type == "segmentation" else 0):
        raise DataError(f"{where}: a label of {label.ndim} axes, which is not that of a {facts.task_type} task.")
    whole = label.astype(np.int64) if np.isfinite(label).all() else np.full(label.shape, -1)
    if whole.min() < 0 or whole.max() >= facts.num_classes or (whole != label).any():
        raise DataError(f"{where}: labels from {label.min()} to {label.max()}, expected whole numbers from 0 to "
                        f"{facts.num_classes - 1}.")  # fmt: skip
    return whole


def _scaled(entry: Statistics, factor: float) -> Statistics:
    def times(number: float | None) -> float | None:
        return None if number is None else number * factor

    return Statistics(times(entry.mean), times(entry.std), times(entry.minimum), times(entry.maximum))
