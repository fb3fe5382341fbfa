"""What can be scored: a model of ours, the same one untrained, plain pixel values, or a model from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import nn

from olmoearth_core.evaluate import baselines
from olmoearth_core.evaluate.fingerprint import weights_hash
from olmoearth_core.evaluate.tuning import tunable
from olmoearth_core.features.embed import Encode, Reading, encode_with
from olmoearth_core.interfaces.evaluation import Tunable

if TYPE_CHECKING:
    from olmoearth_core.data.sample import Sample

Tune = Callable[[Reading, "Sample"], Tunable]
Refuse = Callable[["Sample", Mapping[str, str], str, str], str | None]
"""(a sample, foreign units, task type, normalization) -> why this subject cannot be scored on such a task."""


@dataclass(frozen=True)
class Subject:
    """Something that can be scored.

    encode: a reading -> samples -> features. weights: hash of what it learnt; "" = nothing.
    key: all else that its features depend on besides the reading. tune: a trainable copy; None = nothing to train.
    patch_size: of a model that cannot choose; None = the task's. refuse: see `Refuse`; None = takes all.
    normalizes: it scales raw values by itself where normalization is "pretrained".
    """

    name: str
    encode: Callable[[Reading], Encode]
    weights: str = ""
    key: str = ""
    tune: Tune | None = None
    patch_size: int | None = None
    refuse: Refuse | None = None
    normalizes: bool = False


def of_model(name: str, model: nn.Module, *, key: str = "") -> Subject:
    """Return a model of ours as a subject."""
    return Subject(
        name,
        lambda reading: encode_with(model, reading),
        weights_hash(model),
        key,
        lambda reading, sample: tunable(model, reading, sample),
    )


def pixels() -> Subject:
    """Return statistics of pixel values as a subject."""
    return Subject("pixels", baselines.pixels, key="pixels of version 1")


def majority() -> Subject:
    """Return the answer that never looks; it has no features."""

    def encode(reading: Reading) -> Encode:
        raise AssertionError("the majority class is not encoded")

    return Subject("majority", encode)
