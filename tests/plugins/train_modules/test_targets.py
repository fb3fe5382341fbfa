"""What predictions are compared with: exits, the moving average, fresh weights, and what is refused."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from olmoearth_core.errors import ConfigError
from olmoearth_plugins.targets.frozen_projection import frozen_projection
from olmoearth_plugins.train_modules import exits

LATENT = ("latent_mim", "contrastive_latent_mim", "galileo")
EXIT = {"latent_mim": "token_exit_cfg", "contrastive_latent_mim": "token_exit_cfg", "mae": "token_exit_cfg"}


@pytest.mark.parametrize(("preset", "optical", "cover"), [("zero", 0, 0), ("half", 1, 1), ("full", 2, 2)])
def test_presets_are_shares_of_the_depth(kit, preset, optical, cover):
    encoder = kit.model("latent_mim").target_encoder
    assert exits.resolve(preset, ["optical", "cover"], encoder) == {"optical": optical, "cover": cover}


def test_varied_keeps_maps_and_places_at_the_projection(kit):
    encoder = kit.model("latent_mim").target_encoder
    assert exits.resolve("varied", ["optical", "worldcover", "latlon"], encoder) == {
        "optical": 2, "worldcover": 0, "latlon": 0
    }  # fmt: skip


@pytest.mark.parametrize("name", ["latent_mim", "contrastive_latent_mim", "galileo", "mae"])
def test_the_target_is_asked_for_the_exits_of_the_config(kit, name):
    model, seen = kit.model(name), []
    keys = ("token_exit_cfg_a", "token_exit_cfg_b") if name == "galileo" else ("token_exit_cfg",)
    settings = dict(zip(keys, ["full", {"optical": 1}], strict=False))
    target = model.encoder if name == "mae" else model.target_encoder

    def note(module, args, kwargs):
        if kwargs.get("token_exits") is not None:
            seen.append((kwargs["token_exits"], {n: set(m.unique().tolist()) for n, m in args[0].masks.items()}))

    target.register_forward_pre_hook(note, with_kwargs=True)
    task = kit.objective(name, **settings)
    task.attach(model)
    task.terms(model, kit.batch(task.num_views), seed_view=lambda i: None)
    shown = {"optical": {0, 3}, "cover": {0, 3}}
    first, second = ({"optical": 2, "cover": 2}, shown), ({"optical": 1, "cover": 0}, shown)
    assert seen == ([first, second] if name == "galileo" else [first])


def test_deeper_exits_are_other_targets_and_no_gradient_flows_into_them(kit):
    losses = []
    for exit_ in ("zero", "full"):
        model, task = kit.model("mae"), kit.objective("mae", token_exit_cfg=exit_, reconstruction=None)
        terms = task.terms(model, kit.batch(1), seed_view=lambda i: None)
        losses.append(float(terms["L2"].detach()))
    assert losses[0] != losses[1]


def test_masked_autoencoding_compares_with_what_the_encoder_makes_of_all_pixels(kit):
    model, batch = kit.model("mae"), kit.batch(1)
    task = kit.objective("mae", token_exit_cfg="full", reconstruction=None, regularizer=None)
    found = task.terms(model.train(), batch, seed_view=lambda i: None)["L2"]
    with torch.no_grad():
        depths = {"optical": 2, "cover": 2}
        target = model.encoder(batch.views[0].unmask(), patch_size=2, token_exits=depths)
    expected = task.loss(model(batch.views[0], patch_size=2).decoded, target)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)
    assert model.encoder.training


@pytest.mark.parametrize("name", LATENT)
def test_the_target_follows_by_the_share_that_decay_leaves(kit, name):
    model = kit.model("galileo" if name == "galileo" else "latent_mim")
    with torch.no_grad():
        for p in model.encoder.parameters():
            p.add_(1.0)
    before = [p.clone() for p in model.target_encoder.parameters()]
    metrics = kit.objective(name, ema_decay=[0.9, 1.0]).before_step(model, 1, 100)
    assert metrics == {"train/ema_decay": pytest.approx(0.901)}
    for old, now, online in zip(before, model.target_encoder.parameters(), model.encoder.parameters(), strict=True):
        torch.testing.assert_close(now, 0.901 * old + 0.099 * online)


@pytest.mark.parametrize("name", LATENT)
def test_the_decay_is_a_metric_only_where_the_target_moves(kit, name):
    for decay, recorded in (([1.0, 1.0], False), ([0.996, 1.0], True)):
        task = kit.objective(name, ema_decay=decay)
        engine = kit.engine(kit.model(name), task)
        engine.step(kit.batch(task.num_views), 1, 10)
        ((_, found),) = engine.flush()
        assert ("train/ema_decay" in found) == recorded


@pytest.mark.parametrize("name", LATENT)
def test_fresh_targets_have_other_weights_of_the_same_scale(kit, name):
    model = kit.model(name)
    before = {n: p.clone() for n, p in model.target_encoder.named_parameters()}
    online = {n: p.clone() for n, p in model.encoder.named_parameters()}
    kit.objective(name, reinit_targets=True).attach(model)
    assert all(torch.equal(p, online[n]) for n, p in model.encoder.named_parameters())
    for n, p in model.target_encoder.named_parameters():
        torch.testing.assert_close(p.flatten().sort().values, before[n].flatten().sort().values)
        spread = before[n].numel() > 1 and before[n].std() > 0
        assert torch.equal(p, before[n]) == (not spread or not dict(model.encoder.named_parameters())[n].requires_grad)


def test_pixels_are_only_reconstructed_where_the_loss_looks(kit):
    """The step need not compute more; its value is not allowed to change."""
    model, batch = kit.model("mae"), kit.batch(1)
    task = kit.objective("mae")
    assert task.options(model) == {"full": False}
    sparse = task.terms(model, batch, seed_view=lambda i: None)
    task.options = lambda model: {"full": True}
    full = task.terms(model, batch, seed_view=lambda i: None)
    for name, value in full.items():
        torch.testing.assert_close(sparse[name], value, rtol=0, atol=1e-6)
    everything = SimpleNamespace(name="MAE", only_decode=False)
    assert kit.objective("mae", reconstruction=everything).options(model) == {}


@pytest.mark.parametrize("name", LATENT)
def test_deciding_what_to_compute_does_not_change_terms(kit, name):
    model, task = kit.model(name), kit.objective(name)
    batch = kit.batch(task.num_views)
    sparse = task.terms(model, batch, seed_view=lambda i: None)
    task.options = lambda model: {"full": True}
    full = task.terms(model, batch, seed_view=lambda i: None)
    for term, value in full.items():
        torch.testing.assert_close(sparse[term], value, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", LATENT)
def test_targets_of_what_is_predicted_are_those_of_everything(kit, name):
    model, task = kit.model(name), kit.objective(name)
    batch = kit.batch(task.num_views)
    asked = task.terms(model, batch, seed_view=lambda i: None)
    target = task.target
    task.target = SimpleNamespace(targets=lambda *of, **_: target.targets(*of, full=True))
    for term, value in task.terms(model, batch, seed_view=lambda i: None).items():
        torch.testing.assert_close(asked[term], value, rtol=0, atol=1e-6)


REFUSED = [
    ("latent_mim", {"token_exit_cfg": "varid"}, {}, 'token_exit_cfg is "varid".*Did you mean "varied"'),
    ("galileo", {"token_exit_cfg_b": "ful"}, {}, 'token_exit_cfg_b is "ful".*Did you mean "full"'),
    ("mae", {"token_exit_cfg": "xyz"}, {}, "Presets are zero, half, full, varied"),
    ("latent_mim", {"token_exit_cfg": {"optical": -1}}, {}, "cannot be below 0"),
    ("latent_mim", {"token_exit_cfg": {"optical": 3}}, {}, "asks for block 3, but .* has 2 blocks"),
    ("mae", {"token_exit_cfg": {"optical": 3}}, {}, "asks for block 3"),
    ("galileo", {"token_exit_cfg_b": {"optical": 3}}, {}, "token_exit_cfg_b asks for block 3"),
    ("contrastive_latent_mim", {"token_exit_cfg": {"optic": 1}}, {}, 'names "optic".*Did you mean "optical"'),
    ("latent_mim", {"token_exit_cfg": {"optical": 1}}, {"target": frozen_projection()}, "frozen_encoder"),
    ("latent_mim", {"token_exit_cfg": "half"}, {"target": frozen_projection()}, "frozen_encoder"),
    ("galileo", {"token_exit_cfg_a": "full"}, {"target": frozen_projection()}, "frozen_encoder"),
    ("contrastive_latent_mim", {"ema_decay": [0.9, 1.0]}, {"target": frozen_projection()}, "ema_decay"),
    ("latent_mim", {"ema_decay": [0.9]}, {}, "latent_mim: ema_decay is two numbers"),
    ("galileo", {"rank_microbatch_size": 0}, {}, "galileo: rank_microbatch_size"),
    ("mae", {"reconstruction": None, "loss": None}, {}, "nothing to minimise"),
    ("mae", {}, {"reconstructor_config": None}, "reconstructor_config"),
    ("mae", {}, {"decoder_config": None}, "has no decoder"),
]


@pytest.mark.parametrize(("name", "settings", "model", "message"), REFUSED)
def test_what_cannot_work_is_refused_before_the_first_step(kit, name, settings, model, message):
    with pytest.raises(ConfigError, match=message):
        kit.objective(name, **settings).attach(kit.model(name, **model))


def test_pixels_need_a_reconstructor(kit):
    task = kit.objective("latent_mim", reconstruction=kit.objective("mae").reconstruction)
    with pytest.raises(ConfigError, match="reconstructor_config"):
        task.attach(kit.model("latent_mim"))


@pytest.mark.parametrize(("name", "model"), [("latent_mim", "mae"), ("galileo", "latent_mim")])
def test_a_model_of_another_objective_is_refused(kit, name, model):
    with pytest.raises(ConfigError, match=r"target encoder|two views at once"):
        kit.objective(name).attach(kit.model(model))


@pytest.mark.parametrize("name", ["contrastive_latent_mim", "galileo"])
@pytest.mark.parametrize("part", ["contrastive", "regularizer"])
def test_an_encoder_that_pools_nothing_is_named_where_a_loss_looks_at_pooled_latents(kit, name, part):
    parts = {"contrastive": None, "regularizer": None, part: getattr(kit.objective(name), part)}
    model, task = kit.model(name), kit.objective(name, **parts)
    model.encoder.register_forward_hook(lambda module, given, found: replace(found, pooled=None))
    with pytest.raises(ConfigError, match=rf"train_module.{part}. looks at pooled latents"):
        task.terms(model, kit.batch(2), seed_view=lambda i: None)


def test_two_terms_of_one_name_are_refused_because_one_would_hide_the_other(kit):
    contrastive = kit.objective("contrastive_latent_mim").contrastive
    with pytest.raises(ConfigError, match='two parts of the loss are called "InfoNCE"'):
        kit.objective("contrastive_latent_mim", regularizer=contrastive)


def test_both_views_of_galileo_are_told_apart_where_strategy_and_loss_are_one(kit):
    task = kit.objective("galileo", loss_b=None, regularizer=None, contrastive=None)
    terms = task.terms(kit.model("galileo"), kit.batch(2), seed_view=lambda i: None)
    assert list(terms) == ["hide_masking_ModalityPatchDisc", "hide_masking_ModalityPatchDisc_b"]
