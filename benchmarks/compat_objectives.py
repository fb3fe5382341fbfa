"""Do the four objectives of ours and of the reference agree? Runs both from the same weights, pixels and masks.

    python benchmarks/compat_objectives.py --peer /path/to/venv/bin/python --peer-path reference/shims:reference

The model is v1 nano with a pixel reconstructor, its weights perturbed so that target and encoder differ. Each objective
has a regulariser, pixel reconstruction, deep token exits and (but for the masked autoencoder) a moving target; the
reference's own train module makes one step of one micro-batch. Prints total and gradient norm; exit code 1 if a total
is off by more than 1e-5 or a norm by more than 1e-4.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from compat_training_step import WITHOUT_DROPOUT, views
from in_turn import answer
from torch import nn

from olmoearth_core.config.build import build
from olmoearth_core.config.load import load
from olmoearth_core.config.schema import Parts
from olmoearth_core.interfaces.model import ModelRecipe
from olmoearth_core.interfaces.train_module import TrainModule
from olmoearth_core.kinds import registry

HERE = Path(__file__).parent
OBJECTIVES = ("latent_mim", "contrastive_latent_mim", "galileo", "mae")
TWO_VIEWS = ("contrastive_latent_mim", "galileo")
SMOOTH = {"loss_function": "SmoothL1Loss", "beta": 0.1}
EMA = {"ema_decay": [0.9, 1.0]}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--peer", required=True, help="python of a venv that holds the reference")
    options.add_argument("--peer-path", default="", help="PYTHONPATH for it")
    options.add_argument("--only", nargs="+", default=OBJECTIVES, choices=OBJECTIVES)
    given = options.parse_args()
    torch.set_num_threads(1)
    parts = build(load([str(HERE.parent / "configs" / "v1" / "nano.cfg")], WITHOUT_DROPOUT))
    agree = [compare(name, parts, given) for name in given.only]
    raise SystemExit(0 if all(agree) else 1)


def compare(name: str, parts: Parts, given: argparse.Namespace) -> bool:
    """Make one step in both programs and print what they found."""
    task, recipe = objective(name, parts), model_of(name, parts)
    torch.manual_seed(0)
    model = perturbed(recipe.build(parts.dataset.specs))
    with tempfile.TemporaryDirectory() as folder:
        torch.save(model.state_dict(), Path(folder) / "weights.pth")
        batch = views(replace(parts, train_module=task), Path(folder) / "views.npz")
        theirs = answer([given.peer, str(HERE / "peer_objectives.py"), name, folder], given.peer_path)
    task.attach(model)
    task.before_step(model, 1, 10)
    terms = task.terms(model.train(), batch, seed_view=lambda view: None)
    total = torch.stack(list(terms.values())).sum()
    total.backward()  # type: ignore[no-untyped-call]
    norm = nn.utils.get_total_norm([p.grad for p in model.parameters() if p.grad is not None])
    called = task.aliases()["train/loss"]
    pairs = {"total": (float(total.detach()), theirs[called], 1e-5), "norm": (float(norm), theirs["norm"], 1e-4)}
    print(f"{name}  ({called}; terms {', '.join(terms)})")
    for what, (a, b, limit) in pairs.items():
        print(f"  {what:6} ours {a:.7f}  reference {b:.7f}  off by {abs(a - b):.1e}, may be off by {limit:.0e}")
    return all(abs(a - b) <= limit for a, b, limit in pairs.values())


def objective(name: str, parts: Parts) -> TrainModule:
    """The objective with everything that can be set."""
    losses, kind = registry.losses, registry.train_modules.get(f"olmoearth.{name}.v1")
    base, other = (
        losses.get("olmoearth.modality_patch_discrimination.v1"),
        losses.get("olmoearth.patch_discrimination.v1"),
    )
    modalities = [spec.name for spec in parts.dataset.specs]
    deep, half = dict.fromkeys(modalities, 4), dict.fromkeys(modalities, 2)
    special: dict[str, dict[str, Any]] = {
        "latent_mim": {"loss": base(), "token_exit_cfg": deep, **EMA},
        "contrastive_latent_mim": {"loss": base(), "token_exit_cfg": deep, **EMA},
        "galileo": {"loss": base(), "loss_b": other(), "token_exit_cfg_a": deep, "token_exit_cfg_b": half, **EMA},
        "mae": {"loss": losses.get("olmoearth.l2.v1")(), "token_exit_cfg": half},
    }
    own = special[name]
    if name in TWO_VIEWS:
        own["contrastive"] = losses.get("olmoearth.info_nce.v1")(weight=0.1)
    old = parts.train_module
    made: TrainModule = kind(
        rank_microbatch_size=4, optim_config=old.optim_config, scheduler=old.scheduler, masking=old.masking,
        regularizer=losses.get("olmoearth.koleo.v1")(), reconstruction=losses.get("olmoearth.mae.v1")(**SMOOTH), **own,
    )  # fmt: skip
    return made


def model_of(name: str, parts: Parts) -> ModelRecipe:
    """The model that an objective is made for, with a reconstructor."""
    encoder, decoder = (getattr(parts.model, part) for part in ("encoder_config", "decoder_config"))
    pixels = registry.decoders.get("olmoearth.reconstructor.v1")(decoder_config=decoder, max_patch_size=8)
    key = "latent_mim" if name == "contrastive_latent_mim" else name
    made: ModelRecipe = registry.models.get(f"olmoearth.{key}.v1")(
        encoder_config=encoder, decoder_config=decoder, reconstructor_config=pixels
    )
    return made


@torch.no_grad()
def perturbed(model: nn.Module) -> nn.Module:
    """Move all weights a little, so that no bias is zero and target and encoder are not the same."""
    random = torch.Generator().manual_seed(5)
    for parameter in model.parameters():
        parameter.add_(0.02 * torch.randn(parameter.shape, generator=random))
    return model


if __name__ == "__main__":
    main()
