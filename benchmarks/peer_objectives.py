"""The reference's side of compat_objectives.py. Runs under the reference's own python, imports nothing of ours."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import torch
from olmo_core.optim import AdamWConfig
from olmoearth_pretrain.datatypes import MaskedOlmoEarthSample
from olmoearth_pretrain.nn.flexi_vit import EncoderConfig, PredictorConfig, ReconstructorConfig
from olmoearth_pretrain.train.loss import LossConfig
from olmoearth_pretrain.train.masking import MaskingConfig
from peer_training_step import NAMES, PATCH

SHARED: dict[str, Any] = {
    "supported_modality_names": NAMES, "num_heads": 8, "mlp_ratio": 4.0, "depth": 4, "max_sequence_length": 12,
}  # fmt: skip
TRAIN = "olmoearth_pretrain.train.train_module"
NN = "olmoearth_pretrain.nn"
CLASSES = {
    "latent_mim": (f"{NN}.latent_mim:LatentMIMConfig", f"{TRAIN}.latent_mim:LatentMIMTrainModuleConfig"),
    "contrastive_latent_mim": (
        f"{NN}.latent_mim:LatentMIMConfig",
        f"{TRAIN}.contrastive_latentmim:ContrastiveLatentMIMTrainModuleConfig",
    ),
    "galileo": (f"{NN}.galileo:GalileoConfig", f"{TRAIN}.galileo:GalileoTrainModuleConfig"),
    "mae": (f"{NN}.mae:MAEConfig", f"{TRAIN}.mae:MAETrainModuleConfig"),
}


def loss(**options: Any) -> LossConfig:
    return LossConfig(options)


def settings(name: str) -> dict[str, Any]:
    """What compat_objectives.py gives to ours."""
    base, masking = loss(type="modality_patch_discrimination", tau=0.1), MaskingConfig({"type": "random"})
    deep, half = dict.fromkeys(NAMES, 4), dict.fromkeys(NAMES, 2)
    contrast = loss(type="InfoNCE", weight=0.1)
    single: dict[str, Any] = {
        "loss_config": base, "masking_config": masking, "token_exit_cfg": deep, "ema_decay": (0.9, 1.0),
    }  # fmt: skip
    return {
        "latent_mim": single,
        "contrastive_latent_mim": {**single, "contrastive_config": contrast},
        "galileo": {
            "loss_config_a": base, "loss_config_b": loss(type="patch_discrimination", tau=0.1),
            "contrastive_config": contrast, "masking_config_a": masking, "masking_config_b": masking,
            "token_exit_cfg_a": deep, "token_exit_cfg_b": half, "ema_decay": (0.9, 1.0),
        },
        "mae": {"latent_mim_loss_config": loss(type="l2"), "masking_config": masking, "token_exit_cfg": half},
    }[name]  # fmt: skip


def build(name: str) -> tuple[Any, Any]:
    """Model and train module."""
    model_class, module_class = (
        getattr(importlib.import_module(path.split(":")[0]), path.split(":")[1]) for path in CLASSES[name]
    )

    def decoder() -> PredictorConfig:
        return PredictorConfig(encoder_embedding_size=128, decoder_embedding_size=128, **SHARED)

    encoder = EncoderConfig(embedding_size=128, max_patch_size=8, drop_path=0.0, use_linear_patch_embed=False, **SHARED)
    pixels = ReconstructorConfig(decoder_config=decoder(), supported_modality_names=NAMES, max_patch_size=8)
    model = model_class(encoder_config=encoder, decoder_config=decoder(), reconstructor_config=pixels).build()
    module = module_class(
        optim_config=AdamWConfig(lr=1e-3), rank_microbatch_size=4, regularizer_config=loss(type="KoLeo"),
        mae_loss_config=loss(type="mae", loss_function="SmoothL1Loss", beta=0.1), **settings(name),
    ).build(model, device=torch.device("cpu"))  # fmt: skip
    return model, module


def main() -> None:
    name, folder = sys.argv[1], Path(sys.argv[2])
    model, module = build(name)
    model.load_state_dict(torch.load(folder / "weights.pth", weights_only=True), strict=True)
    found: dict[str, float] = {}

    def record(metric: str, value: Any, *_: Any, **options: Any) -> None:
        found["/".join(filter(None, (options.get("namespace"), metric)))] = float(value)

    trainer = MagicMock(global_step=1, max_steps=10, epoch=1)
    trainer.record_metric.side_effect = record
    module._trainer = trainer
    stored = np.load(folder / "views.npz")
    pixels = {key: torch.from_numpy(stored[key]) for key in stored.files if "/" not in key}
    letters = [letter for letter in "ab" if f"{letter}/{NAMES[0]}" in stored.files]
    views = [
        MaskedOlmoEarthSample(**pixels, **{f"{n}_mask": torch.from_numpy(stored[f"{letter}/{n}"]) for n in NAMES})
        for letter in letters
    ]
    module.train_batch((PATCH, *views))
    found["norm"] = float(torch.nn.utils.get_total_norm([p.grad for p in model.parameters() if p.grad is not None]))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
