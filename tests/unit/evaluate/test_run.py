"""Tasks times subjects: rows, comparisons, remarks, features made once, and nothing read that need not be."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import nn

from olmoearth_core.data.sample import Sample
from olmoearth_core.data.tokens import Tokenization
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.evaluate.chunks import Chunks, absent_share, content_hash, fingerprint
from olmoearth_core.evaluate.fingerprint import weights_hash
from olmoearth_core.evaluate.lazy import subset
from olmoearth_core.evaluate.results import as_json, from_json, markdown, table
from olmoearth_core.evaluate.run import Options, open_task, score_task
from olmoearth_core.evaluate.subjects import Subject
from olmoearth_core.evaluate.tuning import NothingToTrain, layers_of
from olmoearth_core.features.embed import Reading
from olmoearth_core.features.store import Store
from olmoearth_core.interfaces.evaluation import ALL, Context, LabelledSample, Opened, Task
from olmoearth_core.scores.interval import score_of

CONTEXT = Context()


def labelled(value=0.0, present=True, group="a", label=0):
    array = np.full((4, 4, 2, 3), value, np.float32)
    sample = Sample({"x": array}, {"x": np.full((1, 1, 2, 1), present)}, np.zeros((2, 3), np.int32), np.zeros(2))
    return LabelledSample(sample, np.full((1, 1), label, np.int64), group)


@dataclass
class Bench:
    splits: dict
    foreign: tuple = ()
    name: str = "bench"
    task_type: str = "segmentation"
    primary_metric: str = "miou"
    patch_size: int = 4

    def open(self, specs, *, context):
        return Opened(self.splits, ("a", "b"), foreign=dict(self.foreign), source="release 1")


class Mean:
    """Scores are the mean feature of the first split, on two seeds."""

    name = "mean"

    def evaluate(self, case):
        value = float(case.features(case.splits[0]).mean())
        return [
            replace(score_of("miou", [value, value + 0.2]), split=case.splits[0]),
            replace(score_of("overall_acc", [value]), split=case.splits[0]),
        ]


class Tuner:
    name = "tuner"

    def evaluate(self, case):
        case.tunable()
        return []


def subject(name, value, calls=None, **facts):
    def encode(samples):
        if calls is not None:
            calls.append(len(samples))
        return torch.full((len(samples), 1, 1, 2), value)

    return Subject(name, lambda reading: encode, f"hash of {name}", **facts)


def reading(open_, subject):
    return Reading([], Tokenization(), open_.task.benchmark.patch_size)


def opened(data=None, evaluator=None, **options):
    splits = data if isinstance(data, dict) else {ALL: data or [labelled(), labelled(present=False)]}
    task = Task(benchmark=Bench(splits), evaluator=evaluator or Mean(), **options)
    return open_task("cover", task, (), CONTEXT)


def rows(*subjects, options=None, **facts):
    return score_task(opened(**facts), subjects, reading, options or Options(), {"pooling": "mean"})


def test_every_subject_gets_a_row_per_metric_and_the_first_is_compared_with_the_others():
    found = rows(subject("trained", 0.5), subject("untrained", 0.25))
    assert [(r.subject, r.metric) for r in found if r.primary] == [
        ("trained", "miou"), ("untrained", "miou"), ("trained - untrained", "miou"),
    ]  # fmt: skip
    gain = next(r for r in found if r.subject == "trained - untrained" and r.primary)
    assert gain.seeds == pytest.approx((0.25, 0.25))
    assert gain.low == pytest.approx(0.25)


def test_a_row_says_profile_data_weights_settings_and_how_much_was_missing():
    row = rows(subject("trained", 0.5))[0]
    assert (row.profile, row.benchmark, row.evaluator, row.counts) == ("default", "bench", "mean", {ALL: 2})
    assert (row.weights, row.source, row.settings) == ("hash of trained", "release 1", {"pooling": "mean"})
    assert row.absent == 0.5
    assert len(row.dataset) == 16


@pytest.mark.parametrize("splits", [{}, {ALL: []}, {"train": [labelled()], "test": []}])
def test_a_benchmark_without_samples_is_an_error_that_names_the_task(splits):
    task = Task(benchmark=Bench(splits), evaluator=Mean())
    with pytest.raises(DataError, match="Task cover: bench has no sample"):
        open_task("cover", task, (), CONTEXT)


def test_twins_and_scores_below_something_trivial_are_flagged():
    found = rows(subject("trained", 0.5), subject("untrained", 0.5), subject("pixels", 0.75))
    trained = next(r for r in found if r.subject == "trained" and r.primary)
    assert trained.flags == ("equal to the last bit to untrained (hash of untrained)", "below pixels")
    assert next(r for r in found if r.subject == "pixels" and r.primary).flags == ()
    assert all(not r.flags for r in found if not r.primary)


def test_a_subject_that_refuses_gets_a_row_that_says_why_and_is_not_scored():
    calls = []
    refuse = lambda sample, foreign, task_type, normalization: f"{task_type} of {dict(foreign)}"  # noqa: E731
    (row,) = rows(subject("other", 0.5, calls, refuse=refuse))
    assert math.isnan(row.value)
    assert row.flags == ("refused: segmentation of {}",)
    assert calls == []


def test_a_baseline_without_weights_is_left_out_where_the_encoder_is_trained():
    tune = lambda reading, sample: None  # noqa: E731
    assert rows(subject("trained", 0.5, tune=tune), subject("pixels", 0.1), evaluator=Tuner()) == []
    with pytest.raises(NothingToTrain, match="pixels"):
        rows(subject("pixels", 0.1), evaluator=Tuner())


def test_kept_features_are_found_again_until_weights_pixels_or_settings_change(tmp_path):
    store = Options(store=Store(tmp_path))
    data = [labelled(float(i)) for i in range(5)]
    calls = []
    first = rows(subject("trained", 0.5, calls), data=data, batch_size=2, options=store)
    assert calls == [2, 2, 1]
    assert rows(subject("trained", 0.5, calls), data=data, batch_size=2, options=store) == first
    assert calls == [2, 2, 1]
    changed = [*data[:4], labelled(9.0)]
    rows(subject("trained", 0.5, calls), data=changed, batch_size=2, options=store)
    assert calls == [2, 2, 1, 1]
    rows(replace(subject("trained", 0.5, calls), weights="others"), data=data, batch_size=2, options=store)
    assert calls == [2, 2, 1, 1, 2, 2, 1]


def test_damaged_kept_features_are_made_again(tmp_path):
    store = Options(store=Store(tmp_path))
    first = rows(subject("trained", 0.5), options=store)
    (path,) = tmp_path.rglob("*.npy")
    path.write_bytes(path.read_bytes()[:40])
    assert rows(subject("trained", 0.5), options=store) == first
    assert not list(tmp_path.rglob("*.part"))


def test_labels_of_several_shapes_are_refused():
    odd = replace(labelled(), label=np.zeros((2, 2), np.int64))
    for size in (1, 2):
        with pytest.raises(DataError, match="labels of one shape"):
            opened([labelled(), odd], batch_size=size).chunks[ALL].labels()


def test_a_subset_of_the_training_samples_follows_its_seed():
    data = {split: [labelled(float(i)) for i in range(10)] for split in ("train", "valid", "test")}
    kept = lambda seed: [  # noqa: E731
        float(one.sample.arrays["x"].max())
        for one in opened(data, max_train_samples=4, subset_seed=seed).chunks["train"].samples
    ]
    order = torch.randperm(10, generator=torch.Generator().manual_seed(42))[:4]
    assert kept(42) == sorted(order.tolist())
    assert kept(42) != kept(43)
    assert subset(data["train"], 99, 0) is data["train"]
    with pytest.raises(ConfigError, match="at least 1"):
        opened(data, max_train_samples=0)


def test_the_fingerprint_follows_content():
    same = [labelled(1.0)]
    changed = [
        [labelled(2.0)],
        [labelled(1.0, group="b")],
        [labelled(1.0, present=False)],
        [labelled(1.0, label=1)],
    ]
    assert fingerprint([Chunks(ALL, same, 2)]) == fingerprint([Chunks(ALL, [labelled(1.0)], 2)])
    assert len({fingerprint([Chunks(ALL, data, 2)]) for data in [same, *changed]}) == 5
    moved = replace(same[0], sample=replace(same[0].sample, timestamps=np.ones((2, 3), np.int32)))
    assert content_hash(moved) != content_hash(same[0])


def test_absent_shares_are_weighed_by_values():
    data = [labelled(), labelled(present=False), labelled(), labelled()]
    assert absent_share([Chunks(ALL, data, 3)]) == 0.25


def test_the_hash_of_weights_follows_names_and_values():
    torch.manual_seed(0)
    first, second = nn.Linear(2, 2), nn.Linear(2, 2)
    assert weights_hash(first) == weights_hash(first) != weights_hash(second)
    second.load_state_dict(first.state_dict())
    assert weights_hash(first) == weights_hash(second)
    assert weights_hash(nn.Linear(2, 2).bfloat16())


def test_parameters_are_told_apart_by_depth():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem, self.blocks, self.norm = nn.Linear(1, 1), nn.ModuleList(nn.Linear(1, 1) for _ in range(3)), None
            self.last = nn.Linear(1, 1, bias=False)

    net = Net()
    assert [len(layer) for layer in layers_of(net)] == [2, 2, 2, 2, 1]
    assert [p for layer in layers_of(net) for p in layer] == list(net.parameters())
    assert layers_of(nn.Linear(1, 1))[0][0].shape == (1, 1)


def test_rows_survive_json_and_what_is_no_number_is_null():
    row = replace(rows(subject("trained", 0.5))[0], low=math.nan)
    body = as_json(row)
    assert body["low"] is None
    back = from_json(body, "here")
    assert (back.value, back.seeds, back.flags, math.isnan(back.low)) == (row.value, row.seeds, row.flags, True)
    with pytest.raises(DataError, match="here: found a row that cannot be read"):
        from_json({"value": "much"}, "here")


def test_the_table_shows_primary_metrics_with_signs_on_differences():
    found = rows(subject("trained", 0.5), subject("untrained", 0.75))
    assert "overall_acc" not in table(found)
    assert "trained - untrained" in table(found)
    assert "-0.2500" in table(found)
    assert "overall_acc" in table(found, all_metrics=True)
    text = markdown([replace(found[0], flags=("a|b",))])
    assert text.splitlines()[2].count("|") - text.count("\\|") == 10
