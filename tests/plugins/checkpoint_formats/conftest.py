"""Official checkpoint folders with the configs of tests/golden/olmoearth.official_configs.json and random weights."""

import copy
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from olmoearth_core import Batch, modalities
from olmoearth_core.models.building import recipe_of
from olmoearth_plugins.checkpoint_formats.official_model import translate

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "olmoearth.official_configs.json").read_text())
VERSIONS = ("v1", "v1_1", "v1_2", "v1_3")


def config_of(version, width=128):
    """Return the model section of a nano config; v1.3 is v1.2 with its pooler, at nano size."""
    if version != "v1_3":
        return copy.deepcopy(GOLDEN["configs"][version])
    config = config_of("v1_2")
    pooler = {**GOLDEN["pooler"], "pooler_dim": width, "attn_dim": width}
    config["encoder_config"]["attention_pooler_config"] = pooler
    config["decoder_config"] |= {"use_attention_pooler": True, "pooler_dim": width, "position_encoding": "rope"}
    config["projection_only_target"] = True
    return config


@pytest.fixture(params=VERSIONS)
def version(request):
    return request.param


@pytest.fixture
def official(tmp_path):
    """Return a function that writes a checkpoint folder of a version and returns it with the model behind it.

    edit: changes the config afterwards. state: changes the state dict before it is written.
    """

    def write(version="v1_2", *, edit=None, state=None, name="checkpoint", **experiment):
        folder = tmp_path / name
        folder.mkdir()
        config = config_of(version)
        found = translate(config, folder / "config.json", convolution=None)
        recipe, _ = recipe_of(found.block, folder / "config.json")
        torch.manual_seed(0)
        model = recipe.build(modalities(found.modalities)).eval()
        if edit:
            edit(config)
        whole = {"run_name": "x", "model": config, **GOLDEN["experiment"], **experiment}
        (folder / "config.json").write_text(json.dumps({k: v for k, v in whole.items() if v is not None}))
        tensors = dict(model.state_dict())
        torch.save(state(tensors) if state else tensors, folder / "weights.pth")
        return SimpleNamespace(folder=folder, model=model, config=config)

    return write


@pytest.fixture
def batch():
    """Return two samples of three sensors and a map at the model's scale, everything shown."""
    shapes = {"sentinel2_l2a": (2, 8, 8, 2, 12), "sentinel1": (2, 8, 8, 2, 2), "landsat": (2, 8, 8, 2, 11)}
    generator = torch.Generator().manual_seed(1)
    arrays = {name: torch.rand(shape, generator=generator) for name, shape in shapes.items()}
    dates = torch.tensor([[[5, 2, 2021], [20, 5, 2021]]], dtype=torch.int32).expand(2, 2, 3)

    def of(groups):
        masks = {n: torch.zeros(*a.shape[:4], len(groups[n]), dtype=torch.int8) for n, a in arrays.items()}
        return Batch(arrays, masks, dates)

    return of
