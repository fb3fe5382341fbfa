"""The wrappers over the real packages, with random weights, where those are installed."""

import importlib.util

import pytest
import torch
from olmoearth_baselines import clay, croma, dinov3, dofa, panopticon, prithvi, satlas, terramind

from olmoearth_core.interfaces.wrapper import Wish

PACKAGES = {
    "terratorch": [prithvi.prithvi, terramind.terramind, clay.clay],
    "satlaspretrain_models": [satlas.satlas],
    "torchgeo": [dofa.dofa, croma.croma, panopticon.panopticon],
    "timm": [dinov3.dinov3],
}
CASES = [(package, maker) for package, makers in PACKAGES.items() for maker in makers]


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(("package", "maker"), CASES, ids=[maker.__name__ for _, maker in CASES])
def test_the_real_model_gives_finite_features_of_the_promised_width(package, maker, batch):
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    wrapper = maker(pretrained=False)
    embedder = wrapper.open(device=torch.device("cpu"))
    made = batch(list(wrapper.needs.inputs), steps=2)
    with torch.no_grad():
        features, grid = embedder.embed(made, Wish(4)), embedder.embed(made, Wish(4, grid=True))
    assert features.shape == (2, embedder.width)
    assert grid.shape == (2, 2, 2, embedder.width)
    assert torch.isfinite(features).all()
    assert torch.isfinite(grid).all()
