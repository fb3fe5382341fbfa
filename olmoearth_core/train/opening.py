"""Open what a run left behind, years later: the model as it was, with the modalities it was trained on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from olmoearth_core.data.tokens import Tokenization
from olmoearth_core.errors import CheckpointError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.model import ModelRecipe
from olmoearth_core.train import checkpoint
from olmoearth_core.train import specs as modality_specs
from olmoearth_core.train.distributed import World

if TYPE_CHECKING:
    from olmoearth_core.config.resolved import Config


@dataclass(frozen=True)
class LoadedModel:
    """A model in evaluation mode and what is needed to feed it.

    specs: the modalities it was trained with, statistics included. config: the resolved config of its run.
    band_gap: how the run treated absent bands. step: optimizer steps behind it. path: the checkpoint.
    """

    model: nn.Module
    specs: tuple[ModalitySpec, ...]
    tokenization: Tokenization
    config: Config
    band_gap: str
    step: int
    path: Path


def open_model(path: str | Path, *, device: str | torch.device | None = None) -> LoadedModel:
    """Rebuild the model of a run folder (its last complete step) or of a checkpoint folder.

    Args:
        path: run folder, or a folder like step00000500.
        device: where to put it; None = the CPU.

    Raises:
        CheckpointError: nothing complete there, a damaged file, or a run made without a config.
        UnknownComponent: a package that the config names is not installed.
    """
    from olmoearth_core.config.build import build_at
    from olmoearth_core.config.resolved import Config

    folder = checkpoint.locate(path)
    written = folder / "config.cfg"
    if not written.is_file():
        raise CheckpointError(
            f"{folder}: the run was made of Python objects, so the checkpoint has no config to rebuild the model from. "
            "Build the model yourself and load it with [trainer] load_path."
        )
    config = Config.from_text(written.read_text(encoding="utf-8"))
    recipe: ModelRecipe = build_at(config, "model")
    specs = modality_specs.from_json(checkpoint.read_json(folder, "modalities.json"))
    model = recipe.build(specs)
    checkpoint.load(folder, model, None, world=World(torch.device("cpu")))
    state = checkpoint.read_json(folder, "trainer.json")
    place = torch.device(device) if device is not None else torch.device("cpu")
    return LoadedModel(
        model.to(place).eval(), specs, recipe.tokenization, config, state["band_gap"], state["progress"]["step"], folder
    )
