"""A private copy of an encoder that an evaluator may train."""

# B samples, D width
from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from torch import Tensor, nn

from olmoearth_core.errors import ConfigError
from olmoearth_core.features.embed import Reading, device_of, encoder_of, forward, resting

if TYPE_CHECKING:
    from olmoearth_core.data.sample import Sample


class NothingToTrain(ConfigError):
    """A subject without weights was asked for a trainable copy."""


@dataclass(frozen=True)
class TunableWith:
    """An encoder as evaluators train it. run: raw samples of equal shape -> features, with gradients."""

    module: nn.Module
    width: int
    layers: Sequence[Sequence[nn.Parameter]]
    run: Callable[[Sequence[Sample]], Tensor]

    def __call__(self, samples: Sequence[Sample]) -> Tensor:
        """Return features [B,D], or [B,h,w,D] with a grid."""
        return self.run(samples)


def tunable(model: nn.Module, reading: Reading, sample: Sample) -> TunableWith:
    """Copy a model's encoder with its weights as they are; sample: one of the task's, to learn the width.

    It computes in bfloat16 (by autocast) on accelerators and in float32 elsewhere, whatever the reading says.
    """
    module = copy.deepcopy(encoder_of(model))
    reading = replace(reading, half=device_of(module).type == "cuda")
    for parameter in module.parameters():
        parameter.requires_grad_(True)
    with resting(module):
        width = forward(module, reading.scaled([sample]), reading).shape[-1]
    return TunableWith(
        module, width, layers_of(module), lambda samples: forward(module, reading.scaled(samples), reading)
    )


def layers_of(module: nn.Module) -> list[list[nn.Parameter]]:
    """Return all parameters by depth: what comes before the blocks, each block, what comes after.

    The blocks are the longest list of modules. What is declared before it is taken to come before it.
    """
    lists = {name: part for name, part in module.named_modules() if isinstance(part, nn.ModuleList)}
    longest = max(lists, key=lambda name: len(lists[name]), default=None)
    if longest is None:
        return [list(module.parameters())]
    layers: list[list[nn.Parameter]] = [[] for _ in range(len(lists[longest]) + 2)]
    met = False
    for name, parameter in module.named_parameters():
        inside = name.startswith(f"{longest}.")
        met = met or inside
        number = int(name[len(longest) + 1 :].split(".", 1)[0]) + 1 if inside else len(layers) - 1 if met else 0
        layers[number].append(parameter)
    return [layer for layer in layers if layer]
