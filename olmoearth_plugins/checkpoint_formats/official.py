"""The checkpoints that OlmoEarth was released in: folders with `config.json` and `weights.pth`, or names on the hub.

The config is translated by a table, its class paths are never imported; the weights are read as tensors and nothing
else. `model.safetensors` beside `config.json` is taken instead of `weights.pth` where it is there.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

from torch import nn

from olmoearth_core import modalities
from olmoearth_core.errors import CheckpointError, OlmoEarthError
from olmoearth_core.interfaces.checkpoint import CheckpointFormat, Remote
from olmoearth_core.models.building import build, recipe_of
from olmoearth_core.models.card import ModelCard
from olmoearth_core.models.weights import Weights
from olmoearth_plugins.checkpoint_formats import official_inputs, official_names, official_prerelease, official_weights
from olmoearth_plugins.checkpoint_formats.official_model import translate

CONFIG, PICKLED, SAFE = "config.json", "weights.pth", "model.safetensors"


def official() -> CheckpointFormat:
    """Open official OlmoEarth checkpoints, v1 to v1.3, from a folder or by their name on the Hugging Face hub."""
    return _Official()


class _Official:
    layout = f"{CONFIG} (with model.encoder_config in it) and {PICKLED}: an official OlmoEarth checkpoint"
    names = official_names.RELEASED
    files = (CONFIG, PICKLED, SAFE, *official_names.LICENCES)

    def recognises(self, folder: Path) -> bool:
        file = folder / CONFIG
        if not file.is_file():
            return False
        try:
            experiment = _read(file)
        except CheckpointError:
            return (folder / PICKLED).is_file()
        model = experiment.get("model")
        return isinstance(model, dict) and "encoder_config" in model

    def resolve(self, name: str) -> Remote | None:
        found = official_names.resolve(name)
        return (
            None if found is None else Remote(f"{official_names.OWNER}/{found}", (CONFIG, "LICENSE*"), (PICKLED, SAFE))
        )

    def open(self, folder: Path, *, load_weights: bool, remote: Remote | None) -> tuple[nn.Module, ModelCard]:
        file = folder / CONFIG
        experiment = _read(file)
        weights = None
        if load_weights:
            weights = official_weights.read(folder / SAFE if (folder / SAFE).is_file() else folder / PICKLED)
        section = official_prerelease.released(experiment["model"], file)
        found = translate(section, file, convolution=_convolution(weights))
        if found.unknown:
            warnings.warn(
                f"{file}: ignored the keys {', '.join(found.unknown)}, which this version does not know.", stacklevel=4
            )
        try:
            specs = modalities(found.modalities)
        except OlmoEarthError as error:
            raise CheckpointError(f"{file}: the model was made for a modality that is not there: {error}") from error
        recipe, block = recipe_of(found.block, file)
        card = ModelCard(
            title=official_names.title(found.block, folder, remote), format="", specs=specs,
            tokenization=recipe.tokenization, model=block, band_gap="zero_band",
            fill="zero" if found.saw_gaps else "nearest_band",
            input_modalities=official_inputs.inputs(experiment, found.modalities, file, remote),
            licence=official_names.licence(folder, remote), source=official_names.source(folder, remote), path=folder,
        )  # fmt: skip
        return build(recipe, specs, weights, file), card


def _convolution(weights: Weights | None) -> bool | None:
    return None if weights is None else official_weights.convolution(weights)


def _read(file: Path) -> dict[str, Any]:
    try:
        experiment = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{file}: found no JSON ({error}), expected the config of a model. Fetch it again."
        ) from error
    if not isinstance(experiment, dict):
        raise CheckpointError(f"{file}: found a {type(experiment).__name__}, expected an object. Fetch it again.")
    return experiment
