"""An encoder with a head on it: raw samples in, outputs per class and label pixel out."""

# B batch, D width, K outputs
from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from olmoearth_core.data.sample import Sample
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.evaluation import LabelledSample, Tunable
from olmoearth_plugins.probes.heads import Head
from olmoearth_plugins.probes.problem import Problem
from olmoearth_plugins.probes.targets import Scaling


@dataclass(frozen=True)
class Model:
    """A tunable encoder, its head, and the scale of the numbers it learns."""

    tuned: Tunable
    head: Head
    problem: Problem
    scaling: Scaling = Scaling()  # noqa: RUF009 - frozen

    @property
    def whole(self) -> nn.Module:
        """Encoder and head as one module, for their weights and mode."""
        return nn.ModuleDict({"encoder": self.tuned.module, "head": self.head})

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return next(self.head.parameters()).device

    @property
    def learnt_late(self) -> list[nn.Parameter]:
        """Parameters of the encoder, which the head learns before."""
        return [parameter for layer in self.tuned.layers for parameter in layer]

    def outputs(self, read: Sequence[LabelledSample], *, frozen: bool) -> Tensor:
        """Return float32 outputs, numbers as z-scores. frozen: no gradients are recorded for the encoder."""
        # bfloat16 on accelerators only: there it is fast, and weights stay float32.
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            with torch.no_grad() if frozen else nullcontext():
                features = features_of(self.tuned, [one.sample for one in read])
            out: Tensor = self.head(features.float())
        return out.float()

    def answers(self, read: Sequence[LabelledSample]) -> Tensor:
        """Return outputs on the CPU, numbers in the unit of the label; without gradients."""
        with torch.no_grad():
            out = self.outputs(read, frozen=True).cpu()
        return self.scaling.restored(out) if self.problem.regression else out


def features_of(tuned: Tunable, samples: Sequence[Sample]) -> Tensor:
    """Return features of samples in their order; those of equal shape are encoded together.

    Raises:
        DataError: their grids differ.
    """
    alike: dict[object, list[int]] = {}
    for i, sample in enumerate(samples):
        shapes = tuple((name, array.shape) for name, array in sample.arrays.items())
        alike.setdefault((shapes, sample.timestamps.shape), []).append(i)
    if len(alike) == 1:
        return tuned(samples)
    parts = [tuned([samples[i] for i in at]) for at in alike.values()]
    grids = sorted({tuple(part.shape[1:]) for part in parts})
    if len(grids) > 1:
        raise DataError(f"Samples of one task must have one patch grid, but these have {grids}.")
    order = torch.tensor([i for at in alike.values() for i in at])
    return torch.cat(parts)[order.argsort().to(parts[0].device)]
