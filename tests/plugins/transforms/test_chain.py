"""A chain: the order of the file, draws of their own for each step, and mistakes in a config."""

import json
from pathlib import Path

import pytest
import torch

from olmoearth_core.config.load import load
from olmoearth_core.errors import ConfigError
from olmoearth_core.testing.samples import draws
from olmoearth_core.testing.transforms import pixels, specs
from olmoearth_plugins.transforms.band_dropout import band_dropout
from olmoearth_plugins.transforms.chain import chain
from olmoearth_plugins.transforms.flip_and_rotate import flip_and_rotate
from olmoearth_plugins.transforms.mixup import mixup

BASE = str(Path(__file__).parents[3] / "configs" / "v1_2" / "nano.cfg")


def equal(a, b):
    return all(torch.equal(a.arrays[n], b.arrays[n]) and torch.equal(a.presence[n], b.presence[n]) for n in a.arrays)


def checked(*options):
    return load([BASE], [f"--data_loader.transform.{o}" for o in options])


def test_steps_follow_each_other_with_draws_of_their_own():
    made = chain(steps={"turn": flip_and_rotate(), "mix": mixup()}).apply(pixels(), specs(), draws())
    turned = flip_and_rotate().apply(pixels(), specs(), draws().child("turn"))
    assert equal(made, mixup().apply(turned, specs(), draws().child("mix")))


def test_order_matters():
    steps = {"drop": band_dropout(rate=0.9), "mix": mixup()}
    there, back = (
        chain(steps=s).apply(pixels(), specs(), draws()) for s in (steps, dict(reversed(list(steps.items()))))
    )
    assert not equal(there, back)


def test_a_config_names_the_steps():
    steps = json.dumps({"turn": {"@transforms": "olmoearth.flip_and_rotate.v1"}})
    config = checked("@transforms=olmoearth.chain.v1", f"steps={steps}")
    assert config.tree["data_loader"]["transform"]["steps"]["turn"]["legacy"] is False


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["@transforms=olmoearth.flip_and_rotat.v1"], 'Did you mean "olmoearth.flip_and_rotate.v1"'),
        (["@losses=olmoearth.info_nce.v1"], "transforms"),
        (["@transforms=olmoearth.mixup.v1", "alpha=big"], "expected float"),
        (["@transforms=olmoearth.chain.v1", "steps={}"], "needs steps"),
        (["@transforms=olmoearth.chain.v1", 'steps={"a": {"@losses": "olmoearth.info_nce.v1"}}'], "a is no transform"),
        (["@transforms=olmoearth.chain.v1", 'steps={"a": {"@transforms": "olmoearth.mixup.v1", "alfa": 1}}'], "alfa"),
    ],
)
def test_mistakes_are_found_when_the_config_is_checked(options, message):
    with pytest.raises(ConfigError, match=message):
        checked(*options)


def test_no_step_is_refused():
    with pytest.raises(ConfigError, match="names no step"):
        chain(steps={})


def test_a_derivation_is_no_step():
    with pytest.raises(ConfigError, match=r"steps\.x does not change batches"):
        chain(steps={"x": lambda array, presence: (array, presence)})
