"""Our side of encoder.py."""

from __future__ import annotations

import os
from typing import Any

import torch
from encoder_measure import GEOMETRY, LANDSAT, SENTINEL2, Server, dates, groups, pixels
from torch import Tensor, nn

from olmoearth_core import modalities
from olmoearth_core.data.sample import Batch
from olmoearth_core.data.tokens import Tokenization
from olmoearth_plugins.encoders.flexi_vit import flexi_vit
from olmoearth_plugins.patch_embeddings.conv_patches import conv_patches
from olmoearth_plugins.patch_embeddings.pixel_mlp_patches import pixel_mlp_patches
from olmoearth_plugins.position_encodings.absolute import absolute
from olmoearth_plugins.position_encodings.rope_3d_mixed import rope_3d_mixed


class Ours:
    """An official encoder with random weights, which it writes for the reference to read."""

    encoder: Any

    def open(self, version: str, size: str, sensors: list[str], weights: str) -> nn.Module:
        """Build the encoder of a version and size for some sensors."""
        width, heads, depth = GEOMETRY[size]
        mlp = pixel_mlp_patches(hidden_sizes=[12 if size == "nano" else 64])
        turned = rope_3d_mixed(base=1e4, temporal_coordinate_scale=1 / 30)
        recipe = flexi_vit(
            embedding_size=width,
            num_heads=heads,
            depth=depth,
            mlp_ratio=4.0,
            patch_embedding=conv_patches() if version == "v1" else mlp,
            position_encoding=turned if version == "v1_2" else absolute(),
            random_channel_embeddings=True,
        )
        own = {} if version == "v1" else {"sentinel2_l2a": [SENTINEL2], "landsat": [LANDSAT]}
        overrides = {name: bands for name, bands in own.items() if name in sensors}
        self.encoder = recipe.build(modalities(sensors), Tokenization(overrides)).eval()
        self.version, self.sensors = version, sensors
        if not os.path.exists(weights):
            torch.save(self.encoder.state_dict(), weights)
        return self.encoder

    def prepare(self, batch: int) -> None:
        """Make the input; masks have the resolution of the pixels, as the reference wants them."""
        arrays = {name: pixels(name, batch) for name in self.sensors}
        masks = {
            name: torch.zeros(*arrays[name].shape[:4], len(groups(self.version, name)), dtype=torch.int64)
            for name in self.sensors
        }
        self.batch = Batch(arrays, masks, dates(batch))

    def call(self, batch: int, patch: int, way: str, stage: str) -> dict[str, Tensor]:
        """Encode; stage "patch_embedding" = the bare patch embeddings, by token exits of 0."""
        if stage == "prepare" or not hasattr(self, "batch") or self.batch.size != batch:
            self.prepare(batch)
        if stage == "prepare":
            return {}
        self.batch.memo.clear()
        exits = dict.fromkeys(self.sensors, 0) if stage == "patch_embedding" else None
        tokens: dict[str, Tensor] = self.encoder(self.batch, patch, token_exits=exits).tokens
        return tokens


if __name__ == "__main__":
    Server(Ours()).run()
