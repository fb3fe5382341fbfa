"""docs/recipes.md says nothing that does not hold: its commands, names, numbers and corrected lines."""

import json
import re
import shlex
from pathlib import Path

import pytest
import torch

from olmoearth_core.cli.main import main
from olmoearth_core.config.build import build
from olmoearth_core.config.load import load
from olmoearth_core.kinds import kinds

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "recipes.md").read_text("utf-8")
SHIPPED = {str(f.relative_to(ROOT)) for f in (ROOT / "configs").rglob("*.cfg")}
KEYS = {
    "maskings": "random space time space_time random_space random_increasing random_range random_fixed_modality "
    "selectable_modality selectable_random_range_modality modality_cross_random modality_cross_space "
    "modality_cross_time modality_cross_space_time random_with_decode random_time_with_decode",
    "losses": "all_discrimination modality_all_discrimination patch_discrimination patch_discrimination_new "
    "modality_patch_discrimination modality_patch_discrimination_new modality_patch_discrimination_vec "
    "modality_patch_discrimination_masked_negatives modality_patch_discrimination_masked_negatives_vec "
    "adjusted_patch_discrimination l1 l2 cosine_similarity cross_entropy mae InfoNCE KoLeo",
}
"""The registered names of the reference: 16 maskings and 17 losses."""


def section(title):
    return re.split(r"^##+ ", PAGE.partition(f"# {title}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def rows(text):
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def ticked(text):
    return re.findall(r"`([^`]+)`", text)


def quirks():
    """Return (title, corrected options) of each quirk."""
    body = PAGE.partition("## Quirks")[2].partition("### What is not repeated")[0]
    parts = re.split(r"^### ", body, flags=re.MULTILINE)[1:]
    return [(part.splitlines()[0], re.findall(r"^`(--[^`]+)`$", part, re.MULTILINE)) for part in parts]


def commands():
    return [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]


@pytest.mark.parametrize("line", commands())
def test_a_command_of_the_page_runs(line, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    program, *words = shlex.split(line)
    assert program == "olmoearth"
    try:
        code = main(words)
    except SystemExit as done:
        code = done.code
    assert code in (0, None)
    assert capsys.readouterr().out


def test_the_page_names_each_recipe_and_ablation_and_none_that_is_not_there():
    named = set(re.findall(r"configs/[\w/]+\.cfg", PAGE))
    expected = {
        f
        for f in SHIPPED
        if re.fullmatch(r"configs/(v1(_\d)?|ablations)/.*", f) and Path(f).stem != Path(f).parent.name
    }
    assert named <= SHIPPED
    assert expected <= named


def test_every_component_that_the_page_names_is_there():
    known = {name for registry in kinds().values() for name in registry.components()}
    named = set(re.findall(r"(?:olmoearth|masking|benchmarks)\.[a-z0-9_]+\.v\d+", PAGE))
    assert len(named) > 35
    assert named - known == set()


def test_the_numbers_of_trained_parameters_are_those_of_the_recipes():
    found = re.findall(r"^\| `(configs/v[\w/]+\.cfg)` \| ([\d,]+) \|", PAGE, re.MULTILINE)
    assert len(found) == 14
    for recipe, count in found:
        parts = build(load([str(ROOT / recipe)]))
        with torch.device("meta"):
            model = parts.model.build(parts.dataset.specs)
        assert sum(p.numel() for p in model.parameters() if p.requires_grad) == int(count.replace(",", ""))


@pytest.mark.parametrize("kind", KEYS)
def test_each_registered_name_of_the_reference_has_a_row_that_leads_to_a_component(kind):
    found = {}
    for left, right in rows(section("Maskings" if kind == "maskings" else "Losses")):
        ours = [name for name in ticked(right) if name in kinds()[kind].components()]
        found |= dict.fromkeys(ticked(left), ours)
    assert list(found) == KEYS[kind].split()
    assert all(found.values())


@pytest.mark.parametrize(("title", "options"), quirks())
def test_a_quirk_is_corrected_by_one_line(title, options):
    version = re.match(r"v1(\.\d)?", title)
    recipe = str(ROOT / "configs" / (version[0].replace(".", "_") if version else "v1_2") / "nano.cfg")
    (line,) = options
    plain, corrected = load([recipe]), load([recipe], [line])
    key, _, value = line.removeprefix("--").partition("=")
    assert json.dumps(corrected.at(key)).strip('"') == value
    build(corrected)
    block, _, own = key.rpartition(".")
    assert plain.at(block) is None or plain.at(block).get(own) != corrected.at(key)


def test_there_is_a_correction_for_every_line_of_the_recipes_that_calls_itself_a_quirk():
    texts = [(ROOT / f).read_text("utf-8") for f in SHIPPED if re.match(r"configs/(base|v1)", f)]
    marked = sum(text.count("# Quirk: ") for text in texts)
    assert marked == len([title for title, _ in quirks() if "equal targets" not in title])
    assert all("Corrected: " in part for text in texts for part in text.split("# Quirk: ")[1:])


def test_the_recipe_that_the_page_writes_is_a_layer_that_passes(tmp_path):
    (recipe,) = (block for block in re.findall(r"```ini\n(.*?)```", PAGE, re.DOTALL) if "extends" in block)
    file = tmp_path / "corrected.cfg"
    file.write_text(recipe.replace('"v1_2/small.cfg"', f'"{ROOT / "configs" / "v1_2" / "small.cfg"}"'))
    config = load([str(file)])
    build(config)
    assert config.at("train_module.masking.only_decode_modalities") == ["worldcover"]
