"""The reference's side of encoder.py. Runs under the reference's own python and imports nothing of ours."""

from __future__ import annotations

from typing import Any

import torch
from encoder_measure import GEOMETRY, LANDSAT, SENTINEL2, Server, dates, groups, pixels
from olmoearth_pretrain.datatypes import MaskedOlmoEarthSample
from olmoearth_pretrain.nn.flexi_vit import EncoderConfig
from olmoearth_pretrain.nn.tokenization import ModalityTokenization, TokenizationConfig
from torch import Tensor, nn


class Reference:
    """The reference's encoder with our weights."""

    encoder: Any

    def open(self, version: str, size: str, sensors: list[str], weights: str) -> nn.Module:
        """Build the encoder of a version and size for some sensors."""
        width, heads, depth = GEOMETRY[size]
        own = {} if version == "v1" else {"sentinel2_l2a": [SENTINEL2], "landsat": [LANDSAT]}
        options: dict[str, Any] = {
            "v1": {"use_linear_patch_embed": False},
            "v1_1": {"patch_embed_hidden_sizes": [12 if size == "nano" else 64]},
        }.get("v1" if version == "v1" else "v1_1", {})
        if version == "v1_2":
            options |= {"position_encoding": "rope_3d_mixed", "rope_mixed_base": 1e4}
            options |= {"rope_temporal_coordinate_scale": 1 / 30}
        config = EncoderConfig(
            supported_modality_names=sensors,
            embedding_size=width,
            num_heads=heads,
            depth=depth,
            mlp_ratio=4.0,
            tokenization_config=TokenizationConfig({n: ModalityTokenization(g) for n, g in own.items()}),
            **options,
        )
        self.encoder = config.build().eval()
        self.encoder.load_state_dict(torch.load(weights, weights_only=True), strict=True)
        self.version, self.sensors = version, sensors
        return self.encoder

    def prepare(self, batch: int) -> None:
        """Make the input."""
        parts = {}
        for name in self.sensors:
            parts[name] = pixels(name, batch)
            shape = (*parts[name].shape[:4], len(groups(self.version, name)))
            parts[f"{name}_mask"] = torch.zeros(shape, dtype=torch.int64)
        self.sample = MaskedOlmoEarthSample(timestamps=dates(batch), **parts)
        self.batch = batch

    def call(self, batch: int, patch: int, way: str, stage: str) -> dict[str, Tensor]:
        """Encode; way "fast" = its fast pass, right here because nothing is hidden."""
        if stage == "prepare" or getattr(self, "batch", None) != batch:
            self.prepare(batch)
        if stage == "prepare":
            return {}
        if stage == "patch_embedding":
            found = self.encoder.patch_embeddings(self.sample, patch)
            return {name: found[name] for name in self.sensors}
        found = self.encoder(self.sample, patch_size=patch, fast_pass=way == "fast")["tokens_and_masks"]
        return {name: getattr(found, name) for name in self.sensors}


if __name__ == "__main__":
    Server(Reference()).run()
