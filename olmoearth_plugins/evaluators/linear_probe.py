"""A linear (or nearly linear) head trained on frozen features: what can be read off them with a little learning.

Heads: batch norm and a linear map on vectors; on patches a linear map to the pixels of a patch, the same after or
before bilinear enlargement, or an attention over band groups (`probe_type`). AdamW, a rise over a tenth of the epochs,
then half a cosine. In the default profile the optimizer is kept throughout, labels that are unknown never count, and
numbers do not depend on the global random state; profile reference-2026.07 trains as olmoearth_pretrain does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from olmoearth_core.choice import one_of
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.evaluate.profile import REFERENCE
from olmoearth_core.evaluate.splits import block_split
from olmoearth_core.interfaces.evaluation import ALL, Case, Evaluator, Score
from olmoearth_core.scores import metrics
from olmoearth_core.scores.interval import score_of
from olmoearth_core.scores.tally import Tally, scores_of
from olmoearth_plugins.probes import quirks, training
from olmoearth_plugins.probes.batches import Part
from olmoearth_plugins.probes.heads import AttnPool, Head, head_of
from olmoearth_plugins.probes.losses import objective
from olmoearth_plugins.probes.problem import PROBE_TYPES, Problem, Recipe, check_labels, check_type, problem_of
from olmoearth_plugins.probes.scoring import tally_of
from olmoearth_plugins.probes.targets import Scaling, fit

_BLOCK_SPLITS = 5
_SCORED = 32
"""Samples answered at a time on dense tasks; it decides memory, not scores."""


def linear_probe(
    *,
    lr: float = 1e-2,
    batch_size: int = 32,
    epochs: int = 50,
    eval_interval: int = 50,
    probe_type: str = "linear",
    select_best: bool = False,
    dice: bool = False,
    seeds: int | None = None,
    seed: int = 42,
    bootstrap: int = 1000,
    precision: str = "auto",
) -> Evaluator:
    """Train a head on the training features and score it on the others.

    lr: peak rate of AdamW. batch_size: samples per step. epochs, eval_interval: how long, and how often the validation
    split is looked at. probe_type: linear | interpolate_linear | bilinear_conv | attnpool. select_best: keep the epoch
    with the best primary metric on validation. dice: add the dice loss (segmentation). seeds: heads trained, of which
    scores are the mean; null = 1, or 5 spatial-block splits where the benchmark has none of its own. seed: of weights
    and order. bootstrap: resamples behind the interval. precision: of products on dense tasks, auto | float32 |
    bfloat16; auto is bfloat16 where the processor multiplies it natively. Vectors are always computed in float32.
    """
    one_of(probe_type, PROBE_TYPES, "linear_probe: probe_type")
    numbers = {"batch_size": batch_size, "epochs": epochs, "eval_interval": eval_interval, "seeds": seeds or 1}
    for name, value in numbers.items():
        if value < 1:
            raise ConfigError(f"linear_probe: {name} is {value}, but must be at least 1.")
    if not lr > 0 or bootstrap < 0:
        raise ConfigError(f"linear_probe: lr must be above 0 and bootstrap at least 0; got {lr} and {bootstrap}.")
    recipe = Recipe(lr, batch_size, epochs, eval_interval, probe_type, select_best, dice)
    return _LinearProbe(recipe, seeds, seed, bootstrap, precision)


@dataclass(frozen=True)
class _Data:
    """A problem with the data of its splits, labels in their own unit."""

    problem: Problem
    parts: dict[str, Part]
    truth: dict[str, np.ndarray]


@dataclass(frozen=True)
class _LinearProbe:
    recipe: Recipe
    seeds: int | None
    seed: int
    bootstrap: int
    precision: str
    name: str = "linear_probe"

    def evaluate(self, case: Case) -> list[Score]:
        """Return scores of the validation split and, if asked for, of the test split; or of spatial blocks."""
        check_type(self.recipe.probe_type, case.task_type)
        if case.profile == REFERENCE and case.task_type == "multilabel":
            raise ConfigError('linear_probe: profile "reference-2026.07" has no probe for several labels. Use knn.')
        if self.recipe.dice and case.task_type != "segmentation":
            raise ConfigError(f"linear_probe: dice is a loss of segmentation; leave it out on a {case.task_type} task.")
        if ALL in case.splits:
            return self._by_blocks(case)
        splits = ["train", "valid", *(["test"] if case.test else [])]
        data = self._data(case, splits)
        runs = [self._run(case, data, splits[1:], self.seed + i) for i in range(self.seeds or 1)]
        found: list[Score] = []
        for split in splits[1:]:
            details = runs[0][1] if split == splits[-1] else None
            tallies = [tallies[split] for tallies, _ in runs]
            found += scores_of(
                tallies, primary=case.primary_metric, split=split, resamples=self.bootstrap, details=details
            )
        return found

    def _data(self, case: Case, splits: Sequence[str]) -> _Data:
        concat = self.recipe.probe_type == "attnpool"
        features = {split: case.features(split, concat=concat) for split in splits}
        truth = {split: np.asarray(case.labels(split)) for split in splits}
        problems = {
            split: problem_of(case.task_type, tuple(features[split].shape), truth[split].shape, len(case.classes))
            for split in splits
        }
        for split, problem in problems.items():
            if problem != problems[splits[0]]:
                raise DataError(f"Splits must be alike, but {split} has {problem} and train {problems[splits[0]]}.")
            check_labels(truth[split], problem, split)
        labels = {split: torch.from_numpy(np.ascontiguousarray(values)) for split, values in truth.items()}
        parts = {split: Part(features[split], labels[split], torch.arange(len(labels[split]))) for split in splits}
        return _Data(problems[splits[0]], parts, truth)

    def _run(
        self, case: Case, data: _Data, splits: Sequence[str], seed: int
    ) -> tuple[dict[str, Tally], dict[str, Any]]:
        """Train one head; return its tallies of some splits, and what is worth knowing of it."""
        legacy, problem, recipe = case.profile == REFERENCE, data.problem, self.recipe
        place = training.place_of("float32" if legacy else self.precision, problem, case.device)
        if legacy and problem.task_type == "regression" and recipe.probe_type == "linear":
            recipe = replace(recipe, probe_type="bilinear_conv")
        train, scaling = _learned(data.parts["train"], problem, legacy=legacy)

        def tally(head: Head, split: str) -> Tally:
            answers = _outputs(head, data.parts[split], _SCORED if problem.dense else 4096, place, legacy=legacy)
            return tally_of(answers, data.truth[split], problem, scaling, curves=legacy)

        with torch.random.fork_rng(devices=[]):
            # Not torch.manual_seed, which seeds the accelerators too.
            torch.default_generator.manual_seed(seed)
            head = head_of(recipe.probe_type, problem).to(case.device)
            if legacy:
                steps = quirks.segments(head, train, recipe, objective(problem, dice=recipe.dice), case.device)
            else:
                steps = training.epochs(head, train, recipe, seed, place)
            return self._finished(case, head, steps, tally, splits, recipe, legacy=legacy)

    def _finished(
        self,
        case: Case,
        head: Head,
        steps: Iterator[int],
        tally: Any,
        splits: Sequence[str],
        recipe: Recipe,
        *,
        legacy: bool,
    ) -> tuple[dict[str, Tally], dict[str, Any]]:
        """Train to the end, keep the best state where it is asked for, and score."""
        valid: list[Tally] = []
        best, state, epoch = float("nan"), None, recipe.epochs
        tallies: dict[str, Tally] = {}
        choose = (recipe.select_best or legacy) and "valid" in splits
        for done in steps:
            if not choose:
                continue
            found = tally(head, "valid")
            value = found.metrics()[case.primary_metric]
            if legacy:
                valid.append(found)
            if state is None or metrics.better(case.primary_metric, value, best):
                best, epoch, tallies["valid"] = value, done, found
                state = {name: part.clone() for name, part in head.state_dict().items()}
        if valid:
            tallies["valid"] = valid[quirks.reported(epoch, recipe, len(valid))]
        if state is not None:
            head.load_state_dict(state)
        for split in splits:
            if isinstance(head, AttnPool):
                head.counting, head.attention, head.patches = split == splits[-1], None, 0
            if split not in tallies or isinstance(head, AttnPool):
                # What is reported stays; a pass for the attention alone.
                again = tally(head, split)
                tallies.setdefault(split, again)
        return tallies, {"epoch": epoch, **_attention(head)}

    def _by_blocks(self, case: Case) -> list[Score]:
        data = self._data(case, [ALL])
        groups = list(case.groups(ALL))
        rows = []
        for i in range(self.seeds or _BLOCK_SPLITS):
            train, test = block_split(groups, test_fraction=0.3, seed=i)
            cut = {"train": train, ALL: test}
            if self.recipe.select_best or case.profile == REFERENCE:
                kept, valid = block_split([groups[j] for j in train], test_fraction=0.2, seed=i)
                cut |= {"train": train[kept], "valid": train[valid]}
            parts = {name: data.parts[ALL].at(torch.from_numpy(at)) for name, at in cut.items()}
            here = replace(data, parts=parts, truth=dict.fromkeys(parts, data.truth[ALL]))
            splits = [name for name in parts if name != "train"]
            rows.append(self._run(case, here, splits, self.seed + i)[0][ALL].metrics())
        scores = [score_of(metric, [row[metric] for row in rows]) for metric in rows[0]]
        return [replace(score, split=ALL, interval="splits") for score in scores]


def _learned(train: Part, problem: Problem, *, legacy: bool) -> tuple[Part, Scaling]:
    """Return the training samples that have a label, numbers as z-scores; the reference trains on the others too.

    Raises:
        DataError: there are none.
    """
    known = train.labelled(problem)
    if not len(known):
        raise DataError(f"train: none of {len(train)} samples has a label, so there is nothing to learn from.")
    scaling, labels = Scaling(), train.labels
    if problem.regression:
        scaling = fit(labels[known.rows].float())
        labels = scaling.scaled(labels.float())
    return replace(train if legacy else known, labels=labels), scaling


def _outputs(
    head: Head, part: Part, size: int, place: training.Place, *, legacy: bool
) -> Iterator[tuple[Tensor, Tensor]]:
    """Answer batch by batch; the reference feeds float32 features to a head under autocast."""
    if not legacy:
        yield from training.outputs(head, part, size, place)
        return
    device = torch.device(place.device)
    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16):
        for rows in torch.split(part.rows, size):
            yield rows, head(part.features.index_select(0, rows).to(device)).float().cpu()


def _attention(head: Head) -> dict[str, Any]:
    if not isinstance(head, AttnPool) or head.attention is None:
        return {}
    return {"attention": (head.attention / max(1, head.patches)).cpu().numpy().round(6).tolist()}
