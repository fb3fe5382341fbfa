"""A split of a benchmark as a row of chunks: what is read together, hashed together and encoded together.

Chunks do not depend on the number of processes, so neither do features. What one pass over the data has learnt (labels,
groups, hashes, the share of absent values) is kept, so that the second subject does not read labels again.
"""

# N samples
from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.evaluation import LabelledSample


@dataclass(frozen=True)
class Facts:
    """What a chunk holds, without its pixels.

    content: hash of what a model sees. truth: hash of labels and groups. values, absent: numbers of input values.
    """

    content: str
    truth: str
    labels: np.ndarray
    groups: tuple[str, ...]
    values: int
    absent: float


@dataclass
class Chunks:
    """The samples of one split, `size` at a time, in order."""

    split: str
    samples: Sequence[LabelledSample]
    size: int
    known: dict[int, Facts] = field(default_factory=dict)

    def __len__(self) -> int:
        return -(-len(self.samples) // self.size)

    def read(self, number: int) -> list[LabelledSample]:
        """Read a chunk and note its facts."""
        at = range(number * self.size, min((number + 1) * self.size, len(self.samples)))
        read = [self.samples[i] for i in at]
        if number not in self.known:
            self.known[number] = facts_of(read, self.split)
        return read

    def facts(self) -> list[Facts]:
        """Return the facts of all chunks, reading those that nobody has read yet."""
        for number in range(len(self)):
            if number not in self.known:
                self.read(number)
        return [self.known[number] for number in range(len(self))]

    def labels(self) -> np.ndarray:
        """Return all labels, stacked.

        Raises:
            DataError: they have different shapes.
        """
        parts = [facts.labels for facts in self.facts()]
        shapes = sorted({part.shape[1:] for part in parts})
        if len(shapes) > 1:
            raise DataError(f"Samples of one task must have labels of one shape, but {self.split} has {shapes}.")
        return np.concatenate(parts) if parts else np.zeros(0)

    def groups(self) -> list[str]:
        """Return the group of each sample."""
        return [group for facts in self.facts() for group in facts.groups]


def facts_of(samples: Sequence[LabelledSample], split: str) -> Facts:
    """Look at a chunk.

    Raises:
        DataError: its labels differ in shape.
    """
    content = [content_hash(one) for one in samples]
    truth = hashlib.blake2b(digest_size=16)
    for one in samples:
        truth.update(one.group.encode() + b"\0" + np.ascontiguousarray(one.label).tobytes())
    shapes = sorted({np.shape(one.label) for one in samples})
    if len(shapes) > 1:
        where = ", ".join(one.name for one in samples[:3])
        raise DataError(f"Samples of one task must have labels of one shape, but {split} ({where} ...) has {shapes}.")
    values = sum(array.size for one in samples for array in one.sample.arrays.values())
    there = sum(
        float(np.mean(one.sample.presence[name])) * array.size
        for one in samples
        for name, array in one.sample.arrays.items()
    )
    groups = tuple(one.group for one in samples)
    labels = np.stack([np.asarray(one.label) for one in samples])
    return Facts("".join(content), truth.hexdigest(), labels, groups, values, values - there)


def content_hash(one: LabelledSample) -> str:
    """Hash what a model sees of a sample: names, shapes, values, presence, dates and place."""
    digest = hashlib.blake2b(digest_size=16)
    sample = one.sample
    for name, array in sample.arrays.items():
        digest.update(f"{name}{array.shape}{array.dtype.str}{sample.presence[name].shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
        digest.update(np.ascontiguousarray(sample.presence[name]).data)
    digest.update(np.ascontiguousarray(sample.timestamps).tobytes())
    digest.update(np.ascontiguousarray(sample.latlon).tobytes())
    return digest.hexdigest()


def fingerprint(chunks: Sequence[Chunks]) -> str:
    """Hash the data of some splits: the same samples and labels have the same hash wherever they lie."""
    digest = hashlib.blake2b(digest_size=8)
    for part in chunks:
        digest.update(part.split.encode())
        for facts in part.facts():
            digest.update(facts.content.encode() + facts.truth.encode())
    return digest.hexdigest()


def absent_share(chunks: Sequence[Chunks]) -> float:
    """Return the share of input values that were not there."""
    facts = [one for part in chunks for one in part.facts()]
    total = sum(one.values for one in facts)
    return sum(one.absent for one in facts) / total if total else 0.0
