"""Runs of a toy model: what is saved, what is resumed, who is told."""

import json
import logging

import pytest
import torch

from olmoearth_core.errors import CheckpointError, ConfigError, TrainingError
from olmoearth_core.hooks import hookimpl
from olmoearth_core.interfaces.callback import Observer
from olmoearth_core.train import checkpoint


class Listener(Observer):
    def __init__(self, fail_in=None):
        self.heard, self.fail_in = [], fail_in

    def hear(self, what, *facts):
        self.heard.append((what, *facts))
        if what == self.fail_in:
            raise ValueError("a fault of the listener")

    @hookimpl
    def run_started(self, run):
        self.hear("run_started", run.step)

    @hookimpl
    def step_ended(self, step, metrics):
        self.hear("step_ended", step, dict(metrics))

    @hookimpl
    def evaluated(self, step, name, metrics):
        self.hear("evaluated", step, name, dict(metrics))

    @hookimpl
    def checkpoint_saved(self, path):
        self.hear("checkpoint_saved", path.rpartition("/")[2])

    @hookimpl
    def run_ended(self, outcome):
        self.hear("run_ended", outcome)

    def losses(self):
        return {f[1]: f[2]["train/loss"] for f in self.heard if f[0] == "step_ended" and "train/loss" in f[2]}


class StopAt:
    def __init__(self, at):
        self.at, self.calls, self.restored = at, [], None

    def started(self, trainer):
        self.calls.append("started")

    def step_ended(self, trainer, step):
        trainer.record("stage/seen", step)
        if step == self.at:
            trainer.stop("enough")

    def ended(self, trainer, outcome):
        self.calls.append(outcome)
        trainer.evaluated("task", {"score": 0.5})

    def state_dict(self):
        return {"at": self.at}

    def load_state_dict(self, state):
        self.restored = state


def weights(run):
    return {k: v.clone() for k, v in run.trainer.model.state_dict().items()}


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def test_a_run_ends_with_a_checkpoint_of_its_last_step(toy):
    result = toy.run(steps=5).fit()
    assert (result.outcome, result.exit_code, result.step) == ("finished", 0, 5)
    assert [p.name for p in checkpoint.checkpoints(toy.root / "toy")] == ["step00000003", "step00000005"]


def test_every_step_is_reported_in_order_however_rare_the_flushes(toy):
    listener = Listener()
    toy.run(steps=7, metrics_collect_interval=5, callbacks={"a": listener}).fit()
    assert list(listener.losses()) == [1, 2, 3, 4, 5, 6, 7]


def test_metrics_carry_the_terms_their_sum_and_the_legacy_names(toy):
    listener = Listener()
    toy.run(steps=1, callbacks={"a": listener}).fit()
    metrics = next(f[2] for f in listener.heard if f[0] == "step_ended")
    assert metrics["train/loss"] == pytest.approx(metrics["train/loss/Square"] + metrics["train/loss/Other"])
    assert metrics["train/Square"] == metrics["train/loss"]
    assert {"optim/total grad norm", "optim/LR (group 0)", "throughput/tokens_per_second"} <= metrics.keys()
    assert metrics["optim/LR (group 0)"] == 0.1


def test_every_step_says_which_epoch_it_belongs_to(toy):
    listener = Listener()
    run = toy.run(steps=11, metrics_collect_interval=5, callbacks={"a": listener})
    run.fit()
    found = [f[2]["train/epoch"] for f in listener.heard if f[0] == "step_ended"]
    per_epoch = run.trainer.horizon.batches_per_epoch
    assert found == [1 + step // per_epoch for step in range(11)]
    assert found[-1] > 1


def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(toy):
    whole, cut = Listener(), Listener()
    straight = toy.run(name="whole", steps=9, callbacks={"a": whole})
    straight.fit()
    toy.run(name="cut", steps=4, callbacks={"a": cut}).fit()
    resumed = toy.run(name="cut", steps=9, callbacks={"a": cut})
    resumed.fit()
    assert same(weights(straight), weights(resumed))
    assert whole.losses() == cut.losses()
    assert ("run_started", 4) in cut.heard


def test_a_resumed_run_goes_on_within_its_epoch(toy):
    toy.run(steps=8).fit()
    resumed = toy.run(steps=10)
    resumed.fit()
    seen = resumed.parts.train_module.seen
    assert [positions[0] for step, positions in seen if step == 9] == [8, 9]


def test_a_finished_run_is_left_alone(toy):
    toy.run(steps=4).fit()
    again = toy.run(steps=4).fit()
    assert (again.outcome, again.exit_code, again.step) == ("already finished", 0, 4)


def test_a_stage_can_stop_the_run_and_its_state_comes_back(toy):
    stage = StopAt(2)
    result = toy.run(steps=9, callbacks={"stop": stage}).fit()
    assert (result.outcome, result.step, stage.calls) == ("stopped", 2, ["started", "stopped"])
    again = StopAt(99)
    toy.run(steps=3, callbacks={"stop": again}).fit()
    assert again.restored == {"at": 2}


def test_what_stages_record_and_score_reaches_observers(toy):
    listener = Listener()
    toy.run(steps=3, callbacks={"stop": StopAt(9), "a": listener}).fit()
    assert [f[2]["stage/seen"] for f in listener.heard if f[0] == "step_ended"] == [1.0, 2.0, 3.0]
    assert ("evaluated", 3, "task", {"score": 0.5}) in listener.heard


def test_removing_an_observer_does_not_change_the_loss_curve(toy):
    with_it, without = toy.run(name="with", callbacks={"a": Listener()}), toy.run(name="without")
    with_it.fit()
    without.fit()
    assert same(weights(with_it), weights(without))


@pytest.mark.parametrize("hook", ["run_started", "step_ended", "checkpoint_saved"])
def test_an_observer_that_raises_is_left_out_with_a_warning_and_the_others_go_on(toy, caplog, hook):
    bad, good = Listener(fail_in=hook), Listener()
    with caplog.at_level(logging.WARNING):
        assert toy.run(callbacks={"bad": bad, "good": good}).fit().outcome == "finished"
    assert [f[0] for f in bad.heard].count(hook) == 1
    assert bad.heard[-1][0] == hook
    assert good.heard[-1] == ("run_ended", "finished")
    assert "the callback bad raised" in caplog.text


def test_observers_hear_in_file_order(toy):
    order = []
    first, second = Listener(), Listener()
    first.hear = lambda *f: order.append("first")
    second.hear = lambda *f: order.append("second")
    toy.run(steps=1, callbacks={"first": first, "second": second}).fit()
    assert order[:2] == ["first", "second"]


def test_an_error_of_a_stage_ends_the_run_and_is_told_as_failed(toy):
    class Broken(StopAt):
        def step_ended(self, trainer, step):
            raise TrainingError("the stage is broken")

    listener = Listener()
    with pytest.raises(TrainingError, match="the stage is broken"):
        toy.run(callbacks={"bad": Broken(1), "a": listener}).fit()
    assert listener.heard[-1] == ("run_ended", "failed")


def test_a_torn_checkpoint_is_ignored(toy):
    toy.run(steps=4).fit()
    torn = toy.root / "toy" / "step00000004"
    (torn / checkpoint.MARKER).unlink()
    (toy.root / "toy" / "step00000009-tmp").mkdir()
    assert checkpoint.find_latest(toy.root / "toy").name == "step00000003"
    assert toy.run(steps=4).fit().step == 4
    assert (torn / checkpoint.MARKER).is_file()


def test_only_the_newest_checkpoints_are_kept(toy):
    toy.run(steps=9, keep_checkpoints=2).fit()
    assert [p.name for p in checkpoint.checkpoints(toy.root / "toy")] == ["step00000006", "step00000009"]


def kept(toy, **settings):
    toy.run(**settings).fit()
    return [int(p.name.removeprefix("step")) for p in checkpoint.checkpoints(toy.root / "toy")]


def test_of_ephemeral_checkpoints_only_the_newest_is_kept_and_the_others_stay(toy):
    often = {"save_interval": 4, "keep_checkpoints": None, "ephemeral_save_interval": 1}
    assert kept(toy, steps=3, **often) == [3]
    assert kept(toy, steps=8, **often) == [4, 8]
    assert kept(toy, steps=10, **often) == [4, 8, 10]


def test_an_ephemeral_interval_that_is_not_the_shorter_one_changes_nothing(toy):
    assert kept(toy, steps=8, save_interval=4, ephemeral_save_interval=4) == [4, 8]


def test_a_checkpoint_of_another_architecture_is_refused_naming_keys_and_shapes(toy):
    toy.run(name="narrow", steps=1).fit()
    wide = toy.run(name="wide", width=5, load_path=str(toy.root / "narrow"))
    with pytest.raises(CheckpointError, match=r"encoder.0.weight: \(3, 2\) in the checkpoint, \(5, 2\) in the model"):
        wide.fit()


def test_load_path_takes_weights_optimizer_and_step_from_another_run(toy):
    toy.run(name="first", steps=4).fit()
    second = toy.run(name="second", steps=6, load_path=str(toy.root / "first" / "step00000003"))
    second.fit()
    whole = toy.run(name="whole", steps=6)
    whole.fit()
    assert same(weights(second), weights(whole))


def test_a_load_path_without_a_checkpoint_is_refused(toy):
    with pytest.raises(CheckpointError, match="no such folder"):
        toy.run(load_path=str(toy.root / "nowhere")).fit()


@pytest.mark.parametrize(("strategy", "error"), [("never", ConfigError), ("always", CheckpointError)])
def test_the_load_strategy_is_obeyed(toy, strategy, error):
    if strategy == "never":
        toy.run(steps=1).fit()
    with pytest.raises(error, match="load_strategy"):
        toy.run(steps=2, load_strategy=strategy).fit()


def test_a_step_that_is_not_finite_is_skipped_counted_and_followed_by_good_ones(toy, caplog):
    listener = Listener()
    run = toy.run(steps=4, callbacks={"a": listener})
    run.parts.train_module.poison = frozenset({2})
    run.fit()
    skipped = [f[2]["optim/skipped_steps"] for f in listener.heard if f[0] == "step_ended"]
    assert skipped == [0.0, 1.0, 1.0, 1.0]
    assert all(p.isfinite().all() for p in weights(run).values())
    assert "step 2" in caplog.text


def test_a_skipped_step_leaves_weights_and_counters_as_they_were(toy):
    run = toy.run(name="a", steps=2)
    run.parts.train_module.poison = frozenset({2})
    run.fit()
    before = toy.run(name="b", steps=1)
    before.fit()
    assert same(weights(run), weights(before))
    steps = {float(s["step"]) for s in run.trainer.optimizer.state.values()}
    assert steps == {1.0}


def test_the_stop_policy_ends_the_run_at_once(toy):
    run = toy.run(steps=9, on_nonfinite="stop", metrics_collect_interval=100)
    run.parts.train_module.poison = frozenset({2})
    with pytest.raises(TrainingError, match="step 2"):
        run.fit()


def test_too_many_bad_steps_in_a_row_end_the_run(toy):
    run = toy.run(steps=9, max_nonfinite_steps=3, metrics_collect_interval=1)
    run.parts.train_module.poison = frozenset(range(2, 9))
    with pytest.raises(TrainingError, match="max_nonfinite_steps"):
        run.fit()
    assert run.trainer.step == 4


def test_batches_that_do_not_divide_are_refused_before_work(toy):
    with pytest.raises(ConfigError, match="32 x 12"):
        toy.run(whole=512, micro=32, environment={"WORLD_SIZE": "12"})


def test_a_root_that_cannot_be_written_is_a_clear_error(toy):
    (toy.root / "file").write_text("in the way")
    run = toy.run(name="toy")
    object.__setattr__(run.parts.run, "root", str(toy.root / "file"))
    with pytest.raises(TrainingError, match="cannot be written"):
        run.fit()


def test_a_full_disk_is_a_clear_error_and_leaves_nothing_under_a_final_name(toy, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "_write_tensors", full)
    with pytest.raises(TrainingError, match="No space left on device"):
        toy.run(steps=1).fit()
    assert checkpoint.checkpoints(toy.root / "toy") == []


def test_a_checkpoint_says_what_it_was_made_of(toy):
    toy.run(steps=1).fit()
    folder = checkpoint.locate(toy.root / "toy")
    state = json.loads((folder / "trainer.json").read_text())
    assert state["progress"]["samples"] == 4
    assert state["progress"]["tokens"] == 4 * 2 * 4
    assert json.loads((folder / "modalities.json").read_text())[0]["name"] == "optical"
    assert json.loads((folder / "provenance.json").read_text())["packages"]["torch"]
