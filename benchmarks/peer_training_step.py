"""The reference's side of compat_training_step.py. Runs under the reference's own python, imports nothing of ours."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from olmoearth_pretrain.datatypes import MaskedOlmoEarthSample
from olmoearth_pretrain.nn.flexi_vit import EncoderConfig, PredictorConfig
from olmoearth_pretrain.nn.latent_mim import LatentMIMConfig
from olmoearth_pretrain.nn.tokenization import ModalityTokenization, TokenizationConfig
from olmoearth_pretrain.train.loss import LossConfig

MAPS = ["worldcover", "srtm", "openstreetmap_raster", "wri_canopy_height_map", "cdl", "worldcereal"]
NAMES = ["sentinel2_l2a", "sentinel1", "landsat", *MAPS]
GROUPS = {
    "sentinel2_l2a": [["B02", "B03", "B04", "B08", "B05", "B06", "B07", "B8A", "B11", "B12", "B01", "B09"]],
    "landsat": [["B8", "B1", "B2", "B3", "B4", "B5", "B6", "B7", "B9", "B10", "B11"]],
}
ROTARY = {"position_encoding": "rope_3d_mixed", "rope_mixed_base": 1e4, "rope_temporal_coordinate_scale": 1 / 30}
LOSSES = {
    "v1": ({"type": "modality_patch_discrimination_new", "tau": 0.1}, 0.1),
    "v1_1": (
        {
            "type": "modality_patch_discrimination_masked_negatives_vec", "tau": 0.1, "same_target_threshold": 0.999,
            "mask_negatives_for_modalities": MAPS,
        },
        0.05,
    ),
}  # fmt: skip
LOSSES["v1_2"] = LOSSES["v1_1"]
PATCH = 4


def build(version: str) -> Any:
    """Nano of one version, without dropout."""
    shared: dict[str, Any] = {
        "supported_modality_names": NAMES, "num_heads": 8, "mlp_ratio": 4.0, "depth": 4, "max_sequence_length": 12,
    }  # fmt: skip
    special: dict[str, Any] = {"use_linear_patch_embed": False}
    if version != "v1":
        groups = {name: ModalityTokenization(group) for name, group in GROUPS.items()}
        shared["tokenization_config"] = TokenizationConfig(groups)
        special = {"patch_embed_hidden_sizes": [12]}
    if version == "v1_2":
        shared |= ROTARY
    encoder = EncoderConfig(embedding_size=128, max_patch_size=8, drop_path=0.0, **special, **shared)
    decoder = PredictorConfig(encoder_embedding_size=128, decoder_embedding_size=128, **shared)
    return LatentMIMConfig(encoder_config=encoder, decoder_config=decoder).build().train()


def main() -> None:
    version, folder = sys.argv[1], Path(sys.argv[2])
    model = build(version)
    model.load_state_dict(torch.load(folder / "weights.pth", weights_only=True), strict=True)
    stored = np.load(folder / "views.npz")
    shared = {key: torch.from_numpy(stored[key]) for key in stored.files if "/" not in key}
    base_config, weight = LOSSES[version]
    loss = LossConfig(dict(base_config)).build()
    contrast = LossConfig({"type": "InfoNCE", "weight": weight}).build()
    base, pooled = [], []
    for letter in "ab":
        masks = {f"{name}_mask": torch.from_numpy(stored[f"{letter}/{name}"]) for name in NAMES}
        view = MaskedOlmoEarthSample(**shared, **masks)
        _, decoded, vector, _, _ = model(view, PATCH)
        with torch.no_grad():
            found = model.target_encoder(view.unmask(), patch_size=PATCH, token_exit_cfg=dict.fromkeys(NAMES, 0))
        base.append(loss.compute(decoded, found["tokens_and_masks"]))
        pooled.append(vector)
    contrastive = contrast.compute(*pooled)
    mean = torch.stack(base).mean()
    total = mean + contrastive
    total.backward()
    norm = torch.nn.utils.get_total_norm([p.grad for p in model.parameters() if p.grad is not None])
    found = {"base loss": mean, "contrastive loss": contrastive, "total": total, "gradient norm": norm}
    print(json.dumps({name: float(value.detach()) for name, value in found.items()}))


if __name__ == "__main__":
    main()
