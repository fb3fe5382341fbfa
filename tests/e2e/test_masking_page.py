"""docs/masking.md says nothing that does not work: blocks run, tables are the signatures, pictures can be redrawn."""

import importlib.util
import re
from pathlib import Path

import pytest

from olmoearth_core.cli.main import main
from olmoearth_core.data.mask_picture import draw
from olmoearth_core.kinds import registry
from olmoearth_core.testing import maskings
from olmoearth_core.testing.install import install
from olmoearth_core.testing.subject import Subject

__all__ = ["install"]
ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "masking.md").read_text("utf-8")
PICTURES = ROOT / "docs" / "images" / "masking"
KEYS = [c.name.split(".")[1] for c in registry.maskings.components().values() if c.distribution == "olmoearth-masking"]


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def run(*words):
    with pytest.raises(SystemExit) as end:
        raise SystemExit(main([str(word) for word in words]))
    return end.value.code


@pytest.fixture(scope="module")
def recipe():
    """The script that draws the pictures."""
    spec = importlib.util.spec_from_file_location("draw_masking", PICTURES / "draw.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def forecast(install):
    """The strategy of the page, installed."""
    (code,) = blocks("python")
    install("acme", "acme_forecast", code, olmoearth_maskings={"acme.forecast.v1": "acme_forecast:forecast"})


@pytest.mark.parametrize("check", maskings.CHECKS)
def test_the_strategy_of_the_page_keeps_the_promises_of_a_strategy(check, forecast):
    component = registry.maskings.component("acme.forecast.v1")
    assert component.distribution == "acme"
    # Each check asserts one promise itself.
    getattr(maskings, check)(Subject(component, {}))


def test_the_strategy_of_the_page_shows_the_past_and_predicts_the_rest(forecast):
    masks = maskings._mask(Subject(registry.maskings.component("acme.forecast.v1"), {"least": 0.4, "most": 0.4}))
    shown = {int(code) for code in masks["check_images"][:, :, :, :2].unique()}
    asked = {int(code) for code in masks["check_images"][:, :, :, 2:].unique()}
    assert (shown, asked) == ({0, 3}, {2, 3})


def test_the_config_of_the_page_passes(tmp_path):
    (text,) = blocks("ini")
    file = tmp_path / "variant.cfg"
    file.write_text(text.replace('"v1_2/nano.cfg"', f'"{ROOT / "configs" / "v1_2" / "nano.cfg"}"'))
    assert run("config", "check", file) == 0


def test_the_commands_of_the_page_draw(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(ROOT)
    (commands,) = blocks("sh")
    for line in commands.splitlines():
        assert run(*line.replace("--out=", f"--out={tmp_path}/").split()[1:]) == 0, line
    assert len(list(tmp_path.glob("*.png"))) == len(commands.splitlines())


@pytest.mark.parametrize("key", KEYS)
def test_every_strategy_has_a_section_with_a_small_picture(key, recipe):
    assert f"\n### {key}\n" in PAGE
    assert f"](images/masking/{key}.png)" in PAGE
    assert (PICTURES / f"{key}.png").stat().st_size < 40_000
    assert key in recipe.SETTINGS


def test_the_tables_of_options_are_those_of_the_signatures(recipe):
    assert recipe.tables(PAGE) == PAGE, "run .venv/bin/python docs/images/masking/draw.py"
    assert PAGE.count("<!-- options: ") == len(KEYS)


@pytest.mark.parametrize("key", KEYS)
def test_the_recipe_of_a_picture_has_something_to_show_and_to_predict(key, recipe):
    sheet = recipe.sheet(key)
    for view in sheet.views:
        encoded, _, decoded, _ = map(sum, zip(*(row.counts for row in sheet.rows if row.view == view), strict=True))
        assert encoded > 0
        assert decoded > 0
    assert len(sheet.panels()) == len(sheet.views) * (6 * recipe.MONTHS + 2)


def test_the_recipe_writes_a_picture(tmp_path, recipe):
    pytest.importorskip("matplotlib")
    draw(tmp_path / "a.png", recipe.sheet(KEYS[0]))
    assert (tmp_path / "a.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
