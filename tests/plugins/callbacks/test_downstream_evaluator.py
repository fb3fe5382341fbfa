import json
import logging
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from olmoearth_core.data.sample import Sample
from olmoearth_core.errors import DataError, TrainingError
from olmoearth_core.evaluate.team import DONE
from olmoearth_core.interfaces.callback import Stage
from olmoearth_core.interfaces.evaluation import ALL, LabelledSample, Opened, Score, Task
from olmoearth_core.train.state import Progress
from olmoearth_plugins.callbacks.downstream_evaluator import downstream_evaluator


class Bench:
    name, task_type, primary_metric, patch_size = "bench", "segmentation", "macro_f1", 4

    def open(self, specs, *, context):
        sample = Sample({}, {}, np.zeros((1, 3), np.int32), np.zeros(2, np.float32))
        return Opened({ALL: [LabelledSample(sample, np.zeros((1, 1), np.int64), "here")]}, ("a",))


class Probe:
    name = "probe"

    def __init__(self, error=None):
        self.error, self.calls = error, 0

    def evaluate(self, case):
        self.calls += 1
        torch.rand(7)
        if self.error:
            raise self.error
        return [
            Score("accuracy", 0.5, 0.4, 0.6, (0.5,), split=ALL),
            Score("macro_f1", 0.3, 0.2, 0.4, (0.3,), split=ALL),
            Score("auroc", float("nan"), split=ALL),
        ]


class World:
    """Rank 0 keeps its text; another rank is dismissed at once and told what rank 0 would have said."""

    device = torch.device("cpu")

    def __init__(self, told=None):
        self.told, self.said = told, []
        self.speaks, self.size = told is None, 1 if told is None else 2

    def patient(self):
        return self

    def share_text(self, text):
        self.said.append(text)
        if self.told is None:
            return text
        return json.dumps({"do": "end", "outcome": DONE}) if text == "" else self.told


class Run(SimpleNamespace):
    """Epochs of three steps."""

    @property
    def progress(self):
        return Progress(step=self.step, epoch=1 + self.step // 3, batch=self.step % 3)


def trainer(step=0, rank=0, world=None):
    reported = []
    model = torch.nn.Linear(1, 1)
    return Run(
        rank=rank, world=world or World(), step=step, model=model, specs=(), tokenization=None, dataset=None,
        band_gap="zero_band", reported=reported, evaluated=lambda name, metrics: reported.append((name, metrics)),
    )  # fmt: skip


def stage(probe=None, interval=10, **options):
    return downstream_evaluator(
        tasks={"cover": Task(benchmark=Bench(), evaluator=probe or Probe(), eval_interval=interval)}, **options
    )


def test_it_is_a_stage():
    assert isinstance(stage(), Stage)


def test_scores_are_reported_at_the_interval_and_not_between():
    run, evaluator = trainer(), stage()
    for step in range(1, 25):
        run.step = step
        evaluator.step_ended(run, step)
    assert [name for name, _ in run.reported] == ["cover", "cover"]
    assert run.reported[0][1] == {
        "eval/cover": 0.3, "eval/cover_ci_lower": 0.2, "eval/cover_ci_upper": 0.4, "eval_other/cover/accuracy": 0.5,
    }  # fmt: skip
    assert next(iter(run.reported[0][1])) == "eval/cover"


def test_scores_are_reported_after_every_so_many_epochs():
    probe = Probe()
    evaluator = downstream_evaluator(tasks={"cover": Task(benchmark=Bench(), evaluator=probe, eval_epochs=2)})
    scored = []
    for step in range(1, 20):
        before = probe.calls
        evaluator.step_ended(trainer(step=step), step)
        scored += [step] if probe.calls > before else []
    assert scored == [6, 12, 18]


def test_the_end_of_a_run_is_scored_once():
    run, evaluator = trainer(step=20), stage()
    evaluator.step_ended(run, 20)
    evaluator.ended(run, "finished")
    assert len(run.reported) == 1
    run.step = 21
    evaluator.ended(run, "finished")
    assert len(run.reported) == 2


@pytest.mark.parametrize("outcome", ["stopped", "failed"])
def test_a_run_that_was_cut_short_is_not_held_up(outcome):
    run = trainer(step=7)
    stage(interval=0).ended(run, outcome)
    assert run.reported == []


@pytest.mark.parametrize(("asked", "step", "times"), [(True, 0, 1), (True, 30, 0), (False, 0, 0)])
def test_startup_scores_only_when_asked_and_not_after_a_resume(asked, step, times):
    run = trainer(step=step)
    stage(eval_on_startup=asked).started(run)
    assert len(run.reported) == times


def test_tasks_that_nobody_provides_are_named_in_one_warning(caplog):
    run = trainer()
    with caplog.at_level(logging.WARNING):
        stage(tasks_to_run=["cover", "mados", "pastis"]).started(run)
    assert len(caplog.records) == 1
    assert "mados, pastis" in caplog.text


def test_tasks_to_run_leaves_the_others_out():
    probe = Probe()
    stage(probe, tasks_to_run=[]).step_ended(trainer(step=10), 10)
    assert probe.calls == 0


def test_other_ranks_score_nothing_but_report_the_same():
    probe, told = Probe(), json.dumps({"metrics": {"macro_f1": 0.25}})
    run = trainer(step=10, rank=1, world=World(told))
    stage(probe).step_ended(run, 10)
    assert probe.calls == 0
    assert run.reported == [("cover", {"macro_f1": 0.25})]


def test_an_error_on_rank_zero_ends_every_rank_with_the_same_message():
    first = trainer(step=10)
    with pytest.raises(TrainingError, match=r"task cover, step 10: sample_3\.h5 is gone"):
        stage(Probe(DataError("sample_3.h5 is gone"))).step_ended(first, 10)
    other = trainer(step=10, rank=1, world=World(first.world.said[0]))
    with pytest.raises(TrainingError, match=r"task cover, step 10: sample_3\.h5 is gone"):
        stage().step_ended(other, 10)


def test_random_states_and_module_modes_are_as_before():
    run = trainer(step=10)
    run.model.train()
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    stage().step_ended(run, 10)
    assert torch.equal(torch.rand(4), expected)
    assert run.model.training
