"""The numbers that version 1 of each objective promises: terms and gradient on the model of the conformance kit."""

import pytest
import torch
from torch import nn

from olmoearth_core.testing.tiny_model import TinyModel, tiny_batch
from olmoearth_plugins.losses.mae import mae

FILES = {
    "latent_mim": "olmoearth.latent_mim.v1.train_module",
    "contrastive_latent_mim": "olmoearth.contrastive_latent_mim.v1.train_module",
    "galileo": "olmoearth.galileo.v1.train_module",
    "mae": "olmoearth.mae.v1.train_module",
}


def measured(kit, name):
    model, task = TinyModel(), kit.objective(name, reconstruction=mae())
    task.attach(model)
    terms = task.terms(model, tiny_batch(task.num_views), seed_view=lambda view: None)
    torch.stack(list(terms.values())).sum().backward()
    norm = nn.utils.get_total_norm([p.grad for p in model.parameters() if p.grad is not None])
    return {**{f"train/loss/{term}": float(value.detach()) for term, value in terms.items()}, "gradient": float(norm)}


@pytest.mark.parametrize("name", list(FILES))
def test_the_terms_are_those_that_were_written_down(kit, name):
    assert measured(kit, name) == pytest.approx(kit.golden(FILES[name]), abs=1e-5)
