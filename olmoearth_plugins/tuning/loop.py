"""Epoch after epoch: learn, validate, keep the best; goes on where it was stopped, with the same numbers."""

# B batch
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from olmoearth_core.errors import TrainingError
from olmoearth_core.scores.metrics import better
from olmoearth_core.scores.tally import Tally
from olmoearth_plugins.probes.losses import Objective, objective
from olmoearth_plugins.tuning import rates
from olmoearth_plugins.tuning.model import Model
from olmoearth_plugins.tuning.portions import Portion
from olmoearth_plugins.tuning.recipe import Recipe
from olmoearth_plugins.tuning.state import Folder, damaged
from olmoearth_plugins.tuning.tallies import primary, tally_of

State = dict[str, Tensor]


@dataclass(frozen=True)
class Best:
    """The weights that did best on the validation samples, on the CPU, and after which epoch, counted from 0."""

    state: State
    value: float
    epoch: int


def tune(model: Model, recipe: Recipe, train: Portion, valid: Portion, *, metric: str, folder: Folder,
         generator: torch.Generator) -> Best:  # fmt: skip
    """Train a model and leave it with its best weights. generator: of the order of samples.

    Randomness of the model itself is drawn from the global generators: call it inside `torch.random.fork_rng`.

    Raises:
        TrainingError: the loss is not finite, or the encoder does not learn.
        DataError: a file of `folder` is damaged.
    """
    done = folder.best()
    if done is not None:
        best = Best(done["model_state"], done["best_val_metric"], done["best_epoch"])
        _load(model, best.state, f"{folder.url}/best.pt")
        return best
    run = _Run(model, recipe, train.labelled(model.problem), valid.labelled(model.problem), metric, generator)
    start = run.resume(folder)
    for epoch in range(start, recipe.epochs):
        run.epoch(epoch)
        folder.keep(run.state(epoch))
    assert run.best is not None
    model.whole.load_state_dict(run.best.state)
    model.whole.eval()
    folder.finish(
        {"model_state": run.best.state, "best_val_metric": run.best.value, "best_epoch": run.best.epoch}
    )  # fmt: skip
    return run.best


def tallied(model: Model, part: Portion, size: int, metric: str) -> Tally:
    """Compare a model's answers for some samples with their labels, `size` at a time."""
    model.whole.eval()

    def answered() -> Iterator[tuple[Tensor, Tensor]]:
        for rows in part.batches(size):
            read, labels = part.take(rows)
            yield model.answers(read), labels

    return tally_of(model.problem, metric, answered())


@dataclass
class _Run:
    model: Model
    recipe: Recipe
    train: Portion
    valid: Portion
    metric: str
    generator: torch.Generator
    best: Best | None = None
    unfrozen: bool = False
    optimizer: torch.optim.Optimizer = field(init=False)
    plateau: Any = field(init=False)
    loss: Objective = field(init=False)

    def __post_init__(self) -> None:
        self.optimizer = rates.optimizer_of(self.model.tuned, self.model.head, self.recipe)
        self.plateau = rates.plateau_of(self.optimizer, self.metric)
        self.loss = objective(self.model.problem, dice=self.recipe.dice and self.model.problem.dense)
        self.unfrozen = not self.recipe.frozen_epochs
        self._set_gradients()

    def epoch(self, number: int) -> None:
        """Train once over the samples, validate, and lower the rate where nothing gets better."""
        if number == self.recipe.frozen_epochs and not self.unfrozen:
            self.unfrozen = True
            self._set_gradients()
            rates.lower(self.optimizer, self.recipe)
        self._train(number)
        value = primary(tallied(self.model, self.valid, self.recipe.batch_size, self.metric), self.metric)
        self.plateau.step(value)
        if self.best is None or better(self.metric, value, self.best.value):
            self.best = Best(_on_cpu(self.model.whole.state_dict()), value, number)

    def state(self, epoch: int) -> dict[str, Any]:
        """Return all that the next epoch depends on."""
        assert self.best is not None
        return {
            "epoch": epoch,
            "model_state": self.model.whole.state_dict(),
            "optimizer_state": self.optimizer.state_dict(),
            "scheduler_state": self.plateau.state_dict(),
            "best_state": self.best.state,
            "best_val_metric": self.best.value,
            "best_epoch": self.best.epoch,
            "backbone_unfrozen": self.unfrozen,
            "generator_state": _generators(self.generator, self.model.device),
        }

    def resume(self, folder: Folder) -> int:
        """Take up where the folder says it was stopped; return the epoch to go on with."""
        last = folder.last()
        if last is None:
            return 0
        where = f"{folder.url}/last.pt"
        _load(self.model, last["model_state"], where)
        try:
            self.optimizer.load_state_dict(last["optimizer_state"])
            self.plateau.load_state_dict(last["scheduler_state"])
            self.best = Best(last["best_state"], last["best_val_metric"], last["best_epoch"])
            self.unfrozen = bool(last["backbone_unfrozen"])
            _set_generators(self.generator, self.model.device, last["generator_state"])
            start = int(last["epoch"]) + 1
        except (RuntimeError, ValueError, KeyError, TypeError, AttributeError, IndexError) as cause:
            raise damaged(where, str(cause)) from cause
        self._set_gradients()
        return start

    def _set_gradients(self) -> None:
        (rates.unfreeze if self.unfrozen else rates.freeze)(self.model.learnt_late)

    def _train(self, number: int) -> None:
        self.model.tuned.module.train(self.unfrozen)
        self.model.head.train()
        order = self.train.rows[torch.randperm(len(self.train), generator=self.generator)]
        for rows in torch.split(order, self.recipe.batch_size * self.recipe.accumulate):
            loss = self._learn(torch.split(rows, self.recipe.batch_size))
            self._check(loss, number)
            self.optimizer.step()
            self.optimizer.zero_grad()

    def _learn(self, batches: Sequence[Tensor]) -> Tensor:
        """Add up the gradients of some batches; return the mean of their losses."""
        total = torch.zeros((), device=self.model.device)
        for batch in batches:
            read, labels = self.train.take(batch)
            if self.model.problem.regression:
                labels = self.model.scaling.scaled(labels)
            out = self.model.outputs(read, frozen=not self.unfrozen)
            # By the batches that are there, so that a last, shorter step is as long as the others.
            value = self.loss(out, labels.to(out.device)) / len(batches)
            value.backward()  # type: ignore[no-untyped-call]
            total += value.detach()
        return total

    def _check(self, loss: Tensor, number: int) -> None:
        """Stop before a step that would spoil the weights, or leave those of the encoder as they are."""
        if not loss.isfinite():
            rate = self.optimizer.param_groups[0]["lr"]
            raise TrainingError(
                f"finetune: the loss is {float(loss)} in epoch {number} of {self.recipe.epochs} (from 0) at learning "
                f"rate {rate:g}, lr {self.recipe.lr:g}. Use a smaller lr, and check the inputs for values out of range."
            )
        if self.unfrozen and all(parameter.grad is None for parameter in self.model.learnt_late):
            raise TrainingError(
                "finetune: the encoder is trained, but no gradient reaches its weights. Its `embed` must record "
                "gradients and compute with the module that is trained; or freeze it: frozen_fraction = 1."
            )


def _load(model: Model, state: Any, where: str) -> None:
    try:
        model.whole.load_state_dict(state)
    except (RuntimeError, TypeError, AttributeError) as cause:
        raise damaged(where, " ".join(str(cause).split())[:200]) from cause


def _on_cpu(state: Mapping[str, Tensor]) -> State:
    return {name: tensor.detach().to("cpu", copy=True) for name, tensor in state.items()}


def _generators(generator: torch.Generator, device: torch.device) -> State:
    states = {"order": generator.get_state(), "cpu": torch.get_rng_state()}
    return states if device.type == "cpu" else {**states, "device": torch.cuda.get_rng_state(device)}


def _set_generators(generator: torch.Generator, device: torch.device, states: Mapping[str, Tensor]) -> None:
    generator.set_state(states["order"])
    torch.set_rng_state(states["cpu"])
    if device.type != "cpu":
        torch.cuda.set_rng_state(states["device"], device)
