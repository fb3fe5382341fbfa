"""What the contrastive objective computes, on a model of a few numbers."""

from dataclasses import dataclass, replace
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from olmoearth_core.data.sample import Batch, TrainBatch, ViewCounts
from olmoearth_core.data.tokens import DECODE, ENCODE, MISSING, Tokenization, TokenLayout
from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.loss import Tokens
from olmoearth_core.interfaces.modality import BandSet, ModalitySpec
from olmoearth_core.interfaces.model import Encoded, ModelOutput
from olmoearth_core.interfaces.train_module import TrainModule
from olmoearth_plugins.optimizers.adamw import adamw
from olmoearth_plugins.schedulers.cosine_with_warmup import cosine_with_warmup
from olmoearth_plugins.train_modules.contrastive_latent_mim import contrastive_latent_mim

SPEC = ModalitySpec("optical", (BandSet(("b1",), 16),), 16, False)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor([2.0]))
        self.calls, self.band_dropout = [], False

    def enable_band_dropout(self):
        self.band_dropout = True

    def forward(self, batch, patch_size=4, token_exits=None):
        self.calls.append((batch.masks["optical"].tolist(), token_exits))
        tokens = {"optical": batch.arrays["optical"] * self.scale}
        return Encoded(tokens, batch.masks, batch.counts, pooled=tokens["optical"].flatten(1))


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.target_encoder = Encoder(), Encoder().requires_grad_(False)
        with torch.no_grad():
            self.target_encoder.scale.fill_(5.0)

    def forward(self, batch, patch_size=4):
        latent = self.encoder(batch, patch_size)
        return ModelOutput(latent, Tokens(latent.tokens, latent.masks), None, latent.pooled)


@dataclass
class Gap:
    """Mean of target minus prediction: easy to compute by hand."""

    name: str = "Gap"

    def __call__(self, predicted, target):
        if isinstance(predicted, Tokens):
            predicted, target = predicted.tokens["optical"], target.tokens["optical"]
        return (target - predicted).mean()


def objective(**settings):
    basics = {
        "rank_microbatch_size": 2, "optim_config": adamw(), "scheduler": cosine_with_warmup(warmup_steps=1),
        "masking": SimpleNamespace(mask=None), "loss": Gap(),
    }  # fmt: skip
    return contrastive_latent_mim(**{**basics, **settings})


def batch(codes_a, codes_b):
    pixels = torch.ones(2, 1, 1, 1, 1)

    def view(codes):
        masks = {"optical": torch.tensor(codes, dtype=torch.int8).view(2, 1, 1, 1, 1)}
        return Batch({"optical": pixels}, masks, torch.zeros(2, 1, 3, dtype=torch.int32), ViewCounts.of(masks))

    layout = TokenLayout.of((SPEC,), Tokenization(), rows=1, columns=1, steps=1)
    return TrainBatch(4, layout, (view(codes_a), replace(view(codes_b))))


def test_it_is_a_train_module_of_two_views():
    assert isinstance(objective(), TrainModule)
    assert objective().num_views == 2


def test_the_terms_are_the_mean_of_both_views_and_the_contrast():
    terms = objective(contrastive=Gap("Contrast")).terms(
        Model(), batch([DECODE, ENCODE], [ENCODE, DECODE]), seed_view=lambda i: None
    )
    assert {name: float(value.detach()) for name, value in terms.items()} == {"Gap": 3.0, "Contrast": 0.0}


def test_each_view_is_seeded_right_before_its_forward():
    model, order = Model(), []
    objective().terms(model, batch([2, 0], [0, 2]), seed_view=lambda i: order.append((i, len(model.encoder.calls))))
    assert order == [(0, 0), (1, 1)]


def test_the_target_is_computed_once_where_both_views_unmask_to_the_same():
    model = Model()
    objective().terms(model, batch([DECODE, ENCODE], [ENCODE, DECODE]), seed_view=lambda i: None)
    assert [codes for codes, _ in model.target_encoder.calls] == [[[[[[0]]]], [[[[0]]]]]]


def test_the_target_is_computed_per_view_where_other_tokens_are_missing():
    model = Model()
    objective().terms(model, batch([DECODE, MISSING], [ENCODE, DECODE]), seed_view=lambda i: None)
    assert len(model.target_encoder.calls) == 2


def test_tokens_leave_the_target_after_the_projection_unless_told_otherwise():
    model = Model()
    objective(token_exit_cfg={"other": 3}).terms(model, batch([2, 0], [0, 2]), seed_view=lambda i: None)
    assert model.target_encoder.calls[0][1] == {"optical": 0}
    objective(token_exit_cfg={"optical": 4}).terms(model, batch([2, 0], [0, 2]), seed_view=lambda i: None)
    assert model.target_encoder.calls[1][1] == {"optical": 4}


def test_gradients_reach_the_encoder_and_never_the_target():
    model = Model()
    terms = objective().terms(model, batch([2, 0], [0, 2]), seed_view=lambda i: None)
    sum(terms.values()).backward()
    assert model.encoder.scale.grad is not None
    assert model.target_encoder.scale.grad is None


def test_losses_see_full_precision_under_autocast():
    seen = []

    class Spy(Gap):
        def __call__(self, predicted, target):
            seen.append((predicted.tokens["optical"].dtype, torch.is_autocast_enabled("cpu")))
            return super().__call__(predicted, target)

    model, halves = Model(), batch([2, 0], [0, 2])
    for view in halves.views:
        view.arrays["optical"] = view.arrays["optical"].bfloat16()
    model.bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        objective(loss=Spy()).terms(model, halves, seed_view=lambda i: None)
    assert set(seen) == {(torch.float32, False)}


def test_band_dropout_is_switched_on_in_the_online_encoder_only():
    model = Model()
    objective().attach(model)
    assert (model.encoder.band_dropout, model.target_encoder.band_dropout) == (True, False)


@pytest.mark.parametrize(("step", "decay"), [(0, 0.996), (50, 0.998), (100, 1.0)])
def test_the_decay_of_the_target_grows_linearly(step, decay):
    metrics = objective(ema_decay=[0.996, 1.0]).before_step(Model(), step, 100)
    assert metrics["train/ema_decay"] == pytest.approx(decay)


def test_the_target_moves_by_the_share_that_decay_leaves():
    model = Model()
    objective(ema_decay=[0.9, 1.0]).before_step(model, 1, 100)
    assert float(model.target_encoder.scale) == pytest.approx(0.901 * 5.0 + 0.099 * 2.0)


def test_a_decay_of_zero_copies_and_a_decay_of_one_leaves_alone():
    model = Model()
    assert objective().before_step(model, 1, 100) == {}
    assert float(model.target_encoder.scale) == 5.0
    objective(ema_decay=[0.0, 0.0]).before_step(model, 1, 100)
    assert float(model.target_encoder.scale) == 2.0


def test_a_target_without_the_encoders_weights_cannot_move():
    model = Model()
    model.target_encoder = nn.Module()
    with pytest.raises(ConfigError, match="ema_decay"):
        objective(ema_decay=[0.9, 1.0]).attach(model)


def test_legacy_names_of_the_metrics():
    assert objective(contrastive=Gap("InfoNCE")).aliases() == {
        "train/loss": "train/Gap",
        "train/loss/InfoNCE": "train/InfoNCE",
    }


@pytest.mark.parametrize("settings", [{"ema_decay": [0.5]}, {"ema_decay": [0.5, 1.5]}, {"rank_microbatch_size": 0}])
def test_impossible_settings_are_refused(settings):
    with pytest.raises(ConfigError, match="contrastive_latent_mim"):
        objective(**settings)
