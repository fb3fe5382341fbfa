"""Weights that a run begins with although no run of ours trained them: anything that `load_model` opens.

They replace the fresh weights; step, optimizer and data begin as in any new run. Their licence stays with what becomes
of them: it lies in every checkpoint of the run, and of runs that go on from one.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from torch import nn

from olmoearth_core.data.tokens import Tokenization
from olmoearth_core.errors import CheckpointError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.models.building import fill
from olmoearth_core.models.card import ModelCard
from olmoearth_core.models.weights import Weights
from olmoearth_core.train import checkpoint

log = logging.getLogger(__name__)


def take_weights(name: str, model: nn.Module, specs: Sequence[ModalitySpec], tokenization: Tokenization) -> str:
    """Put the weights of another model into a fresh one, and return the licence that stays with them.

    name: as `load_model` takes it. model: on the CPU, as its recipe built it.

    Raises:
        CheckpointError: it cannot be opened, is of another architecture, or reads the bands otherwise.
    """
    from olmoearth_core.models import training
    from olmoearth_core.models.open import opened

    other, card = opened(name, load_weights=True)
    if card.format == training.NAME:
        raise CheckpointError(
            f"[trainer] load_path = {name}: found a training run behind a URL, expected it on this machine: a run goes "
            "on with optimizer and step. Copy it here."
        )
    _same_bands(name, card, specs, tokenization)
    _warn_of_other_scales(name, card, specs)
    state = other.state_dict()
    sizes = {key: tuple(tensor.shape) for key, tensor in state.items()}
    fill(model, Weights(card.path or Path(name), sizes, state.__getitem__))
    licence = card.licence.partition("\n")[0] or "not stated"
    log.info(
        "the run begins with the weights of %s (%s) at step 0, with a fresh optimizer; their licence, %s, goes into "
        "its checkpoints", card.title, card.source or name, licence,
    )  # fmt: skip
    return f"{card.licence.rstrip()}\n\nTraining began with the weights of {card.title} ({card.source or name}).\n"


def licence_of(folder: Path) -> str:
    """Return the licence that a checkpoint carries because of the weights that its run began with; "" = none."""
    file = folder / checkpoint.LICENCE
    return file.read_text(encoding="utf-8") if file.is_file() else ""


def _same_bands(name: str, card: ModelCard, specs: Sequence[ModalitySpec], tokenization: Tokenization) -> None:
    """Refuse weights for other band sets: their shapes can agree all the same."""
    for spec in (spec for spec in specs if spec.name in card.names):
        there, here = card.tokenization.groups(spec), tokenization.groups(spec)
        if there != here:
            raise CheckpointError(
                f"[trainer] load_path = {name}: its weights read {spec.name} in the band sets {_told(spec, there)}, "
                f"but the configured model in {_told(spec, here)}. Set [model.tokenization] accordingly, or use other "
                "weights."
            )


def _warn_of_other_scales(name: str, card: ModelCard, specs: Sequence[ModalitySpec]) -> None:
    """Weights learned from values on one scale mean little on another."""
    scales = {spec.name: spec.normalization for spec in card.specs}
    for spec in specs:
        if scales.get(spec.name, spec.normalization) != spec.normalization:
            log.warning(
                "the weights of %s learned from %s normalised as %s, but this run normalises it as %s "
                "([dataset.normalization])", name, spec.name, scales[spec.name], spec.normalization,
            )  # fmt: skip


def _told(spec: ModalitySpec, groups: Sequence[Sequence[int]]) -> str:
    return " | ".join(" ".join(spec.band_order[i] for i in group) for group in groups)
