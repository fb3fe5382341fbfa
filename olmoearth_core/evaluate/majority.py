"""The score of an answer that never looks: the most frequent class, or the mean, of the training labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from olmoearth_core.interfaces.evaluation import Score
from olmoearth_core.scores.tally import scores_of
from olmoearth_core.scores.trivial import chance

if TYPE_CHECKING:
    from olmoearth_core.evaluate.run import OpenTask


def majority_scores(open_: OpenTask, *, test: bool) -> Sequence[Score]:
    """Score it on the validation split and, if asked, on the test split."""
    truth = open_.chunks["train"].labels()
    task_type, classes = open_.task.benchmark.task_type, len(open_.opened.classes)
    scores: list[Score] = []
    for split in ("valid", "test") if test else ("valid",):
        if split in open_.chunks:
            tally = chance(truth, open_.chunks[split].labels(), task_type, classes)
            scores += scores_of([tally], primary=open_.primary, split=split)
    return scores
