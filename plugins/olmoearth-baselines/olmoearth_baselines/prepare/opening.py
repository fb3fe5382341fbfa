"""Loading models that live in other packages, with errors that say what to install and whose weights they are."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import nn

from olmoearth_core.errors import CheckpointError
from olmoearth_core.interfaces.wrapper import Wrapper

Made = TypeVar("Made")
Fetched = Callable[[], Made]


def package(module: str, *, extra: str, wrapper: Wrapper) -> Any:
    """Import a module of another package.

    Raises:
        CheckpointError: it is not installed, or it cannot be imported.
    """
    try:
        return importlib.import_module(module)
    # Foreign packages fail to import in many ways: missing parts, wrong binaries, incompatible versions.
    except Exception as error:
        name = module.partition(".")[0]
        raise CheckpointError(
            f"{wrapper.name}: the package {name} cannot be imported ({type(error).__name__}: {error}). "
            f"It holds the model. Install it: pip install 'olmoearth-baselines[{extra}]'. {_weights(wrapper)}"
        ) from error


def made(make: Fetched[Made], *, wrapper: Wrapper) -> Made:
    """Build a model, weights included.

    Raises:
        CheckpointError: its weights cannot be had, or do not fit.
    """
    try:
        return make()
    # Hubs and loaders of other packages raise whatever they like: no network, no licence accepted, wrong weights.
    except Exception as error:
        raise CheckpointError(
            f"{wrapper.name}: the model cannot be made ({type(error).__name__}: {error}). Its weights are downloaded "
            f"the first time: check the network, or bring the download cache. {_weights(wrapper)}"
        ) from error


def placed(module: nn.Module, device: torch.device) -> nn.Module:
    """Return the model on a device, resting."""
    return module.to(device).eval()


def _weights(wrapper: Wrapper) -> str:
    return f"Weights: {wrapper.source}, licence {wrapper.licence}."
