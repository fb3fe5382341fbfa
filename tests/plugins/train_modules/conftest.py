"""Real models of a few numbers, the four objectives on them, and batches with gaps. ranks.py uses it too."""

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

from olmoearth_core.data.sample import Batch, TrainBatch, ViewCounts
from olmoearth_core.data.tokens import DECODE, ENCODE, MISSING, TARGET_ONLY, Tokenization, TokenLayout
from olmoearth_core.interfaces.modality import BandSet, ModalitySpec
from olmoearth_core.train.distributed import World
from olmoearth_core.train.step import StepEngine
from olmoearth_plugins.decoders.predictor import predictor
from olmoearth_plugins.decoders.reconstructor import reconstructor
from olmoearth_plugins.encoders.flexi_vit import flexi_vit
from olmoearth_plugins.losses.info_nce import info_nce
from olmoearth_plugins.losses.koleo import koleo
from olmoearth_plugins.losses.l2 import l2
from olmoearth_plugins.losses.mae import mae as pixels
from olmoearth_plugins.losses.modality_patch_discrimination import modality_patch_discrimination
from olmoearth_plugins.losses.patch_discrimination import patch_discrimination
from olmoearth_plugins.models import galileo as galileo_model
from olmoearth_plugins.models import latent_mim as latent_mim_model
from olmoearth_plugins.models import mae as mae_model
from olmoearth_plugins.optimizers.adamw import adamw
from olmoearth_plugins.schedulers.cosine_with_warmup import cosine_with_warmup
from olmoearth_plugins.train_modules.contrastive_latent_mim import contrastive_latent_mim
from olmoearth_plugins.train_modules.galileo import galileo
from olmoearth_plugins.train_modules.latent_mim import latent_mim
from olmoearth_plugins.train_modules.mae import mae

SPECS = (
    ModalitySpec("optical", (BandSet(("b1", "b2"), 16),), 16, multitemporal=True),
    ModalitySpec("cover", (BandSet(("class",), 16),), 16, multitemporal=False),
)
PATCH, ROWS, STEPS = 2, 2, 2


@dataclass
class Hide:
    """A strategy with a name; the batches here bring their masks with them."""

    name: str = "hide"

    def mask(self, present, specs, draw):
        return {name: torch.where(p, ENCODE, MISSING).to(torch.int8) for name, p in present.items()}


def parts(**model):
    encoder = flexi_vit(embedding_size=8, num_heads=2, depth=2, mlp_ratio=2.0, drop_path=0.0, max_patch_size=4)
    return {"encoder_config": encoder, "decoder_config": predictor(depth=1, mlp_ratio=2.0, num_heads=2), **model}


def pixel_part():
    return reconstructor(decoder_config=predictor(depth=1, mlp_ratio=2.0, num_heads=2), max_patch_size=4)


def recipe(name, **model):
    kinds = {"galileo": galileo_model.galileo, "mae": mae_model.mae}
    if name == "mae":
        model = {"reconstructor_config": pixel_part(), **model}
    return kinds.get(name, latent_mim_model.latent_mim)(**parts(**model))


def model(name, dtype=torch.float32, **settings):
    torch.manual_seed(1)
    return recipe(name, **settings).build(SPECS).to(dtype)


def objective(name, **settings):
    basics = {
        "rank_microbatch_size": 2, "optim_config": adamw(lr=0.01, weight_decay=0.02), "masking": Hide(),
        "scheduler": cosine_with_warmup(warmup_steps=2), "regularizer": koleo(),
    }  # fmt: skip
    token = {"loss": modality_patch_discrimination()}
    own = {
        "latent_mim": (latent_mim, token),
        "contrastive_latent_mim": (contrastive_latent_mim, token | {"contrastive": info_nce(weight=0.1)}),
        "galileo": (galileo, token | {"loss_b": patch_discrimination(), "contrastive": info_nce(weight=0.1)}),
        "mae": (mae, {"reconstruction": pixels(loss_function="SmoothL1Loss", beta=0.1), "loss": l2()}),
    }
    factory, extra = own[name]
    return factory(**{**basics, **extra, **settings})


def batch(views, *, size=5, seed=0, dtype=torch.float32, patch=PATCH, cut=slice(None)):
    """size samples, of which one lacks a date and one the map; `cut` takes some of them."""
    random = torch.Generator().manual_seed(seed)
    side = ROWS * patch
    arrays = {s.name: torch.randn(size, *s.array_shape(side, side, STEPS), generator=random).to(dtype) for s in SPECS}
    layout = TokenLayout.of(SPECS, Tokenization(), rows=ROWS, columns=ROWS, steps=STEPS)
    dates = torch.tensor([[3 + t, 4 * t, 2020] for t in range(STEPS)]).repeat(size, 1, 1)
    made = []
    for _ in range(views):
        masks = {}
        for spec in SPECS:
            codes = torch.tensor([ENCODE, TARGET_ONLY, DECODE, DECODE, ENCODE], dtype=torch.int8)
            shape = layout[spec.name].shape
            order = torch.stack([torch.randperm(math.prod(shape), generator=random) for _ in range(size)])
            masks[spec.name] = codes[order % 5].view(size, *shape)
        masks["optical"][0, :, :, 1] = MISSING
        masks["cover"][1] = MISSING
        made.append(Batch(arrays, masks, dates, ViewCounts.of(masks)))
    made = [replace(view, memo=made[0].memo) for view in made]
    return TrainBatch(patch, layout, tuple(made)).rows(cut)


def poisoned(clean):
    """The same batch with one pixel that is no number."""
    arrays = {name: a.clone() for name, a in clean.views[0].arrays.items()}
    arrays["optical"][2] = float("nan")
    return replace(clean, views=tuple(replace(view, arrays=arrays, memo={}) for view in clean.views))


def engine(made, task, world=None):
    task.attach(made)
    optimizer = task.optim_config.build(made.named_parameters())
    return StepEngine(made, task, optimizer, world or World(torch.device("cpu")), seed=3)


def golden(name):
    return json.loads((Path(__file__).parents[2] / "golden" / f"{name}.json").read_text())


class Kit:
    """The functions above (test folders are no packages, so tests cannot import this file)."""

    names = ("latent_mim", "contrastive_latent_mim", "galileo", "mae")
    Hide = Hide
    specs = SPECS
    recipe, model, objective, batch, poisoned, engine, golden, pixel_part = map(
        staticmethod, (recipe, model, objective, batch, poisoned, engine, golden, pixel_part)
    )


@pytest.fixture(scope="session")
def kit():
    return Kit
