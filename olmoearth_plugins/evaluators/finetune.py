"""Fine-tuning: how good a model gets at a task when its encoder may learn it too.

A head learns alone at first, then encoder and head together at a tenth of the rate, lowered where the validation
samples get no better; the weights of the best epoch are tested. (Protocol of the OlmoEarth paper, fine-tuning.)
"""

# D width
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from olmoearth_core.errors import ConfigError
from olmoearth_core.evaluate.fingerprint import weights_hash
from olmoearth_core.evaluate.profile import REFERENCE
from olmoearth_core.features.store import key_of
from olmoearth_core.interfaces.evaluation import ALL, Case, Evaluator, Score, Tunable
from olmoearth_core.scores.metrics import checked as checked_metric
from olmoearth_core.scores.metrics import names
from olmoearth_core.scores.tally import Tally, scores_of
from olmoearth_plugins.probes.problem import Problem, problem_of
from olmoearth_plugins.probes.targets import Scaling, fit
from olmoearth_plugins.tuning.heads import head_of
from olmoearth_plugins.tuning.loop import Best, tallied, tune
from olmoearth_plugins.tuning.model import Model
from olmoearth_plugins.tuning.portions import Portion, portions, truth_hash
from olmoearth_plugins.tuning.recipe import Recipe, checked
from olmoearth_plugins.tuning.state import VERSION, Folder


def finetune(
    *,
    lr: float = 1e-4,
    batch_size: int = 32,
    accumulate: int = 1,
    epochs: int = 50,
    frozen_fraction: float = 0.2,
    head: str = "linear",
    layer_decay: float | None = None,
    dice: bool = False,
    seeds: int = 1,
    seed: int = 42,
    bootstrap: int = 1000,
    save_dir: str | None = None,
) -> Evaluator:
    """Train a copy of the encoder and a head on the training split; test the epoch that did best on validation.

    lr: of AdamW; a tenth of it once the encoder learns. batch_size: samples per forward pass. accumulate: passes per
    step. frozen_fraction: share of the epochs in which the head learns alone. head: "linear" or "unet" (dense tasks).
    layer_decay: factor on lr per layer below the head; null = none. dice: add the dice loss on segmentation.
    seeds: runs, seeded seed, seed + 1, ...; a score is their mean. bootstrap: resamples of the interval.
    save_dir: folder or URL for what is learnt; a run that is stopped goes on there, one that is done is not repeated.
    """
    if seeds < 1 or bootstrap < 1:
        raise ConfigError(f"finetune: seeds and bootstrap must be at least 1; got {seeds}, {bootstrap}.")
    recipe = checked(
        Recipe(lr, batch_size, accumulate, epochs, frozen_fraction, head=head, layer_decay=layer_decay, dice=dice)
    )
    return _Finetune(recipe, seeds, seed, bootstrap, save_dir)


@dataclass
class _Finetune:
    recipe: Recipe
    seeds: int
    seed: int
    bootstrap: int
    save_dir: str | None
    name: str = "finetune"

    def evaluate(self, case: Case) -> list[Score]:
        """Score valid and, if asked for, test; of a benchmark with one split, a cut by group."""
        metric = checked_metric(case.primary_metric, names(case.task_type, len(case.classes)))
        recipe = self.recipe
        if case.profile == REFERENCE:
            recipe = replace(recipe, resets_rate=True, standardised=False)
        parts = portions(case, seed=self.seed)
        each, bests = [], []
        for seed in range(self.seed, self.seed + self.seeds):
            tallies, best = _one(case, recipe, parts, metric=metric, seed=seed, save_dir=self.save_dir)
            each.append(tallies)
            bests.append(best)
        details = {"best_epochs": [best.epoch for best in bests], "frozen_epochs": recipe.frozen_epochs}
        if ALL in case.splits:
            return self._of_cut(parts, each, metric, details)
        return [
            score for split in each[0] for score in self._scores([one[split] for one in each], metric, split, details)
        ]

    def _of_cut(
        self, parts: Mapping[str, Portion], each: Sequence[Mapping[str, Tally]], metric: str, details: dict[str, object]
    ) -> list[Score]:
        """Score what was tested of the one split, or what was selected on where nothing may be tested."""
        scored = "test" if "test" in parts else "valid"
        cut = {"seed": self.seed, "scored": scored, **{name: len(part) for name, part in parts.items()}}
        return self._scores([one[scored] for one in each], metric, ALL, {**details, "cut": cut})

    def _scores(self, tallies: Sequence[Tally], metric: str, split: str, details: dict[str, object]) -> list[Score]:
        return scores_of(tallies, primary=metric, split=split, resamples=self.bootstrap, details=details)


def _one(
    case: Case, recipe: Recipe, parts: Mapping[str, Portion], *, metric: str, seed: int, save_dir: str | None
) -> tuple[dict[str, Tally], Best]:
    """Train with one seed and answer every split that is scored."""
    tuned = case.tunable()
    train = parts["train"]
    first = _first(tuned, train)
    problem = problem_of(
        case.task_type, (len(train.labels), *first.shape[1:]), train.labels.shape, len(case.classes)
    )  # fmt: skip
    folder = Folder()
    if save_dir is not None:
        key = _key(case, recipe, parts, metric, seed, weights_hash(tuned.module), first)
        folder = Folder(f"{save_dir.rstrip('/')}/{key}")
    with _seeded(seed, first.device):
        head = head_of(recipe.head, problem).to(first.device)
        model = Model(tuned, head, problem, _scaling(recipe, problem, train))
        generator = torch.Generator().manual_seed(seed)
        best = tune(model, recipe, train, parts["valid"], metric=metric, folder=folder, generator=generator)
        scored = {
            split: tallied(model, part, recipe.batch_size, metric) for split, part in parts.items() if split != "train"
        }
    return scored, best


def _first(tuned: Tunable, train: Portion) -> Tensor:
    """Return features [1,...] of the first training sample, to learn their shape and device."""
    read, _ = train.take(train.rows[:1])
    training = tuned.module.training
    tuned.module.eval()
    with torch.no_grad():
        features = tuned([read[0].sample])
    tuned.module.train(training)
    return features


def _scaling(recipe: Recipe, problem: Problem, train: Portion) -> Scaling:
    if not (problem.regression and recipe.standardised):
        return Scaling()
    return fit(torch.from_numpy(train.labels[train.rows.numpy()]))


def _key(
    case: Case, recipe: Recipe, parts: Mapping[str, Portion], metric: str, seed: int, weights: str, first: Tensor
) -> str:
    """Name a run by all that it learns from; the features of a sample stand for how values are scaled."""
    about = f"{case.task_type} {case.classes} {case.patch_size} {case.profile}"
    truth = truth_hash([parts["train"], parts["valid"]])
    seen = first.float().cpu().numpy().tobytes().hex()
    return key_of(VERSION, repr(recipe), about, metric, str(seed), weights, truth, seen)


@contextmanager
def _seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Seed the generators that a model draws from, and put them back afterwards."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield
