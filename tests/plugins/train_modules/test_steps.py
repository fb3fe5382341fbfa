"""Whole optimizer steps of the four objectives through the real engine, on real models of a few numbers."""

import math

import pytest
import torch

NAMES = ("latent_mim", "contrastive_latent_mim", "galileo", "mae")


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


@pytest.fixture
def views(name):
    return 2 if name in ("contrastive_latent_mim", "galileo") else 1


def weights(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def counters(engine):
    return [float(state["step"]) for state in engine.optimizer.state.values() if "step" in state]


def test_two_steps_change_what_is_trained_and_nothing_else(kit, name, views):
    model, task = kit.model(name), kit.objective(name)
    engine, before = kit.engine(model, task), weights(model)
    assert task.num_views == views
    for step in (1, 2):
        engine.step(kit.batch(views, seed=step), step, 10)
    metrics = dict(engine.flush())
    assert all(math.isfinite(value) for found in metrics.values() for value in found.values())
    trained = {n for n, p in model.named_parameters() if p.requires_grad and p.grad is not None}
    assert {n for n, value in weights(model).items() if not torch.equal(value, before[n])} == trained
    assert not any(n.startswith("target_encoder") for n in trained)
    assert any(n.startswith("encoder.blocks") for n in trained)


def test_the_same_steps_give_the_same_weights(kit, name, views):
    ends = []
    for _ in range(2):
        model = kit.model(name)
        engine = kit.engine(model, kit.objective(name, ema_decay=[0.9, 1.0]) if name != "mae" else kit.objective(name))
        for step in (1, 2):
            engine.step(kit.batch(views, seed=step), step, 10)
        ends.append(weights(model))
    assert all(torch.equal(value, ends[1][key]) for key, value in ends[0].items())


def test_a_batch_with_nan_changes_nothing_and_the_next_one_trains(kit, name, views):
    model = kit.model(name)
    engine = kit.engine(model, kit.objective(name))
    engine.step(kit.batch(views, seed=1), 1, 10)
    before, counted = weights(model), counters(engine)
    assert set(counted) == {1.0}
    engine.step(kit.poisoned(kit.batch(views, seed=2)), 2, 10)
    assert all(torch.equal(value, before[key]) for key, value in weights(model).items())
    assert counters(engine) == counted
    engine.step(kit.batch(views, seed=3), 3, 10)
    metrics = dict(engine.flush())
    assert [metrics[step]["optim/skipped_steps"] for step in (1, 2, 3)] == [0.0, 1.0, 1.0]
    assert math.isnan(metrics[2]["train/loss"])
    assert math.isfinite(metrics[3]["train/loss"])
    assert not all(torch.equal(value, before[key]) for key, value in weights(model).items())
    assert set(counters(engine)) == {2.0}


TERMS = {
    "latent_mim": ("ModalityPatchDisc", "KoLeo"),
    "contrastive_latent_mim": ("ModalityPatchDisc", "KoLeo", "InfoNCE"),
    "galileo": ("hide_masking_ModalityPatchDisc", "hide_masking_PatchDisc", "KoLeo", "InfoNCE"),
    "mae": ("L2", "MAE", "KoLeo"),
}
ALIASES = {
    "latent_mim": {"ModalityPatchDisc+KoLeo", "KoLeo"},
    "contrastive_latent_mim": {"ModalityPatchDisc+KoLeo", "KoLeo", "InfoNCE"},
    "galileo": {
        "ModalityPatchDisc+PatchDisc+KoLeo", "hide_masking_ModalityPatchDisc", "hide_masking_PatchDisc", "KoLeo",
        "InfoNCE",
    },
    "mae": {"MAE+L2+KoLeo", "KoLeo"},
}  # fmt: skip


def test_a_step_records_exactly_these_metrics(kit, name, views):
    engine = kit.engine(kit.model(name), kit.objective(name))
    engine.step(kit.batch(views), 1, 10)
    ((_, found),) = engine.flush()
    assert set(found) == {
        "train/loss", "optim/total grad norm", "optim/LR (group 0)", "optim/skipped_steps",
        *(f"train/loss/{term}" for term in TERMS[name]), *(f"train/{alias}" for alias in ALIASES[name]),
    }  # fmt: skip
    assert found["train/loss"] == pytest.approx(sum(found[f"train/loss/{term}"] for term in TERMS[name]), abs=1e-6)
    (total,) = (alias for alias in ALIASES[name] if "+" in alias)
    assert found[f"train/{total}"] == found["train/loss"]


def test_galileo_records_the_whole_loss_of_a_view_like_the_reference(kit):
    """Run with losses 3 and 5, the reference recorded a total of 4, and 3 and 5 for the views."""
    engine = kit.engine(kit.model("galileo"), kit.objective("galileo", regularizer=None, contrastive=None))
    engine.step(kit.batch(2), 1, 10)
    ((_, found),) = engine.flush()
    views = [found["train/hide_masking_ModalityPatchDisc"], found["train/hide_masking_PatchDisc"]]
    assert found["train/loss"] == pytest.approx(sum(views) / 2, abs=1e-6)
    assert found["train/loss/hide_masking_PatchDisc"] == pytest.approx(views[1] / 2)


def test_the_official_objective_records_the_reference_s_names(kit):
    engine = kit.engine(kit.model("latent_mim"), kit.objective("contrastive_latent_mim", regularizer=None))
    engine.step(kit.batch(2), 1, 10)
    ((_, found),) = engine.flush()
    ours = {"train/loss", "train/loss/ModalityPatchDisc", "train/loss/InfoNCE", "optim/skipped_steps"}
    assert set(found) - ours == {
        "train/ModalityPatchDisc", "train/InfoNCE", "optim/total grad norm", "optim/LR (group 0)"
    }  # fmt: skip
    trained = {id(p) for p in engine.model.parameters() if p.requires_grad}
    assert {id(p) for group in engine.optimizer.param_groups for p in group["params"]} == trained


def test_pixels_are_named_last_where_latents_are_predicted(kit, name, views):
    if name == "mae":
        return
    task = kit.objective(name, reconstruction=kit.objective("mae").reconstruction)
    model = kit.model(name, reconstructor_config=kit.pixel_part())
    engine = kit.engine(model, task)
    engine.step(kit.batch(views), 1, 10)
    ((_, found),) = engine.flush()
    assert task.aliases()["train/loss"].endswith("+KoLeo+MAE")
    assert found["train/loss/MAE"] > 0


@pytest.mark.parametrize(("size", "micro", "sizes"), [(8, 3, [3, 3, 2]), (8, 8, [8]), (8, 16, [8]), (9, 4, [3, 3, 3])])
def test_a_batch_is_cut_into_as_many_micro_batches_as_in_the_reference(kit, size, micro, sizes):
    """(9, 4) is [4, 4, 1] there: ours are cut by stride, which keeps them of one size."""
    task, seen = kit.objective("latent_mim", rank_microbatch_size=micro), []
    terms = task.terms
    task.terms = lambda model, batch, **more: (seen.append(batch.size), terms(model, batch, **more))[1]
    kit.engine(kit.model("latent_mim"), task).step(kit.batch(1, size=size), 1, 10)
    assert seen == sizes
