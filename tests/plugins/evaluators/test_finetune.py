"""Fine-tuning as an evaluator: learning, freezing, resuming, every task type, and what it refuses."""

import io
import math
from dataclasses import replace

import fsspec
import numpy as np
import pytest
import torch
from torch import nn

from olmoearth_core.errors import ConfigError, DataError, TrainingError
from olmoearth_core.interfaces.evaluation import ALL, Evaluator
from olmoearth_core.testing.evaluators import ToyCase, toy
from olmoearth_plugins.evaluators.finetune import finetune
from olmoearth_plugins.tuning import loop

QUICK = {"lr": 0.05, "epochs": 5, "bootstrap": 20}


def made(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def dense(task_type, truth, *, side=2, width=4, profile="default", count=6, **facts):
    """A case of `count` grids; truth: label map of a split's features."""
    vectors = {split: made(i, count, side, side, width) for i, split in enumerate(("train", "valid", "test"))}
    metric = "miou" if task_type == "segmentation" else "rmse"
    labels = {split: truth(vector) for split, vector in vectors.items()}
    classes = ("a", "b") if task_type == "segmentation" else ()
    return ToyCase(vectors, labels, task_type=task_type, classes=classes, primary_metric=metric, profile=profile,
                   **facts)  # fmt: skip


def blown(grid, u):
    return grid.repeat_interleave(u, 1).repeat_interleave(u, 2)


def value(scores, metric, split="test"):
    (found,) = [score for score in scores if (score.metric, score.split) == (metric, split)]
    return found


class Tampered(ToyCase):
    """A case whose encoder is changed before it is handed out, and whose reads are counted."""

    def tunable(self):
        made = super().tunable()
        self.handed = [*getattr(self, "handed", []), made]
        return made


def tampered(case):
    return Tampered(**{name: getattr(case, name) for name in case.__dataclass_fields__})


def test_it_is_an_evaluator():
    assert isinstance(finetune(), Evaluator)


def test_separable_classes_are_learnt_and_scored_with_an_interval():
    best = value(finetune(lr=0.1, epochs=8, bootstrap=50).evaluate(toy(5.0)), "accuracy")
    assert best.value > 0.9
    assert best.interval == "bootstrap"
    assert len(best.resamples) == 50
    assert best.details["frozen_epochs"] == 2


def test_pixels_are_learnt_where_every_patch_has_four():
    case = dense("segmentation", lambda v: blown((v[..., 0] > 0).long(), 2).numpy(), count=40)
    assert value(finetune(lr=0.1, epochs=15, batch_size=8, bootstrap=20).evaluate(case), "miou").value > 0.9


def test_a_unet_learns_pixels_too_and_needs_a_power_of_two():
    case = dense("segmentation", lambda v: blown((v[..., 0] > 0).long(), 2).numpy(), count=100, width=8)
    scores = finetune(lr=0.02, epochs=15, batch_size=8, bootstrap=20, head="unet").evaluate(case)
    assert value(scores, "miou").value > 0.65
    odd = dense("segmentation", lambda v: blown((v[..., 0] > 0).long(), 3).numpy())
    with pytest.raises(ConfigError, match="power of two"):
        finetune(head="unet", **QUICK).evaluate(odd)


def test_ignored_pixels_do_not_change_what_is_learnt():
    """Maps that are ignored everywhere are not even read in training."""
    plain = dense("segmentation", lambda v: blown((v[..., 0] > 0).long(), 2).numpy())
    vectors = {**plain.vectors, "train": torch.cat([plain.vectors["train"], made(9, 3, 2, 2, 4)])}
    ignored = np.full((3, 4, 4), -1)
    labels = {**plain.truth, "train": np.concatenate([plain.truth["train"], ignored])}
    tested = finetune(dice=True, **QUICK)
    assert tested.evaluate(replace(plain, vectors=vectors, truth=labels)) == tested.evaluate(plain)


def test_missing_numbers_do_not_poison_regression():
    """Defect 7: targets that are NaN do not count."""

    def truth(vectors):
        values = blown(vectors[..., 0] * 30 + 1000, 2).numpy().copy()
        values[:, 0, :2] = np.nan
        return values

    case = dense("regression", truth)
    scores = finetune(lr=0.05, epochs=20, bootstrap=20).evaluate(case)
    spread = float(np.nanstd(case.truth["test"]))
    assert value(scores, "rmse").value < spread
    assert math.isfinite(value(scores, "r2").value)


def test_one_number_per_sample_is_learnt_with_unknown_ones_left_out():
    vectors = {split: made(i, 40, 4) for i, split in enumerate(("train", "valid", "test"))}
    labels = {split: (vector[:, 0] * 5 + 100).numpy().copy() for split, vector in vectors.items()}
    labels["train"][:3] = np.nan
    case = ToyCase(vectors, labels, task_type="scalar_regression", classes=(), primary_metric="r2")
    assert value(finetune(lr=0.1, epochs=30, bootstrap=20).evaluate(case), "r2").value > 0.9


def test_several_classes_per_sample_are_learnt():
    vectors = {split: made(i, 40, 4) for i, split in enumerate(("train", "valid", "test"))}
    labels = {split: (vector[:, :3] > 0).long().numpy() for split, vector in vectors.items()}
    case = ToyCase(vectors, labels, task_type="multilabel", primary_metric="f1")
    assert value(finetune(lr=0.1, epochs=20, batch_size=8, bootstrap=20).evaluate(case), "f1").value > 0.9


def test_a_lower_error_is_better_for_selection():
    """Defect 18: the best epoch by rmse is the one with the least."""
    case = dense("regression", lambda v: blown(v[..., 0] * 30 + 1000, 2).numpy())
    scores = finetune(lr=0.05, epochs=12, bootstrap=20).evaluate(case)
    assert value(scores, "rmse").details["best_epochs"][0] > 0


def test_the_best_epoch_is_what_is_tested(monkeypatch):
    """Weights that got worse later are not those that are scored."""
    truths = iter([0.5, 0.9, 0.1, 0.2])
    seen = []

    def judged(tally, metric):
        return next(truths)

    epoch = loop._Run.epoch

    def watched(self, number):
        epoch(self, number)
        seen.append({n: t.clone() for n, t in self.model.whole.state_dict().items()})

    monkeypatch.setattr(loop, "primary", judged)
    monkeypatch.setattr(loop._Run, "epoch", watched)
    case = tampered(toy(1.0))
    scores = finetune(lr=0.05, epochs=4, bootstrap=5).evaluate(case)
    assert value(scores, "accuracy").details["best_epochs"] == [1]
    assert torch.equal(case.handed[0].module.weight, seen[1]["encoder.weight"])
    assert not torch.equal(seen[1]["encoder.weight"], seen[3]["encoder.weight"])


def test_fifty_epochs_are_ten_frozen_ones_then_a_tenth_of_the_rate(monkeypatch):
    """Acceptance check 32: lr 1e-3 before, 1e-4 at epoch index 10."""
    rates, weights = [], []
    epoch = loop._Run.epoch
    rising = iter(range(100))
    monkeypatch.setattr(loop, "primary", lambda tally, metric: float(next(rising)))

    def watched(self, number):
        epoch(self, number)
        rates.append(self.optimizer.param_groups[0]["lr"])
        weights.append(self.model.tuned.module.weight.detach().clone())

    monkeypatch.setattr(loop._Run, "epoch", watched)
    finetune(lr=1e-3, bootstrap=5).evaluate(toy(1.0))
    assert len(rates) == 50
    assert rates[:10] == [1e-3] * 10
    assert rates[10:] == pytest.approx([1e-4] * 40)
    assert all(torch.equal(weight, torch.eye(8)) for weight in weights[:10])
    assert not torch.equal(weights[10], weights[9])


@pytest.mark.parametrize(("profile", "expected"), [("default", 2e-5), ("reference-2026.07", 1e-4)])
def test_unfreezing_keeps_what_the_plateau_took_off_the_rate(monkeypatch, profile, expected):
    """Defect 26; the reference forgets it, and its profile too."""
    rates, epoch = [], loop._Run.epoch
    monkeypatch.setattr(loop, "primary", lambda tally, metric: 0.5)

    def watched(self, number):
        epoch(self, number)
        rates.append(self.optimizer.param_groups[0]["lr"])

    monkeypatch.setattr(loop._Run, "epoch", watched)
    finetune(lr=1e-3, epochs=10, frozen_fraction=0.5, bootstrap=5).evaluate(replace(toy(1.0), profile=profile))
    assert rates[:5] == pytest.approx([1e-3, 1e-3, 1e-3, 2e-4, 2e-4])
    assert rates[5] == pytest.approx(expected)


@pytest.mark.parametrize("stop", [1, 2, 4])
def test_a_run_that_was_stopped_ends_as_one_that_was_not(tmp_path, monkeypatch, stop):
    case, settings = toy(1.0), {**QUICK, "frozen_fraction": 0.4, "accumulate": 2, "batch_size": 8}
    whole = tampered(case)
    expected = finetune(**settings, save_dir=str(tmp_path / "whole")).evaluate(whole)
    epoch = loop._Run.epoch

    def torn(self, number):
        if number == stop:
            raise KeyboardInterrupt
        epoch(self, number)

    monkeypatch.setattr(loop._Run, "epoch", torn)
    with pytest.raises(KeyboardInterrupt):
        finetune(**settings, save_dir=str(tmp_path / "torn")).evaluate(case)
    monkeypatch.setattr(loop._Run, "epoch", epoch)
    (last,) = (tmp_path / "torn").glob("*/last.pt")
    assert torch.load(last, weights_only=True)["epoch"] == stop - 1
    resumed = tampered(case)
    assert finetune(**settings, save_dir=str(tmp_path / "torn")).evaluate(resumed) == expected
    assert torch.equal(resumed.handed[0].module.weight, whole.handed[0].module.weight)
    assert not last.exists()
    one, other = (
        torch.load(next((tmp_path / name).glob("*/best.pt")), weights_only=True)["model_state"]
        for name in ("whole", "torn")
    )
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_what_was_learnt_is_not_learnt_again(monkeypatch):
    """Acceptance check 32: best.pt is there, so no training step is taken; folders are URLs."""
    settings = {**QUICK, "save_dir": "memory://tuned/", "seeds": 2}
    expected = finetune(**settings).evaluate(toy(1.0))
    assert len(fsspec.filesystem("memory").glob("/tuned/*/best.pt")) == 2

    def forbidden(*arguments, **options):
        raise AssertionError("a step was taken")

    monkeypatch.setattr(torch.optim.AdamW, "step", forbidden)
    assert finetune(**settings).evaluate(toy(1.0)) == expected
    with pytest.raises(AssertionError, match="a step was taken"):
        finetune(**{**settings, "lr": 0.01}).evaluate(toy(1.0))
    with pytest.raises(AssertionError, match="a step was taken"):
        finetune(**settings).evaluate(toy(2.0))


@pytest.mark.parametrize("name", ["last.pt", "best.pt"])
@pytest.mark.parametrize("content", [b"", b"torn", "other keys", "other shapes", "pickled"])
def test_a_damaged_file_is_named(tmp_path, name, content):
    finetune(**QUICK, save_dir=str(tmp_path)).evaluate(toy(1.0))
    (best,) = tmp_path.glob("*/best.pt")
    state, stream = torch.load(best, weights_only=True), io.BytesIO()
    if name == "last.pt":
        best.unlink()
        keys = ("epoch", "optimizer_state", "scheduler_state", "best_state", "backbone_unfrozen", "generator_state")
        state = {**state, **{key: {} for key in keys}}
    if content == "pickled":
        torch.save({**state, "model_state": nn.Linear(1, 1)}, stream)
    elif isinstance(content, str):
        torch.save({"a": 1} if content == "other keys" else {**state, "model_state": {"x": torch.zeros(1)}}, stream)
    best.with_name(name).write_bytes(content if isinstance(content, bytes) else stream.getvalue())
    with pytest.raises(DataError, match=name):
        finetune(**QUICK, save_dir=str(tmp_path)).evaluate(toy(1.0))


def test_a_benchmark_with_one_split_is_cut_once_by_group():
    first = toy(5.0)
    blocks = {ALL: [f"block {i // 6}" for i in range(60)]}
    case = replace(first, vectors={ALL: first.vectors["train"]}, truth={ALL: first.truth["train"]}, blocks=blocks)
    scores = finetune(lr=0.1, epochs=8, bootstrap=20).evaluate(case)
    assert {score.split for score in scores} == {ALL}
    cut = value(scores, "accuracy", ALL).details["cut"]
    assert cut == {"seed": 42, "scored": "test", "train": 36, "valid": 12, "test": 12}
    assert value(scores, "accuracy", ALL).value > 0.8
    unseen = value(finetune(**QUICK).evaluate(replace(case, test=False)), "accuracy", ALL)
    assert unseen.details["cut"] == {"seed": 42, "scored": "valid", "train": 36, "valid": 12}


def test_a_loss_that_is_not_finite_names_the_epoch_and_the_rate():
    case = toy(1.0)
    case.vectors["train"][0] = math.nan
    with pytest.raises(TrainingError, match=r"epoch 0 of 5 .* learning rate 0\.05"):
        finetune(**QUICK).evaluate(case)


def test_seeds_give_one_value_each_and_differ():
    scores = finetune(**QUICK, seeds=3).evaluate(toy(0.3))
    best = value(scores, "auroc")
    assert len(best.seeds) == 3
    assert len(set(best.seeds)) > 1
    assert best.value == pytest.approx(sum(best.seeds) / 3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lr": 0.0}, "lr"),
        ({"lr": math.nan}, "lr"),
        ({"epochs": 0}, "epochs"),
        ({"accumulate": 0}, "accumulate"),
        ({"frozen_fraction": 1.5}, "frozen_fraction"),
        ({"head": "mlp"}, "linear, unet"),
        ({"layer_decay": 0.0}, "layer_decay"),
        ({"seeds": 0}, "seeds"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        finetune(**settings)


def test_what_cannot_be_answered_is_refused():
    with pytest.raises(ConfigError, match="unet"):
        finetune(head="unet").evaluate(toy(1.0))
    with pytest.raises(ConfigError, match="miou"):
        finetune().evaluate(replace(toy(1.0), primary_metric="miou"))
    case = toy(1.0)
    case.truth["train"][3] = 7
    with pytest.raises(DataError, match="train: labels"):
        finetune().evaluate(case)
    case.truth["train"][:] = -1
    with pytest.raises(DataError, match="none of the 60 samples has a label"):
        finetune().evaluate(case)


def test_a_state_that_cannot_be_written_leaves_the_one_before(tmp_path, monkeypatch):
    write, count = torch.save, iter(range(9))

    def full(state, stream):
        if next(count) == 2:
            stream.write(b"half")
            raise OSError("no space left")
        write(state, stream)

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(DataError, match=r"last\.pt: cannot be written \(no space left\)"):
        finetune(**QUICK, save_dir=str(tmp_path)).evaluate(toy(1.0))
    (folder,) = tmp_path.iterdir()
    assert [path.name for path in folder.iterdir()] == ["last.pt"]
    assert torch.load(folder / "last.pt", weights_only=True)["epoch"] == 1
