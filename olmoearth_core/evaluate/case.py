"""One subject on one opened benchmark: features on demand, each made once, by all ranks together."""

# N samples, D width, h w patches
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from olmoearth_core.evaluate import team
from olmoearth_core.evaluate.chunks import Chunks
from olmoearth_core.evaluate.subjects import Subject
from olmoearth_core.evaluate.tuning import NothingToTrain
from olmoearth_core.features.compress import Compression, Reduction
from olmoearth_core.features.embed import Encode, Reading
from olmoearth_core.features.store import Store, Table, key_of
from olmoearth_core.interfaces.evaluation import ALL, LabelledSample, TaskType, Tunable
from olmoearth_core.train.distributed import World


@dataclass(frozen=True)
class Setting:
    """What holds for all subjects of a task.

    data: split -> its chunks. test: whether the test split is scored. store: where features are kept. most: bytes of
    features of a split that are held in memory. version: of the code; features of other versions are not used.
    """

    task_type: TaskType
    classes: tuple[str, ...]
    primary_metric: str
    profile: str
    data: Mapping[str, Chunks]
    test: bool = True
    store: Store = field(default_factory=Store)
    world: World = field(default_factory=lambda: World(torch.device("cpu")))
    compression: Compression = field(default_factory=Compression)
    version: str = ""


@dataclass
class TaskCase:
    """Keeps the promise `interfaces.evaluation.Case`."""

    subject: Subject
    reading: Reading
    scaled_by: str
    setting: Setting
    task_type: TaskType = field(init=False)
    classes: tuple[str, ...] = field(init=False)
    primary_metric: str = field(init=False)
    patch_size: int = field(init=False)
    profile: str = field(init=False)
    test: bool = field(init=False)
    _made: dict[tuple[str, bool], Tensor] = field(default_factory=dict)
    _encoders: dict[bool, Encode] = field(default_factory=dict)
    _reductions: dict[bool, Reduction] = field(default_factory=dict)

    def __post_init__(self) -> None:
        facts = self.setting
        self.task_type, self.classes, self.primary_metric = facts.task_type, facts.classes, facts.primary_metric
        self.patch_size, self.profile, self.test = self.reading.patch_size, facts.profile, facts.test

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits."""
        return tuple(self.setting.data)

    @property
    def device(self) -> str:
        """Where probes are trained."""
        return str(self.setting.world.device)

    def features(self, split: str, *, concat: bool = False) -> Tensor:
        """Return float32 features in the order of the samples."""
        if (split, concat) not in self._made:
            team.lead(self.setting.world, {"do": "features", "split": split, "concat": concat})
            table = self._extract(split, concat)
            assert table is not None
            self._made[split, concat] = self._compressed(table.tensor(), split, concat)
        return self._made[split, concat]

    def labels(self, split: str) -> np.ndarray:
        """Return all labels."""
        return self.setting.data[split].labels()

    def groups(self, split: str) -> Sequence[str]:
        """Return the group of each sample."""
        return self.setting.data[split].groups()

    def samples(self, split: str) -> Sequence[LabelledSample]:
        """Return the raw samples."""
        return self.setting.data[split].samples

    def tunable(self) -> Tunable:
        """Return a private, trainable copy of the encoder."""
        if self.subject.tune is None:
            raise NothingToTrain(f'The subject "{self.subject.name}" has no weights, so it cannot be fine-tuned.')
        first = next(iter(self.setting.data.values())).samples[0]
        return self.subject.tune(self.reading, first.sample)

    def follow(self) -> None:
        """Work for rank 0 until it has done; called on every other rank."""
        team.follow(self.setting.world, lambda order: self._obey(order["split"], order["concat"]))

    def dismiss(self, outcome: str) -> None:
        """Tell the other ranks that this case has ended, and how (`team.DONE` ...); called on rank 0."""
        team.lead(self.setting.world, {"do": "end", "outcome": outcome})

    def _compressed(self, features: Tensor, split: str, concat: bool) -> Tensor:
        """Round and reduce as the task asks; the directions are those of the training split."""
        how = self.setting.compression
        features = how.rounded(features)
        if how.dim is None:
            return features
        if split in ("train", ALL):
            self._reductions[concat] = how.fitted(features)
        elif concat not in self._reductions:
            self.features("train", concat=concat)
        return self._reductions[concat].apply(features)

    def _obey(self, split: str, concat: bool) -> None:
        self._extract(split, concat)

    def _extract(self, split: str, concat: bool) -> Table | None:
        chunks, world = self.setting.data[split], self.setting.world
        table = Table(len(chunks.samples), folder=self.setting.store.folder) if world.speaks else None

        def keep(number: int, features: np.ndarray) -> None:
            if table is not None:
                table.fill(number * chunks.size, features)

        def work(number: int) -> np.ndarray:
            return self._chunk(chunks, number, concat)

        if world.size == 1:
            team.alone(chunks, work, keep)
        else:
            team.exchange(chunks, work, keep, world)
        return table

    def _chunk(self, chunks: Chunks, number: int, concat: bool) -> np.ndarray:
        samples = chunks.read(number)
        key = self._key(chunks.known[number].content, concat)
        found = self.setting.store.get(key)
        if found is None or len(found) != len(samples):
            found = self._encoder(concat)([one.sample for one in samples]).numpy()
            self.setting.store.put(key, found)
        return found

    def _encoder(self, concat: bool) -> Encode:
        if concat not in self._encoders:
            self._encoders[concat] = self.subject.encode(replace(self.reading, concat=concat))
        return self._encoders[concat]

    def _key(self, content: str, concat: bool) -> str:
        how = self.reading
        return key_of(
            self.setting.version, self.subject.weights, self.subject.key, self.scaled_by, repr(how.specs),
            repr(how.tokenization.overrides), f"{how.patch_size} {how.grid} {how.band_gap} {how.batch_size}",
            f"{how.pooling} {concat} {how.count_gaps} {how.half}", content,
        )  # fmt: skip
