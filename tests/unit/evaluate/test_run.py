import json
import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import nn

from olmoearth_core.data.sample import Sample
from olmoearth_core.data.tokens import Tokenization
from olmoearth_core.errors import DataError
from olmoearth_core.evaluate.embed import Reading
from olmoearth_core.evaluate.fingerprint import absent_share, fingerprint, weights_hash
from olmoearth_core.evaluate.interval import score_of
from olmoearth_core.evaluate.results import table, write
from olmoearth_core.evaluate.run import Subject, open_task, score_task
from olmoearth_core.interfaces.evaluation import LabelledSample, Task


def labelled(value=0.0, present=True, group="a"):
    array = np.full((4, 4, 2, 3), value, np.float32)
    sample = Sample({"x": array}, {"x": np.full((1, 1, 2, 1), present)}, np.zeros((2, 3), np.int32), np.zeros(2))
    return LabelledSample(sample, np.zeros((1, 1), np.int64), group)


@dataclass
class Bench:
    data: list
    name: str = "bench"
    task_type: str = "segmentation"
    classes: tuple = ("a", "b")
    primary_metric: str = "accuracy"
    patch_size: int = 4

    def samples(self, specs, *, context):
        yield from self.data


class Mean:
    """Scores are the mean feature, on two seeds."""

    name = "mean"

    def evaluate(self, encode, data, benchmark):
        value = float(encode([d.sample for d in data]).mean())
        return {"accuracy": score_of("accuracy", [value, value + 0.2]), "miou": score_of("miou", [value])}


def subject(name, value):
    return Subject(name, lambda reading: lambda samples: torch.full((len(samples), 1), value), f"hash of {name}")


def rows(*subjects, data=None):
    task = Task(benchmark=Bench(data or [labelled(), labelled(present=False)]), evaluator=Mean())
    found = open_task("cover", task, (), {})
    return score_task("cover", task, found, subjects, lambda bench: Reading([], Tokenization(), bench.patch_size))


def test_every_subject_gets_a_row_per_metric_and_the_first_is_compared_with_the_others():
    found = rows(subject("trained", 0.5), subject("untrained", 0.25))
    assert [(r.subject, r.metric) for r in found if r.primary] == [
        ("trained", "accuracy"), ("untrained", "accuracy"), ("trained - untrained", "accuracy"),
    ]  # fmt: skip
    gain = next(r for r in found if r.subject == "trained - untrained" and r.primary)
    assert gain.seeds == pytest.approx((0.25, 0.25))
    assert gain.low == pytest.approx(0.25)


def test_a_row_says_profile_data_weights_and_how_much_was_missing():
    row = rows(subject("trained", 0.5))[0]
    assert (row.profile, row.benchmark, row.evaluator, row.samples) == ("default", "bench", "mean", 2)
    assert row.weights == "hash of trained"
    assert row.absent == 0.5
    assert len(row.dataset) == 16


def test_a_benchmark_without_samples_is_an_error_that_names_the_task():
    with pytest.raises(DataError, match="Task cover: bench has no sample"):
        open_task("cover", Task(benchmark=Bench([]), evaluator=Mean()), (), {})


def test_the_fingerprint_follows_content():
    same, other = [labelled(1.0)], [labelled(2.0)]
    assert fingerprint(same) == fingerprint([labelled(1.0)])
    changed = [
        other,
        [labelled(1.0, group="b")],
        [labelled(1.0, present=False)],
        [replace(same[0], label=np.ones((1, 1)))],
    ]
    assert len({fingerprint(data) for data in [same, *changed]}) == 5


def test_absent_shares_are_weighed_by_values():
    assert absent_share([labelled(), labelled(present=False), labelled(), labelled()]) == 0.25


def test_the_hash_of_weights_follows_names_and_values():
    torch.manual_seed(0)
    first, second = nn.Linear(2, 2), nn.Linear(2, 2)
    assert weights_hash(first) == weights_hash(first) != weights_hash(second)
    second.load_state_dict(first.state_dict())
    assert weights_hash(first) == weights_hash(second)
    assert weights_hash(nn.Linear(2, 2).bfloat16())


def test_results_are_written_whole_with_null_for_what_is_no_number(tmp_path):
    path = tmp_path / "evaluations" / "one.json"
    found = rows(subject("trained", 0.5))
    write(found, path, {"step": 3})
    body = json.loads(path.read_text())
    assert (body["step"], len(body["rows"])) == (3, 2)
    assert body["rows"][1]["low"] is None
    assert body["rows"][0]["seeds"] == [0.5, 0.7]
    assert list(path.parent.iterdir()) == [path]


def test_the_table_shows_primary_metrics_with_signs_on_differences():
    text = table(rows(subject("trained", 0.5), subject("untrained", 0.75)))
    assert "miou" not in text
    assert "trained - untrained" in text
    assert "-0.2500" in text
    assert "miou" in table(rows(subject("trained", 0.5)), all_metrics=True)
    assert math.isnan(rows(subject("trained", 0.5))[1].low)
