"""From the [model] block of a checkpoint to a module that holds its weights, which are in memory only once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from olmoearth_core.config.build import build_at
from olmoearth_core.config.load import load
from olmoearth_core.config.source import read
from olmoearth_core.errors import CheckpointError, OlmoEarthError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.model import ModelRecipe
from olmoearth_core.kinds import registry
from olmoearth_core.models.weights import Weights, same_architecture
from olmoearth_core.train import specs as modality_specs


def recipe_of(block: Mapping[str, Any], file: Path) -> tuple[ModelRecipe, dict[str, Any]]:
    """Return the recipe that a [model] block describes, and the block with all defaults filled in.

    file: where the block was written, for messages.

    Raises:
        CheckpointError: it names a component that is not installed, or keys and values that do not fit.
    """
    try:
        config = load([], layers=[{"model": dict(block)}], partial=True)
        recipe: ModelRecipe = build_at(config, "model")
    except OlmoEarthError as error:
        raise CheckpointError(f"{file}: the model that it describes cannot be built here.\n{error}") from error
    return recipe, config.tree["model"]


def sections(text: str, file: Path) -> dict[str, Any]:
    """Return the sections of a config text, unchecked but for [model], which must be there.

    Raises:
        CheckpointError: it is not.
    """
    tree = read(text, str(file)).tree
    if not isinstance(tree.get("model"), dict):
        raise CheckpointError(f"{file}: found no section [model], expected one. The file is damaged: fetch it again.")
    return tree


def specs_of(plain: Any, file: Path) -> tuple[ModalitySpec, ...]:
    """Return modalities that were written as JSON, if installed packages provide them.

    Raises:
        CheckpointError: they do not, or what was written is something else.
    """
    try:
        specs = modality_specs.from_json(plain)
    except (AttributeError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{file}: found no list of modalities ({error!r}), expected what a checkpoint carries. It is damaged: "
            "fetch it again."
        ) from error
    check_modalities(specs, file)
    return specs


def check_modalities(specs: Sequence[ModalitySpec], file: Path) -> None:
    """Refuse modalities that no installed package provides.

    Raises:
        CheckpointError: naming the package to install where it is known.
    """
    for spec in specs:
        try:
            registry.modalities.component(spec.name)
        except OlmoEarthError as error:
            raise CheckpointError(f"{file}: the model was made for the modality {spec.name}, but {error}") from error


def build(recipe: ModelRecipe, specs: Sequence[ModalitySpec], weights: Weights | None, file: Path) -> nn.Module:
    """Allocate a model, filled with stored weights or, for None, with fresh ones.

    file: where the recipe was written, for messages.

    Raises:
        CheckpointError: the weights are of another architecture, or the parts of the recipe do not fit each other.
    """
    try:
        if weights is None:
            return recipe.build(specs)
        model = _without_memory(recipe, specs) or recipe.build(specs)
    except OlmoEarthError as error:
        raise CheckpointError(f"{file}: the model that it describes cannot be built.\n{error}") from error
    fill(model, weights)
    return model


def fill(model: nn.Module, weights: Weights) -> None:
    """Put stored weights in place of the model's own, one tensor at a time, in the model's own number format.

    Raises:
        CheckpointError: names or shapes differ.
    """
    own = model.state_dict()
    same_architecture(weights.file, {name: tuple(t.shape) for name, t in own.items()}, weights.shapes())
    taken = {name: weights.take(name).to(tensor.dtype) for name, tensor in own.items()}
    model.load_state_dict(taken, assign=True)


def _without_memory(recipe: ModelRecipe, specs: Sequence[ModalitySpec]) -> nn.Module | None:
    """Build on the meta device; None if the model has tensors there that no state dict would fill."""
    try:
        with torch.device("meta"):
            model = recipe.build(specs)
    except (NotImplementedError, RuntimeError):  # something reads a value while it is built
        return None
    stored = {id(t) for t in model.state_dict(keep_vars=True).values()}
    return None if any(t.is_meta and id(t) not in stored for t in _tensors(model)) else model


def _tensors(model: nn.Module) -> Iterator[Tensor]:
    """Yield parameters, buffers (also those that are never saved) and tensors kept as plain attributes."""
    for part in model.modules():
        for values in (vars(part), part._parameters, part._buffers):
            yield from (value for value in values.values() if isinstance(value, Tensor))
