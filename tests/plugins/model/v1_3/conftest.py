"""Deterministic weights and inputs of the v1.3 fixtures (spec/model_v1_3.md 5.1).

Weights of the pooler: A sin(0.01 c + 1.3 ((i i) mod 1009)), A = 0.1 where the name speaks of a norm, else 0.4; plus 1
for norm weights. All others, and the inputs, are those of the model's other tests.
"""

import re
import zlib

import numpy as np
import pytest
import torch

from olmoearth_core import modalities
from olmoearth_core.data.sample import Batch
from olmoearth_core.data.tokens import Tokenization
from olmoearth_plugins.encoders.flexi_vit import flexi_vit
from olmoearth_plugins.patch_embeddings.pixel_mlp_patches import pixel_mlp_patches
from olmoearth_plugins.poolers.location_pooler import location_pooler
from olmoearth_plugins.position_encodings.rope_3d_mixed import rope_3d_mixed

POOLER = {"pooler_dim": 32, "pooler_depth": 1, "per_depth_read_proj": True, "attn_dim": 32}
STUDENT = {"student_dims": [12, 8], "student_output_norm": True}
NAMES = ("sentinel2_l2a", "sentinel1")


def fill(kit, module):
    """Give the weights of the recipe, the pooler's their own."""
    kit.fill(module)
    state = module.state_dict()
    for key in (key for key in state if "attention_pooler." in key):
        crc = zlib.crc32(key.encode()) % 1000
        i = np.arange(state[key].numel(), dtype=np.int64)
        wave = (0.1 if "norm" in key else 0.4) * np.sin(0.01 * crc + 1.3 * ((i * i) % 1009))
        wave += 1.0 if re.search(r"norm\d?\.weight$", key) else 0.0
        state[key] = torch.from_numpy(wave.astype(np.float32)).reshape(state[key].shape)
    module.load_state_dict(state)
    return module


def batch(kit, names=NAMES, *, samples=2, size=(8, 8), steps=3, mixed=False, missing_radar_step=None):
    """A deterministic batch of size[0] x size[1] pixels with pixel-resolution masks."""
    groups = Tokenization({"sentinel2_l2a": kit.single_sets()["sentinel2_l2a"]})
    arrays, masks = {}, {}
    for spec in modalities(list(names)):
        shape = (samples, *spec.array_shape(*size, steps))
        crc = zlib.crc32(spec.name.encode()) % 1000
        wave = np.cos(0.01 * crc + 0.013 * np.arange(np.prod(shape), dtype=np.float64))
        arrays[spec.name] = torch.from_numpy(wave.astype(np.float32).reshape(shape))
        mask = torch.zeros(*shape[:-1], len(groups.groups(spec)), dtype=torch.int64)
        if mixed:
            mask[..., 1:2, :], mask[..., 2:3, :] = 2, 1
            mask[1] = 3 if spec.name == "sentinel1" else mask[1]
            mask = torch.full_like(mask, 2) if spec.kind == "space" else mask
        if missing_radar_step is not None and spec.name == "sentinel1":
            mask[..., missing_radar_step, :] = 3
        masks[spec.name] = mask
    b, t = torch.meshgrid(torch.arange(samples), torch.arange(steps), indexing="ij")
    return Batch(arrays, masks, torch.stack([1 + b + 2 * t, (3 * t + b) % 12, 2019 + b], dim=-1))


def assert_facts(found, facts):
    """Compare one tensor with what a golden entry says of it."""
    found = found.detach().double()
    flat = found.flatten()
    assert list(found.shape) == facts["shape"]
    ends = torch.cat([flat[:4], flat[-4:]]).tolist()
    assert ends == pytest.approx([*facts["first4"], *facts["last4"]], abs=1e-5)
    sums = [flat.sum().item(), flat.abs().sum().item()]
    assert sums == pytest.approx([facts["sum"], facts["abs_sum"]], rel=1e-4, abs=1e-2)
    first = found if found.ndim == 3 else found[0]
    for key, line in (("row0_feature0", lambda: first[0, :, 0]), ("col0_feature0", lambda: first[:, 0, 0])):
        if key in facts:
            assert line().tolist() == pytest.approx(facts[key], abs=1e-5)
    if "cell_spread" in facts:
        spread = (found - found.mean((1, 2), keepdim=True)).abs().sum().item()
        assert spread == pytest.approx(facts["cell_spread"], rel=0.005)


class Kit13:
    """The functions above with the model tests' own kit."""

    def __init__(self, kit):
        self.kit, self.names = kit, NAMES
        self.golden = kit.golden("olmoearth.location_pooler.v1")
        self.fixtures = self.golden["fixtures"]
        self.single = {"sentinel2_l2a": kit.single_sets()["sentinel2_l2a"]}
        self.tokenization = Tokenization(self.single)

    def recipe(self, pooler=(), *, plain=False, student=True, **options):
        """The small encoder's recipe; plain: without pooler."""
        options = {"position_encoding": rope_3d_mixed(temporal_coordinate_scale=1 / 30), **options}
        settings = {**POOLER, **(STUDENT if student else {}), **dict(pooler)}
        return flexi_vit(
            embedding_size=32,
            num_heads=2,
            depth=2,
            mlp_ratio=4.0,
            patch_embedding=pixel_mlp_patches(hidden_sizes=[5]),
            attention_pooler=None if plain else location_pooler(**settings),
            **options,
        )

    def encoder(self, pooler=(), **options):
        """The small encoder with the recipe's weights, in evaluation mode."""
        built = self.recipe(pooler, **options).build(modalities(list(self.names)), self.tokenization)
        return fill(self.kit, built).eval()

    def batch(self, **options):
        return batch(self.kit, **options)

    def fill(self, module):
        return fill(self.kit, module)

    def assert_encoded(self, out, expected):
        """Compare everything that an encoder gives with a golden entry."""
        self.kit.assert_like(out.tokens, expected["tokens"])
        found = {"location_query_positions", "location_tokens", "student_location_tokens"} & set(expected)
        assert set(out.extras) == found
        for key in found:
            assert_facts(out.extras[key], expected[key])
        for pooled, row in zip(out.pooled, expected.get("project_aggregated_first4", []), strict=False):
            assert pooled[:4].tolist() == pytest.approx(row, abs=1e-5)

    assert_facts = staticmethod(assert_facts)


@pytest.fixture(scope="session")
def kit13(kit):
    return Kit13(kit)
