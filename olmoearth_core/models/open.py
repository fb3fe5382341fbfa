"""Open any model: a folder in a format that some installed package knows, or a name that one of them can fetch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from olmoearth_core import uri
from olmoearth_core.errors import CheckpointError
from olmoearth_core.models import formats, hub
from olmoearth_core.models.card import ModelCard


def load_model(
    path_or_hub_id: str | Path, *, load_weights: bool = True, device: str | torch.device | None = None
) -> nn.Module:
    """Return a model in evaluation mode; `model.card` says what it is and how it wants to be fed.

    `model(batch)`, `model.encoder(batch, patch_size=4)` and `olmoearth_core.embed(model, data)` work at once. Where the
    card names `input_modalities`, the encoder leaves all others aside; `model.encoder.input_modalities = None` lets
    them in again.

    Args:
        path_or_hub_id: a folder (official checkpoint, package made by `save_model`, training run or one of its steps),
            or a name such as the formats offer, in any case, with or without its owner, or the URL of a folder
            (s3://, gs://, https://, ...), of which a copy is kept in ~/.cache/olmoearth/models.
        load_weights: False = the architecture with fresh weights; no weights need to be there or are fetched.
        device: where to put it; None = the CPU.

    Raises:
        CheckpointError: no such folder or name, no network, a damaged file, a component that is not installed.
    """
    model, card = opened(str(path_or_hub_id), load_weights=load_weights)
    restrict(model, card)
    model.card = card  # type: ignore[assignment]
    return (model if device is None else model.to(device)).eval()


def opened(name: str, *, load_weights: bool) -> tuple[nn.Module, ModelCard]:
    """Return what `load_model` makes its result of.

    Raises:
        CheckpointError: as `load_model`.
    """
    if not name.strip():
        raise CheckpointError("found an empty name, expected a folder or the name of a model. Is a variable not set?")
    place = uri.resolve(name).removeprefix("file://")
    folder, remote = Path(place).expanduser(), None
    if not folder.is_dir():
        remote = formats.resolve(name, folder, url=uri.is_remote(place))
        folder = _fetched(place, load_weights) if remote is None else hub.fetch(remote, load_weights=load_weights)
    known = formats.recognise(folder)
    model, card = known.format.open(folder, load_weights=load_weights, remote=remote)
    if uri.is_remote(place) and remote is None:
        from olmoearth_core.models import distant

        card = distant.origin(card, folder, place)
    return model, replace(card, format=known.name)


def _fetched(url: str, load_weights: bool) -> Path:
    from olmoearth_core.models import distant

    return distant.fetch(url, load_weights=load_weights)


def restrict(model: nn.Module, card: ModelCard) -> None:
    """Let the encoder take the modalities meant as inputs and no others."""
    encoder: Any = getattr(model, "encoder", None)
    if card.input_modalities is not None and hasattr(encoder, "input_modalities"):
        encoder.input_modalities = tuple(card.input_modalities)
