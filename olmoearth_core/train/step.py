"""One optimizer step: what every objective shares.

A rank cuts its batch by stride (micro-batch i = rows i::n). Ranks hold columns r::D of the global batch, so
the same micro-batches exist at every number of ranks. Gradients are averaged once, after the last of them;
the loss terms travel in the same message. A step whose gradient or loss is not finite is skipped on every rank
alike, on the device.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from math import ceil

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from olmoearth_core.data.sample import TrainBatch
from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.train_module import Precision, TrainModule
from olmoearth_core.train.distributed import World
from olmoearth_core.train.seed import seed_forward

SKIPPED = "optim/skipped_steps"


@dataclass
class StepEngine:
    """Turns batches into updates and keeps their metrics on the device until somebody asks."""

    model: nn.Module
    objective: TrainModule
    optimizer: Optimizer
    world: World
    seed: int
    skipped: int = 0
    _pending: list[tuple[int, tuple[str, ...], Tensor, dict[str, float]]] = field(default_factory=list)

    def step(self, batch: TrainBatch, step: int, max_steps: int) -> None:
        """Train on this rank's part of a global batch."""
        host = dict(self.objective.before_step(self.model, step, max_steps))
        self.model.train()
        self.optimizer.zero_grad(set_to_none=True)
        names, terms = self._accumulate(batch, step)
        terms = self._average(terms)
        norm = self._clip()
        total = terms.sum()
        finite = torch.isfinite(norm) & torch.isfinite(total)
        host.update(self._set_rate(step, max_steps))
        self._update(finite)
        values = torch.stack([total, *terms.unbind(), norm.to(total.dtype), (~finite).to(total.dtype)])
        self._pending.append((step, names, values, host))

    def flush(self) -> Iterator[tuple[int, dict[str, float]]]:
        """Yield the metrics of every step since the last flush, in order; the only wait for the device."""
        pending, self._pending = self._pending, []
        if not pending:
            return
        rows = torch.cat([values for *_, values, _ in pending]).tolist()
        for step, names, values, host in pending:
            row, rows = rows[: len(values)], rows[len(values) :]
            yield step, self._named(names, row, host)

    def _named(self, names: tuple[str, ...], row: list[float], host: Mapping[str, float]) -> dict[str, float]:
        total, *terms, norm, bad = row
        self.skipped += int(bad)
        metrics = {"train/loss": total, **{f"train/loss/{n}": v for n, v in zip(names, terms, strict=True)}}
        for name, alias in self.objective.aliases().items():
            if name in metrics:
                other, factor = (alias, 1.0) if isinstance(alias, str) else alias
                metrics[other] = metrics[name] * factor
        return {**metrics, "optim/total grad norm": norm, **host, SKIPPED: float(self.skipped)}

    def _accumulate(self, batch: TrainBatch, step: int) -> tuple[tuple[str, ...], Tensor]:
        num_micro = ceil(batch.size / self.objective.rank_microbatch_size)
        names: tuple[str, ...] = ()
        summed: Tensor | None = None
        for i in range(num_micro):
            micro = batch.rows(slice(i, None, num_micro)).to(self.world.device, non_blocking=True)
            number = self.world.rank + self.world.size * i

            def seed_view(view: int, number: int = number) -> None:
                seed_forward(self.seed, step, number, view)

            with autocast(self.objective.autocast_precision, self.world.device):
                terms = self.objective.terms(self.model, micro, seed_view=seed_view)
            names, stacked = tuple(terms), torch.stack(list(terms.values()))
            (stacked.sum() / num_micro).backward()  # type: ignore[no-untyped-call]
            part = stacked.detach() / num_micro
            summed = part if summed is None else summed + part
        assert summed is not None, "a batch has at least one sample"
        return names, summed

    def _average(self, terms: Tensor) -> Tensor:
        """Average gradients and loss terms over the ranks, in one message per type of number."""
        if self.world.size == 1:
            return terms
        trained = [p for p in self.model.parameters() if p.requires_grad]
        # A parameter may have a gradient on one rank only: the others send zeros, and a flag that says so.
        without = [i for i, p in enumerate(trained) if p.grad is None]
        flags = torch.tensor([float(p.grad is not None) for p in trained], dtype=terms.dtype, device=terms.device)
        for dtype in dict.fromkeys(p.dtype for p in trained):
            self._average_type([p for p in trained if p.dtype == dtype])
        sums = self.world.mean_(torch.cat([terms, flags]))
        if without:
            found = sums[len(terms) :].tolist()
            for i in without:
                trained[i].grad = trained[i].grad if found[i] else None
        return sums[: len(terms)]

    def _average_type(self, parameters: list[nn.Parameter]) -> None:
        flat = torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).reshape(-1) for p in parameters])
        self.world.mean_(flat)
        parts = torch.split(flat, [p.numel() for p in parameters])
        for parameter, part in zip(parameters, parts, strict=True):
            parameter.grad = part.view_as(parameter)

    def _clip(self) -> Tensor:
        grads = [p.grad for p in self.model.parameters() if p.grad is not None]
        if not grads:
            return torch.zeros((), device=self.world.device)
        norm = nn.utils.get_total_norm(grads)
        if self.objective.max_grad_norm is not None:
            nn.utils.clip_grads_with_norm_(self.model.parameters(), self.objective.max_grad_norm, norm)
        return norm

    def _set_rate(self, step: int, max_steps: int) -> dict[str, float]:
        rates = {}
        for i, group in enumerate(self.optimizer.param_groups):
            group["lr"] = self.objective.scheduler.lr(group["initial_lr"], step, max_steps)
            rates[f"optim/LR (group {i})"] = group["lr"]
        return rates

    def _update(self, finite: Tensor) -> None:
        if getattr(self.optimizer, "_step_supports_amp_scaling", False):
            self.optimizer.found_inf = (~finite).float()  # type: ignore[attr-defined]
            self.optimizer.grad_scale = None  # type: ignore[attr-defined]
            self.optimizer.step()
        elif bool(finite):  # this optimizer cannot skip on the device, so the host has to ask
            self.optimizer.step()


def autocast(precision: Precision, device: torch.device) -> AbstractContextManager[None]:
    """Return the context in which forwards run.

    Raises:
        ConfigError: float16, which needs a loss scale that nobody keeps here.
    """
    if precision == "float16":
        raise ConfigError(
            '[train_module] autocast_precision: "float16" underflows without a loss scale. Use "bfloat16".'
        )
    has_it = device.type == "cuda" and torch.cuda.is_bf16_supported()
    wanted = precision == "bfloat16" or (precision == "auto" and has_it)
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=wanted)
