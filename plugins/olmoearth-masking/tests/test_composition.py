"""Strategies made of strategies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from olmoearth_masking.choice import choice
from olmoearth_masking.only_decode import only_decode
from olmoearth_masking.random import random
from olmoearth_masking.random_range import random_range
from olmoearth_masking.random_with_decode import random_with_decode
from olmoearth_masking.schedule import schedule
from olmoearth_masking.space import space
from olmoearth_masking.time import time

from olmoearth_core.config.build import build
from olmoearth_core.config.load import load
from olmoearth_core.data.random import Draws
from olmoearth_core.data.tokens import DECODE, ENCODE
from olmoearth_core.errors import ConfigError

ALL_SHOWN, ALL_HIDDEN = {"encode_ratio": 1.0, "decode_ratio": 0.0}, {"encode_ratio": 0.0, "decode_ratio": 1.0}


def test_strategies_are_drawn_as_often_as_their_weights_say(scene):
    strategy = choice(strategies={"shown": random(**ALL_SHOWN), "hidden": random(**ALL_HIDDEN)}, weights={"shown": 3})
    masks = strategy.mask(scene.whole(2000), scene.specs, Draws(range(2000)))
    shown = (masks["optical"] == ENCODE).flatten(1)
    assert torch.equal(shown.all(1), shown.any(1))
    assert shown.all(1).double().mean().item() == pytest.approx(0.75, abs=0.03)
    assert (strategy.encode_ratio, strategy.decode_ratio) == (0.75, 0.25)


def test_a_weight_of_zero_is_never_drawn(scene):
    strategy = choice(strategies={"shown": random(**ALL_SHOWN), "hidden": random(**ALL_HIDDEN)}, weights={"shown": 0})
    assert (strategy.mask(scene.whole(300), scene.specs, Draws(range(300)))["optical"] == DECODE).all()


def test_a_strategy_that_suits_no_sample_is_still_drawn_if_it_is_the_only_one(scene):
    masks = choice(strategies={"time": time()}).mask(scene.whole(2, steps=2), scene.specs, Draws(range(2)))
    assert torch.equal(
        masks["radar"], time().mask(scene.whole(2, steps=2), scene.specs, Draws(range(2)).child("time"))["radar"]
    )


def test_a_weight_of_zero_is_not_drawn_either_where_the_others_do_not_suit(scene):
    strategy = choice(strategies={"time": time(), "hidden": random(**ALL_HIDDEN)}, weights={"hidden": 0})
    masks = strategy.mask(scene.whole(200, steps=2), scene.specs, Draws(range(200)))
    assert (masks["optical"] == ENCODE).flatten(1).any(1).all()


def test_a_schedule_refuses_what_it_could_not_move_however_deep_it_lies():
    for inner in (random_range(), choice(strategies={"a": random(), "b": random_range()})):
        for strategy in (inner, only_decode(strategy=inner, modalities=["cover"])):
            with pytest.raises(ConfigError, match="RandomRange cannot be moved"):
                schedule(strategy=strategy, final_encode_ratio=0.1, final_decode_ratio=0.9)


def test_what_is_only_decoded_is_decoded_and_the_strategy_does_not_see_it(scene):
    strategy = only_decode(strategy=space(), modalities=["cover", "not_trained"])
    present = scene.gaps(1)
    masks = strategy.mask(present, scene.specs, Draws(range(3)))
    assert list(masks) == list(scene.names)
    assert (masks["cover"][present["cover"]] == DECODE).all()
    rest = [spec for spec in scene.specs if spec.name != "cover"]
    alone = space().mask({s.name: present[s.name] for s in rest}, rest, Draws(range(3)).child("strategy"))
    assert all(torch.equal(alone[spec.name], masks[spec.name]) for spec in rest)


def test_a_schedule_moves_the_ratios_of_all_that_it_holds(scene):
    inner = choice(strategies={"a": random(), "b": only_decode(strategy=random(), modalities=["cover"])})
    moving = schedule(strategy=inner, final_encode_ratio=0.1, final_decode_ratio=0.9, steps=100)
    for step, share in ((0, 0.5), (50, 0.3), (100, 0.1), (500, 0.1)):
        masks = moving.mask(scene.whole(4, 4, 5), scene.specs, Draws(range(4), step=step))
        assert ((masks["radar"] == ENCODE).flatten(1).sum(1) == round(80 * share)).all()


def test_mistakes_in_compositions_are_refused():
    with pytest.raises(ConfigError, match="no strategy is named"):
        choice(strategies={})
    with pytest.raises(ConfigError, match="weights name rnd"):
        choice(strategies={"random": random()}, weights={"rnd": 1})
    with pytest.raises(ConfigError, match="none may be negative"):
        choice(strategies={"random": random()}, weights={"random": 0})
    with pytest.raises(ConfigError, match="modalities is empty"):
        only_decode(strategy=random(), modalities=[])
    with pytest.raises(ConfigError, match="cannot be moved"):
        schedule(strategy=random_with_decode(), final_encode_ratio=0.1, final_decode_ratio=0.9)
    with pytest.raises(ConfigError, match="at least 1 step"):
        schedule(strategy=random(), final_encode_ratio=0.1, final_decode_ratio=0.9, steps=0)


NESTED = """
[train_module.masking]
@maskings = "masking.only_decode.v1"
modalities = ["worldcover", "srtm"]

[train_module.masking.strategy]
@maskings = "masking.choice.v1"

[train_module.masking.strategy.weights]
patches = 2.0

[train_module.masking.strategy.strategies.patches]
@maskings = "masking.space.v1"

[train_module.masking.strategy.strategies.dates]
@maskings = "masking.time.v1"
encode_ratio = 0.25
"""


def test_compositions_are_nested_sections_of_a_config(tmp_path, pytestconfig):
    file = tmp_path / "nested.cfg"
    file.write_text(NESTED)
    base = pytestconfig.rootpath / "configs" / "v1_2" / "nano.cfg"
    override = "--train_module.masking.strategy.strategies.dates.decode_ratio=0.75"
    masking = build(load([str(base), str(file)], ["--dataset.h5py_dir=nowhere", override])).train_module.masking
    inner = masking.strategy.strategies
    assert list(inner) == ["patches", "dates"]
    assert masking.strategy.weights == (2.0, 1.0)
    assert (inner["dates"].encode_ratio, inner["dates"].decode_ratio) == (0.25, 0.75)


GOLDEN = ("masking.choice.v1", "masking.only_decode.v1", "masking.schedule.v1")


def composed(name):
    halves = {"space": space(), "time": time()}
    return {
        "masking.choice.v1": lambda: choice(strategies=halves, weights={"time": 2.0}),
        "masking.only_decode.v1": lambda: only_decode(strategy=random(), modalities=["cover"]),
        "masking.schedule.v1": lambda: schedule(
            strategy=random(), final_encode_ratio=0.1, final_decode_ratio=0.9, steps=4
        ),
    }[name]()


def drawn(scene, name):
    masks = composed(name).mask(scene.gaps(5, 4, 2, 4), scene.specs, Draws(range(4), step=3))
    return {n: ["".join(map(str, sample.flatten().tolist())) for sample in mask] for n, mask in masks.items()}


@pytest.mark.parametrize("name", GOLDEN)
def test_version_one_gives_the_numbers_that_it_has_always_given(scene, name):
    golden = json.loads((Path(__file__).parents[3] / "tests" / "golden" / f"{name}.json").read_text())
    assert drawn(scene, name) == golden["codes"]
