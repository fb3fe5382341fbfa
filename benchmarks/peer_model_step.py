"""The reference's side of model_step.py. Runs under the reference's own python and imports nothing of ours."""

from __future__ import annotations

import json
import sys
import time
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
SENTINEL2 = ["B02", "B03", "B04", "B08", "B05", "B06", "B07", "B8A", "B11", "B12", "B01", "B09"]
LANDSAT = ["B8", "B1", "B2", "B3", "B4", "B5", "B6", "B7", "B9", "B10", "B11"]
PATCH = 4


def build() -> Any:
    """v1.2 nano."""
    groups = {"sentinel2_l2a": [SENTINEL2], "landsat": [LANDSAT]}
    shared: dict[str, Any] = {
        "supported_modality_names": NAMES,
        "num_heads": 8,
        "mlp_ratio": 4.0,
        "depth": 4,
        "max_sequence_length": 12,
        "tokenization_config": TokenizationConfig({n: ModalityTokenization(g) for n, g in groups.items()}),
        "position_encoding": "rope_3d_mixed",
        "rope_mixed_base": 1e4,
        "rope_temporal_coordinate_scale": 1 / 30,
    }
    encoder = EncoderConfig(
        embedding_size=128,
        max_patch_size=8,
        drop_path=0.1,
        patch_embed_hidden_sizes=[12],
        band_dropout_rate=0.2,
        random_band_dropout=True,
        band_dropout_modalities=["sentinel2_l2a", "landsat"],
        **shared,
    )
    decoder = PredictorConfig(encoder_embedding_size=128, decoder_embedding_size=128, **shared)
    model = LatentMIMConfig(encoder_config=encoder, decoder_config=decoder).build().train()
    model.encoder.enable_band_dropout()
    return model


def main() -> None:
    stored = np.load(sys.argv[1])
    views = [
        MaskedOlmoEarthSample(**{key[2:]: torch.from_numpy(stored[key]) for key in stored.files if key[0] == letter})
        for letter in "ab"
    ]
    torch.manual_seed(0)
    model = build()
    name = "modality_patch_discrimination_masked_negatives_vec"
    loss = LossConfig({"type": name, "tau": 0.1, "mask_negatives_for_modalities": MAPS}).build()
    contrast = LossConfig({"type": "InfoNCE", "weight": 0.05}).build()
    exits = dict.fromkeys(NAMES, 0)

    def step() -> float:
        base, pooled = [], []
        for view in views:
            _, decoded, vector, _, _ = model(view, PATCH)
            with torch.no_grad():
                found = model.target_encoder(view.unmask(), patch_size=PATCH, token_exit_cfg=exits)
            base.append(loss.compute(decoded, found["tokens_and_masks"]))
            pooled.append(vector)
        total = torch.stack(base).mean() + contrast.compute(*pooled)
        total.backward()
        model.zero_grad()
        return float(total.detach())

    for _line in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        value = step()
        print(
            json.dumps({"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "loss": value}),
            flush=True,
        )


if __name__ == "__main__":
    main()
