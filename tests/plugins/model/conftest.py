"""Deterministic weights and inputs: the recipe under which the reference's outputs in tests/golden were recorded.

Weights: 0.1 sin(0.01 c + 0.7 i) over the flat elements i, c from the CRC of the name; plus 1 for norm weights.
Inputs: cos(0.01 c + 0.013 i). Masking "mixed" hides the second date from the encoder and has it predicted, hides the
third altogether, predicts all maps, and takes the radar away from the second sample.
"""

from __future__ import annotations

import json
import re
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from olmoearth_core import modalities
from olmoearth_core.data.sample import Batch, ViewCounts
from olmoearth_core.data.tokens import Tokenization
from olmoearth_plugins.blocks.drop_path import DropPath
from olmoearth_plugins.decoders.predictor import predictor
from olmoearth_plugins.encoders.flexi_vit import flexi_vit
from olmoearth_plugins.models.latent_mim import latent_mim
from olmoearth_plugins.patch_embeddings.conv_patches import conv_patches
from olmoearth_plugins.patch_embeddings.pixel_mlp_patches import pixel_mlp_patches
from olmoearth_plugins.position_encodings.rope_3d_mixed import rope_3d_mixed

SENTINEL2 = ["B02", "B03", "B04", "B08", "B05", "B06", "B07", "B8A", "B11", "B12", "B01", "B09"]
LANDSAT = ["B8", "B1", "B2", "B3", "B4", "B5", "B6", "B7", "B9", "B10", "B11"]
MAPS = ["worldcover", "srtm", "openstreetmap_raster", "wri_canopy_height_map", "cdl", "worldcereal"]
MIXED_3D = rope_3d_mixed(base=10000.0, temporal_coordinate_scale=1 / 30)


def single_sets():
    return {"sentinel2_l2a": [SENTINEL2], "landsat": [LANDSAT]}


def nine():
    return modalities(["sentinel2_l2a", "sentinel1", "landsat", *MAPS])


def golden(component):
    return json.loads((Path(__file__).parents[2] / "golden" / f"{component}.json").read_text())


def recipe(version="v1_2", *, width=128, heads=8, depth=4, hidden=12, **model):
    """The official latent-MIM model of a version; nano by default."""
    patches = {"position_encoding": MIXED_3D} if version == "v1_2" else {}
    patches["patch_embedding"] = conv_patches() if version == "v1" else pixel_mlp_patches(hidden_sizes=[hidden])
    if version != "v1":
        model = {"tokenization": single_sets(), **model}
        patches |= {"band_dropout_rate": 0.2, "random_band_dropout": True}
        patches |= {"band_dropout_modalities": ["sentinel2_l2a", "landsat"]}
    return latent_mim(
        encoder_config=flexi_vit(embedding_size=width, num_heads=heads, depth=depth, mlp_ratio=4.0, **patches),
        decoder_config=predictor(depth=4, mlp_ratio=4.0),
        **model,
    )


def fill(module):
    state = module.state_dict()
    for key, value in state.items():
        if key.endswith("month_embed.weight"):
            continue
        crc = zlib.crc32(re.sub("^target_encoder[.]", "encoder.", key).encode()) % 1000
        wave = 0.1 * np.sin(0.01 * crc + 0.7 * np.arange(value.numel(), dtype=np.float64))
        wave += 1.0 if re.search(r"norm\d?\.weight$", key) else 0.0
        state[key] = torch.from_numpy(wave.astype(np.float32)).reshape(value.shape)
    module.load_state_dict(state)
    for part in module.modules():
        if isinstance(part, DropPath):
            part.rate = 0.0
    return module


def batch(specs, overrides=None, *, samples=2, side=8, steps=3, patch=None, mixed=False, counted=False):
    """patch: make token-resolution masks for this patch size instead of pixel ones."""
    tokenization, arrays, masks = Tokenization(overrides), {}, {}
    for spec in specs:
        shape = (samples, *spec.array_shape(side, side, steps))
        wave = np.cos(
            0.01 * (zlib.crc32(spec.name.encode()) % 1000) + 0.013 * np.arange(np.prod(shape), dtype=np.float64)
        )
        arrays[spec.name] = torch.from_numpy(wave.astype(np.float32).reshape(shape))
        grid = arrays[spec.name][..., 0]
        grid = grid[:, :: patch * spec.size_factor, :: patch * spec.size_factor] if patch and spec.spatial else grid
        mask = torch.zeros(*grid.shape, len(tokenization.groups(spec)), dtype=torch.int64)
        if mixed and spec.kind == "space_time":
            mask[..., 1, :], mask[..., 2, :] = 2, 1
            mask[1] = 3 if spec.name == "sentinel1" else mask[1]
        elif mixed and spec.kind == "space":
            mask[:] = 2
        masks[spec.name] = mask
    b, t = torch.meshgrid(torch.arange(samples), torch.arange(steps), indexing="ij")
    timestamps = torch.stack([1 + b + 2 * t, (3 * t + b) % 12, 2019 + b], dim=-1)
    return Batch(arrays, masks, timestamps, ViewCounts.of(masks) if counted else None)


def assert_like(found, expected):
    """Compare tensors by modality with shape, ends and sums of a golden entry."""
    assert set(found) == set(expected)
    for name, facts in expected.items():
        flat = found[name].detach().double().flatten()
        assert list(found[name].shape) == facts["shape"], name
        ends = torch.cat([flat[:4], flat[-4:]]).tolist()
        assert ends == pytest.approx([*facts["first4"], *facts["last4"]], abs=1e-5), name
        sums = [flat.sum().item(), flat.abs().sum().item()]
        assert sums == pytest.approx([facts["sum"], facts["abs_sum"]], rel=1e-4, abs=1e-2), name


SYNCS = ("_local_scalar_dense", "nonzero", "masked_select", "is_nonzero", "equal", "unique")


class Syncs(TorchDispatchMode):
    """Counts operations that would wait for a device."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        boolean_index = name == "index" and any(t is not None and t.dtype == torch.bool for t in args[1])
        if name in SYNCS or boolean_index:
            self.seen.append(name)
        return func(*args, **(kwargs or {}))


class Kit:
    """The functions above, for tests (test folders are no packages, so they cannot import this file)."""

    single_sets, nine, golden, recipe = map(staticmethod, (single_sets, nine, golden, recipe))
    fill, batch, assert_like = map(staticmethod, (fill, batch, assert_like))
    maps = MAPS
    Syncs = Syncs

    @staticmethod
    def encoder(names, overrides=None, **options):
        """A small filled encoder and its specs."""
        specs = modalities(names)
        options = {"embedding_size": 16, "num_heads": 2, "depth": 2, "mlp_ratio": 4.0, **options}
        return fill(flexi_vit(**options).build(specs, Tokenization(overrides))).eval(), specs


@pytest.fixture(scope="session")
def kit():
    return Kit


@pytest.fixture(scope="module")
def nano():
    """A filled v1.2 nano model in evaluation mode."""
    return fill(recipe().build(nine())).eval()
