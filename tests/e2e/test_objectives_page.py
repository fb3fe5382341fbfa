"""docs/objectives.md says nothing that does not work: its objective keeps its promises, its table is the signatures."""

import inspect
import math
import re
from pathlib import Path

import pytest

from olmoearth_core.cli.main import main
from olmoearth_core.kinds import registry
from olmoearth_core.testing import train_modules
from olmoearth_core.testing.install import install
from olmoearth_core.testing.subject import Subject

__all__ = ["install"]
PAGE = (Path(__file__).parents[2] / "docs" / "objectives.md").read_text("utf-8")
LETTERS = {"lM": "latent_mim", "cM": "contrastive_latent_mim", "G": "galileo", "A": "mae"}
SETTINGS = {
    "rank_microbatch_size": 2,
    "optim_config": {"@optimizers": "olmoearth.adamw.v1"},
    "scheduler": {"@schedulers": "olmoearth.cosine_with_warmup.v1", "warmup_steps": 2},
    "masking": {"@maskings": "masking.random.v1"},
    "loss": {"@losses": "olmoearth.patch_discrimination.v1"},
}


@pytest.fixture
def short_latents(install):
    """The objective of the page, installed."""
    (code,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    name, target = re.findall(r'^"(acme\S+)" = "(\S+)"', PAGE, re.MULTILINE)[0]
    install("acme", "acme_short_latents", code, olmoearth_train_modules={name: target})
    return name


@pytest.mark.parametrize("check", train_modules.CHECKS)
def test_the_objective_of_the_page_keeps_the_promises_of_an_objective(check, short_latents):
    component = registry.train_modules.component(short_latents)
    assert component.distribution == "acme"
    # Each check asserts one promise itself.
    getattr(train_modules, check)(Subject(component, SETTINGS))


def test_the_length_of_the_page_s_objective_is_charged_by_its_weight(short_latents):
    component = registry.train_modules.component(short_latents)
    one, three = (
        train_modules._terms(Subject(component, SETTINGS | {"weight": weight}))["Length"].item()
        for weight in (0.1, 0.3)
    )
    assert three == pytest.approx(3 * one)
    assert one > 0


def test_the_table_of_options_is_what_the_factories_take():
    table = PAGE.partition("## Options")[2].partition("###")[0]
    written = {name: set() for name in LETTERS.values()}
    for keys, of in re.findall(r"^\| (`.*?`) \| ([a-zA-Z ]+) \|", table, re.MULTILINE):
        for letter in LETTERS if of == "all" else of.split():
            written[LETTERS[letter]].update(re.findall(r"`(\w+)`", keys))
    for name, options in written.items():
        factory = inspect.unwrap(registry.train_modules.get(f"olmoearth.{name}.v1"))
        assert options == set(inspect.signature(factory).parameters), name


@pytest.mark.parametrize(
    "layer", re.findall(r"^```ini\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL), ids=["galileo", "one_view"]
)
def test_a_layer_of_the_page_trains(layer, words, all_h5, losses, tmp_path):
    (tmp_path / "layer.cfg").write_text(layer)
    few = {"data_loader.sampled_hw_p_list": [1], "data_loader.max_patch_size": 2, "data_loader.token_budget": 30}
    _, *options = words(steps=2, **{"dataset.h5py_dir": all_h5, "dataset.training_modalities": None, **few})
    recipe = Path(__file__).parents[2] / "configs" / "v1_1" / "nano.cfg"
    with pytest.raises(SystemExit) as done:
        main(["train", str(recipe), str(tmp_path / "layer.cfg"), *options])
    assert done.value.code == 0
    found = losses()
    assert list(found) == [1, 2]
    assert all(map(math.isfinite, found.values()))
