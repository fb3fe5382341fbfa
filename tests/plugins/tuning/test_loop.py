"""The epoch loop against the same written out by hand, and with an encoder of a pretraining model."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from olmoearth_core.data.sample import Sample
from olmoearth_core.data.tokens import Tokenization
from olmoearth_core.errors import TrainingError
from olmoearth_core.evaluate.tuning import tunable
from olmoearth_core.features.embed import Reading
from olmoearth_core.interfaces.evaluation import LabelledSample
from olmoearth_core.interfaces.modality import BandSet, ModalitySpec
from olmoearth_core.testing.evaluators import ToyCase, ToyEncoder, toy
from olmoearth_core.testing.samples import SIDE, STEPS, normal, specs
from olmoearth_core.testing.tiny_model import TinyModel
from olmoearth_plugins.encoders.flexi_vit import flexi_vit
from olmoearth_plugins.evaluators.finetune import finetune
from olmoearth_plugins.tuning import loop


def by_hand(case, *, lr, epochs, frozen, batch_size, accumulate):
    """Return encoder and head after some epochs, written out with torch alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(42)
        head = nn.Linear(8, 3)
    encoder = ToyEncoder.of(8, "cpu").module
    inputs, labels = case.vectors["train"].float(), torch.from_numpy(case.truth["train"])
    optimizer = torch.optim.AdamW([*head.parameters(), *encoder.parameters()], lr=lr)
    order = torch.Generator().manual_seed(42)
    for epoch in range(epochs):
        encoder.requires_grad_(epoch >= frozen)
        if epoch == frozen:
            optimizer.param_groups[0]["lr"] *= 0.1
        batches = torch.randperm(60, generator=order).split(batch_size)
        for at in range(0, len(batches), accumulate):
            group = batches[at : at + accumulate]
            optimizer.zero_grad()
            sum(cross_entropy(head(encoder(inputs[rows])), labels[rows]) for rows in group).div(len(group)).backward()
            optimizer.step()
    return {f"encoder.{n}": t for n, t in encoder.state_dict().items()} | {
        f"head.linear.{n}": t for n, t in head.state_dict().items()
    }


@pytest.mark.parametrize("accumulate", [1, 3])
def test_training_is_adamw_over_shuffled_batches_and_nothing_else(monkeypatch, accumulate):
    found = {}
    epoch = loop._Run.epoch

    def watched(self, number):
        epoch(self, number)
        found.update({n: t.clone() for n, t in self.model.whole.state_dict().items()})

    monkeypatch.setattr(loop._Run, "epoch", watched)
    rising = iter(range(9))
    monkeypatch.setattr(loop, "primary", lambda tally, metric: float(next(rising)))
    recipe = {"lr": 0.05, "epochs": 5, "batch_size": 16, "accumulate": accumulate}
    finetune(**recipe, frozen_fraction=0.4, bootstrap=5).evaluate(toy(1.0))
    expected = by_hand(toy(1.0), frozen=2, **recipe)
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-5, atol=1e-6)


def test_the_plateau_is_remembered_when_a_run_is_resumed(tmp_path, monkeypatch):
    """Three epochs without progress, one of them before the run was stopped, lower the rate in the last one."""
    rates, epoch = {}, loop._Run.epoch

    def watched(self, number):
        if number == 2 and 1 in rates and not torn:
            torn.append(number)
            raise KeyboardInterrupt
        epoch(self, number)
        rates[number] = self.optimizer.param_groups[0]["lr"]

    torn = []
    monkeypatch.setattr(loop._Run, "epoch", watched)
    monkeypatch.setattr(loop, "primary", lambda tally, metric: 0.5)
    tuner = finetune(lr=1.0, epochs=5, frozen_fraction=1.0, bootstrap=5, save_dir=str(tmp_path))
    with pytest.raises(KeyboardInterrupt):
        tuner.evaluate(toy(1.0))
    tuner.evaluate(toy(1.0))
    assert rates == pytest.approx({0: 1.0, 1: 1.0, 2: 1.0, 3: 0.2, 4: 0.2})


class Noisy(ToyEncoder):
    """Drops features at random while it learns."""

    def __call__(self, samples):
        return nn.functional.dropout(super().__call__(samples), 0.5, self.module.training)


@dataclass
class NoisyCase(ToyCase):
    def tunable(self):
        made = super().tunable()
        return Noisy(made.module, made.width, made.layers)


def test_the_randomness_of_the_encoder_goes_on_too_when_a_run_is_resumed(tmp_path, monkeypatch):
    first = toy(1.0)
    case = NoisyCase(first.vectors, first.truth)
    settings = {"lr": 0.05, "epochs": 4, "bootstrap": 5, "frozen_fraction": 0.25}
    expected = finetune(**settings).evaluate(case)
    epoch = loop._Run.epoch

    def torn(self, number):
        if number == 3:
            raise OSError("the machine went away")
        epoch(self, number)

    monkeypatch.setattr(loop._Run, "epoch", torn)
    with pytest.raises(OSError, match="went away"):
        finetune(**settings, save_dir=str(tmp_path)).evaluate(case)
    monkeypatch.setattr(loop._Run, "epoch", epoch)
    assert finetune(**settings, save_dir=str(tmp_path)).evaluate(case) == expected


def tiny_samples(split):
    made = []
    for i in range(6):
        arrays = {s.name: normal(s.array_shape(SIDE, SIDE, STEPS), split, s.name, i).numpy() for s in specs()}
        presence = {name: np.ones((1,) * array.ndim, dtype=bool) for name, array in arrays.items()}
        dates = np.array([[1, month, 2020] for month in range(STEPS)], np.int32)
        sample = Sample(arrays, presence, dates, np.zeros(2, np.float32), i)
        made.append(LabelledSample(sample, np.array(i % 2), f"{split} {i}", f"{split} {i}"))
    return made


class ModelCase(ToyCase):
    """Samples of made-up modalities, and the encoder of a pretraining model."""

    def samples(self, split):
        return tiny_samples(split)

    def tunable(self):
        self.model = TinyModel()
        self.before = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}
        reading = Reading(specs(), Tokenization(), 1, grid=False)
        self.made = tunable(self.model, reading, tiny_samples("train")[0].sample)
        return self.made


def model_case():
    labels = {split: np.arange(6) % 2 for split in ("train", "valid", "test")}
    return ModelCase({split: torch.zeros(6, 1) for split in labels}, labels, classes=("a", "b"))


def test_an_encoder_of_ours_keeps_its_weights_while_frozen_and_the_model_keeps_them_for_good(monkeypatch):
    after, epoch = [], loop._Run.epoch

    def watched(self, number):
        epoch(self, number)
        after.append({name: tensor.clone() for name, tensor in self.model.tuned.module.state_dict().items()})

    monkeypatch.setattr(loop._Run, "epoch", watched)
    case = model_case()
    scores = finetune(lr=0.05, epochs=4, frozen_fraction=0.5, layer_decay=0.9, bootstrap=5).evaluate(case)
    assert {score.split for score in scores} == {"valid", "test"}
    start = {n.removeprefix("encoder."): t for n, t in case.before.items() if n.startswith("encoder.")}
    assert all(torch.equal(state[name], tensor) for state in after[:2] for name, tensor in start.items())
    assert not any(torch.equal(after[2][name], tensor) for name, tensor in start.items())
    assert all(torch.equal(tensor, case.before[name]) for name, tensor in case.model.state_dict().items())


def test_the_test_split_is_not_read_during_training():
    case = replace(toy(1.0), test=False)
    scores = finetune(lr=0.05, epochs=2, bootstrap=5).evaluate(case)
    assert {score.split for score in scores} == {"valid"}


SPEC = ModalitySpec("check_image", (BandSet(("a", "b"), 16),), 16, multitemporal=True)


class ImageCase(ToyCase):
    """Images of 12 x 12 pixels at patch size 3, where the weights of the patches are made for 8."""

    def samples(self, split):
        dates = np.array([[1, 5, 2020], [1, 6, 2020]], np.int32)
        return [
            LabelledSample(
                Sample({SPEC.name: image}, {SPEC.name: np.ones((1, 1, 1, 1), bool)}, dates, np.zeros(2, np.float32), i),
                label,
            )
            for i, (image, label) in enumerate(zip(self.vectors[split].numpy(), self.truth[split], strict=True))
        ]

    def tunable(self):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            encoder = flexi_vit(drop_path=0.1).build((SPEC,), Tokenization())
        self.made = tunable(encoder, Reading((SPEC,), Tokenization(), 3), self.samples("train")[0].sample)
        self.start = {name: tensor.clone() for name, tensor in encoder.state_dict().items()}
        return self.made


@pytest.mark.parametrize("task", ["segmentation", "regression"])
def test_a_vision_transformer_is_tuned_on_the_cpu_at_any_patch_size(tmp_path, task):
    """Defect 31; interrupted by nothing, since the second run only reads what the first one wrote."""
    vectors = {split: normal((8, 12, 12, 2, 2), split) for split in ("train", "valid", "test")}
    above = {split: (vector[..., 0, 0] > 0).long().numpy() for split, vector in vectors.items()}
    labels = above if task == "segmentation" else {split: label.astype(np.float32) for split, label in above.items()}
    facts = {"classes": ("a", "b"), "primary_metric": "miou"} if task == "segmentation" else {"primary_metric": "mae"}
    case = ImageCase(vectors, labels, task_type=task, **facts)
    settings = {"lr": 0.01, "epochs": 3, "batch_size": 4, "layer_decay": 0.9, "bootstrap": 5}
    scores = finetune(**settings, save_dir=str(tmp_path)).evaluate(case)
    blocks = {name for name in case.start if ".blocks." in f".{name}" and name.endswith("weight")}
    learnt = case.made.module.state_dict()
    assert blocks
    assert not any(torch.equal(learnt[name], case.start[name]) for name in blocks)
    assert finetune(**settings, save_dir=str(tmp_path)).evaluate(case) == scores


class Detached(ToyEncoder):
    """Answers, but does not learn."""

    def __call__(self, samples):
        return super().__call__(samples).detach()


@dataclass
class DetachedCase(ToyCase):
    def tunable(self):
        made = super().tunable()
        return Detached(made.module, made.width, made.layers)


def test_an_encoder_that_no_gradient_reaches_is_not_scored_as_a_tuned_one():
    first = toy(1.0)
    case = DetachedCase(first.vectors, first.truth)
    with pytest.raises(TrainingError, match="no gradient reaches"):
        finetune(lr=0.05, epochs=2, bootstrap=5).evaluate(case)
    assert finetune(lr=0.05, epochs=2, frozen_fraction=1.0, bootstrap=5).evaluate(case)


def test_a_loss_that_is_not_finite_stops_before_the_weights_are_changed(monkeypatch):
    heads, runs = [], []
    learn = loop._Run._learn

    def watched(self, batches):
        loss = learn(self, batches)
        heads.append(self.model.head.linear.weight.detach().clone())
        runs.append(self)
        return loss * (float("nan") if len(heads) == 2 else 1.0)

    monkeypatch.setattr(loop._Run, "_learn", watched)
    with pytest.raises(TrainingError, match="loss is nan in epoch 0"):
        finetune(lr=0.05, epochs=2, batch_size=16, bootstrap=5).evaluate(toy(1.0))
    assert len(heads) == 2
    assert torch.equal(runs[-1].model.head.linear.weight, heads[1])
