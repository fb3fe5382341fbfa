"""Training with a chain of transforms that a config names, on the command line."""

import json
import math
import re
from pathlib import Path

import pytest

from olmoearth_core.cli.main import main
from olmoearth_core.kinds import registry
from olmoearth_core.testing.conformance import outcomes
from olmoearth_core.testing.install import install as install
from olmoearth_core.testing.transforms import CHECKS

PAGE = (Path(__file__).parents[2] / "docs" / "transforms.md").read_text("utf-8")

STEPS = {
    "turn": {"@transforms": "olmoearth.flip_and_rotate.v1"},
    "months": {"@transforms": "olmoearth.time_subsampling.v1", "rate": 0.3},
    "bands": {"@transforms": "olmoearth.band_dropout.v1", "modalities": ["sentinel2_l2a"]},
    "sensors": {"@transforms": "olmoearth.band_subsampling.v1", "rate": 0.2, "min_kept": 3},
    "cut": {"@transforms": "olmoearth.cutmix.v1"},
    "mix": {"@transforms": "olmoearth.mixup.v1", "alpha": 0.3},
}
CHAIN = {
    "data_loader.transform.@transforms": "olmoearth.chain.v1", "data_loader.transform.steps": json.dumps(STEPS),
    "data_loader.band_gap": "zero_band",
}  # fmt: skip


def olmoearth(*words):
    try:
        return main(list(words))
    except SystemExit as done:
        return done.code


def test_a_run_with_a_chain_trains_and_its_config_says_so(words, losses, tmp_path):
    assert olmoearth("config", "check", *words("chained", steps=3, **CHAIN)) in (0, None)
    assert olmoearth("train", *words("chained", steps=3, **CHAIN)) == 0
    assert olmoearth("train", *words("plain", steps=3)) == 0
    chained = losses("chained")
    assert list(chained) == [1, 2, 3]
    assert all(map(math.isfinite, chained.values()))
    assert chained != losses("plain")
    written = "".join(file.read_text() for file in (tmp_path / "chained").rglob("resolved.cfg"))
    assert "[data_loader.transform.steps.mix]" in written


def test_a_derivation_in_the_place_of_a_transform_is_refused(words, capsys):
    derivation = {"data_loader.transform.@transforms": "worldcover.onehot.v1"}
    assert olmoearth("train", *words("wrong", steps=1, **derivation)) not in (0, None)
    assert "derives a modality" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["flip_and_rotate", "mixup"])
def test_workers_and_the_training_process_give_the_same_losses(words, losses, name):
    one = {"data_loader.transform.@transforms": f"olmoearth.{name}.v1"}
    for workers in (0, 1):
        assert olmoearth("train", *words(f"w{workers}", steps=2, **{**one, "data_loader.num_workers": workers})) == 0
    assert losses("w0") == losses("w1")


def block(language):
    return re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL).group(1)


def test_the_chain_on_the_page_is_a_config_that_builds(words, losses, tmp_path):
    (tmp_path / "chain.cfg").write_text(block("ini"))
    config, *options = words("page", steps=1)
    assert olmoearth("train", config, str(tmp_path / "chain.cfg"), *options) == 0
    assert math.isfinite(losses("page")[1])


def test_the_transform_on_the_page_keeps_all_promises(install):
    install("acme", "acme_brightness", block("python"),
            olmoearth_transforms={"acme.brightness.v1": "acme_brightness:brightness"})  # fmt: skip
    found = list(outcomes("acme"))
    assert [(name, reason) for name, outcome, reason in found if outcome == "failed"] == []
    assert {f"acme.brightness.v1:{check}" for check in CHECKS} <= {
        name for name, outcome, _ in found if outcome == "passed"
    }


def test_the_page_names_every_transform():
    names = [n.split(".")[1] for n, c in registry.transforms.components().items() if c.distribution == "olmoearth"]
    assert [name for name in names if f"| `{name}` |" not in PAGE] == []


def test_the_plan_says_which_transform_there_is(words, capsys):
    assert olmoearth("train", *words("planned"), "--plan") in (0, None)
    assert "transform    none" in capsys.readouterr().out
    turned = words("planned", **{"data_loader.transform.@transforms": "olmoearth.flip_and_rotate.v1"})
    assert olmoearth("train", *turned, "--plan") in (0, None)
    assert "transform    olmoearth.flip_and_rotate.v1" in capsys.readouterr().out
