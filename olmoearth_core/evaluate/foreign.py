"""A model from elsewhere as a contender: fed raw values in the units it was made for, or refused."""

# B samples, H W pixels, T steps, C bands, D width
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from olmoearth_core.data.sample import Batch, Sample
from olmoearth_core.data.tokens import Tokenization
from olmoearth_core.evaluate.admission import refusal
from olmoearth_core.evaluate.contender import DEFAULT_RUN
from olmoearth_core.evaluate.fingerprint import weights_hash
from olmoearth_core.evaluate.scaling import scale_of
from olmoearth_core.evaluate.subjects import Subject
from olmoearth_core.evaluate.tuning import NothingToTrain, TunableWith, layers_of
from olmoearth_core.features.embed import Encode, Reading, batches, device_of, join, resting, stack
from olmoearth_core.interfaces.evaluation import DENSE
from olmoearth_core.interfaces.wrapper import Embedder, Wish, Wrapper
from olmoearth_core.kinds import registry
from olmoearth_core.lookup import modalities

if TYPE_CHECKING:
    from olmoearth_core.config.schema import Parts
    from olmoearth_core.evaluate.run import OpenTask
    from olmoearth_core.interfaces.modality import ModalitySpec


class Foreign:
    """A @wrappers component."""

    def __init__(self, name: str, device: str | None) -> None:
        """Make the wrapper and load the model.

        Raises:
            CheckpointError: its package or its weights are not there.
        """
        from olmoearth_core.config.load import load

        component = registry.wrappers.component(name)
        self.wrapper: Wrapper = registry.wrappers.get(name)()
        self.embedder = self.wrapper.open(device=torch.device(device or "cpu"))
        self.specs: Sequence[ModalitySpec] = modalities(list(self.wrapper.needs.inputs))
        self.config = load([DEFAULT_RUN], layers=[{"dataset": {"training_modalities": [s.name for s in self.specs]}}])
        self.facts: Mapping[str, Any] = {
            "title": self.wrapper.name,
            "checkpoint": component.name,
            "source": self.wrapper.source,
            "licence": self.wrapper.licence,
        }
        self.stem, self.home = component.name, Path("evaluations")

    def subjects(self) -> list[Subject]:
        """Return the model."""
        return [
            Subject(
                self.wrapper.name, lambda reading: _encode(self.embedder, reading),
                weights_hash(self.embedder.module), repr(self.wrapper),
                lambda reading, sample: tunable(self.wrapper, self.embedder, reading),
                self.wrapper.needs.patch_size, self._refuse, normalizes=True,
            )
        ]  # fmt: skip

    def untrained(self, parts: Parts) -> list[Subject]:
        """Return nothing: how it would start is not known."""
        return []

    def reading(self, open_: OpenTask, subject: Subject) -> Reading:
        """Say how samples are handed to it: raw, unless the task normalises by the benchmark's statistics."""
        task = open_.task
        raw = task.normalization == "pretrained" and subject.normalizes
        scale = None if raw else scale_of(task, open_.opened, self.specs, fill="zero", profile_name=open_.profile)
        patch = subject.patch_size or task.patch_size or task.benchmark.patch_size
        return Reading(
            self.specs, Tokenization(), patch, grid=task.benchmark.task_type in DENSE, batch_size=task.batch_size,
            pooling=task.pooling, scale=scale,
        )  # fmt: skip

    def _refuse(self, sample: Sample, foreign: Mapping[str, str], task_type: str, normalization: str) -> str | None:
        there = {spec.name: _bands_present(sample, spec) for spec in self.specs if spec.name in sample.arrays}
        return refusal(
            self.wrapper.needs, modalities=list(there), bands_present=there, foreign=foreign, specs=self.specs,
            steps=len(sample.timestamps), normalization=normalization,
        )  # fmt: skip


def _bands_present(sample: Sample, spec: ModalitySpec) -> list[str]:
    shown = np.broadcast_to(sample.presence[spec.name], sample.arrays[spec.name].shape)
    seen = shown.reshape(-1, shown.shape[-1]).any(0)
    return [band for band, here in zip(spec.band_order, np.atleast_1d(seen), strict=True) if here]


def _encode(embedder: Embedder, reading: Reading) -> Encode:
    def encode(samples: Sequence[Sample]) -> Tensor:
        samples = reading.scaled(samples)
        with resting(embedder.module):
            parts = [(at, _forward(embedder, [samples[i] for i in at], reading)) for at in batches(samples, reading)]
        return join([(at, part.float().cpu()) for at, part in parts], len(samples))

    return encode


def _forward(embedder: Embedder, samples: Sequence[Sample], reading: Reading) -> Tensor:
    # Patches play no part here, so presence is asked for pixel by pixel.
    batch: Batch = stack(samples, replace(reading, patch_size=1)).to(device_of(embedder.module))
    wish = Wish(reading.patch_size, reading.grid, reading.pooling, normalize=reading.scale is None)
    return embedder.embed(batch, wish)


def tunable(wrapper: Wrapper, embedder: Embedder, reading: Reading) -> TunableWith:
    """Return a private copy of a loaded model, to be trained.

    Raises:
        NothingToTrain: it has no parameters.
    """
    if not any(True for _ in embedder.module.parameters()):
        raise NothingToTrain(f'The model "{wrapper.name}" has no weights to learn, so it cannot be fine-tuned.')
    # Opened once more, since a copied embedder may still compute with the module that it was made with.
    own = wrapper.open(device=device_of(embedder.module))
    own.module.load_state_dict(embedder.module.state_dict())
    own.module.requires_grad_(True)
    return TunableWith(
        own.module, own.width, layers_of(own.module),
        lambda samples: _forward(own, reading.scaled(samples), reading),
    )  # fmt: skip
