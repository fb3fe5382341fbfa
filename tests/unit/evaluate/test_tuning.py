"""Trainable copies: private, of models of ours and of others, in float32 where there is no accelerator."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn

from olmoearth_core.data.sample import Sample
from olmoearth_core.data.tokens import Tokenization
from olmoearth_core.evaluate import foreign
from olmoearth_core.evaluate.tuning import NothingToTrain, tunable
from olmoearth_core.features.embed import Reading
from olmoearth_core.interfaces.modality import BandSet, ModalitySpec
from olmoearth_core.interfaces.model import Encoded

SPEC = ModalitySpec("optical", (BandSet(("red", "nir"), 16),), 16, multitemporal=True)
READING = Reading([SPEC], Tokenization(), 4, grid=False)


def sample(value=1.0):
    arrays = {"optical": np.full((4, 4, 1, 2), value, np.float32)}
    return Sample(arrays, {"optical": np.ones((1, 1, 1, 1), bool)}, np.array([[1, 0, 2020]], np.int32), np.zeros(2))


@dataclass
class Embedder:
    """Computes with a function that closed over the module, as wrappers of packages do."""

    module: nn.Module
    network: object
    width: int = 2

    def embed(self, batch, wish):
        return self.network(batch.arrays["optical"].mean((1, 2, 3)))


class Wrapper:
    name = "other"

    def __init__(self, make=lambda: nn.Linear(2, 2)):
        self.make = make

    def open(self, *, device):
        module = self.make().to(device)
        return Embedder(module, lambda values: module(values))


def test_a_model_from_elsewhere_is_trained_as_a_copy():
    wrapper = Wrapper()
    embedder = wrapper.open(device=torch.device("cpu"))
    embedder.module.requires_grad_(False)
    before = {name: tensor.clone() for name, tensor in embedder.module.state_dict().items()}
    copy = foreign.tunable(wrapper, embedder, READING)
    features = copy([sample()])
    assert torch.equal(features, embedder.module(torch.ones(1, 2)))
    features.sum().backward()
    torch.optim.SGD([p for layer in copy.layers for p in layer], lr=1.0).step()
    assert not torch.equal(copy([sample()]), features)
    assert all(torch.equal(tensor, before[name]) for name, tensor in embedder.module.state_dict().items())


def test_a_model_from_elsewhere_without_parameters_has_nothing_to_train():
    wrapper = Wrapper(nn.Identity)
    with pytest.raises(NothingToTrain, match="other"):
        foreign.tunable(wrapper, wrapper.open(device=torch.device("cpu")), READING)


class Tokens(nn.Module):
    """One token per sample, by a matrix product."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(2, 3)

    def forward(self, batch, patch_size=4):
        pixels = batch.arrays["optical"].mean((1, 2, 3))
        return Encoded({"optical": self.linear(pixels)[:, None, None, None, None]}, batch.masks)


def test_a_profile_of_half_precision_does_not_make_training_on_the_cpu_imprecise():
    model = Tokens()
    full, half = (tunable(model, Reading([SPEC], Tokenization(), 4, grid=False, half=half), sample())
                  for half in (False, True))  # fmt: skip
    assert half([sample(0.3)]).dtype == torch.float32
    assert torch.equal(half([sample(0.3)]), full([sample(0.3)]))
