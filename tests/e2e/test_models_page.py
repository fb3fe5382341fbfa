"""docs/models.md says nothing that does not work: blocks and cells of its table run, with a hub of random weights."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray

from olmoearth_core import Batch, load_model, modalities
from olmoearth_core.cli.main import main
from olmoearth_core.data.tokens import Tokenization
from olmoearth_core.models import hub
from olmoearth_core.models.building import recipe_of
from olmoearth_plugins.checkpoint_formats.official_model import translate
from olmoearth_plugins.encoders.flexi_vit import flexi_vit

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "models.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


def table():
    """Return the pairs of cells of the table that leads from the reference's calls to ours."""
    lines = PAGE.partition("| `olmoearth_pretrain` /")[2].splitlines()[2:]
    rows = [line for line in lines[: lines.index("")] if line.startswith("|")]
    return [tuple(cell.strip() for cell in row.strip("|").split("|")) for row in rows]


@pytest.fixture(scope="module")
def released(tmp_path_factory, official_folder):
    """Return a function that makes the folder of a released nano model, v1.3 included, with random weights."""
    made = {}

    def folder(name):
        version = re.search(r"v1(_\d)?", name)[0]
        if version not in made:
            made[version] = official_folder(tmp_path_factory.mktemp(version), version)
        return made[version]

    return folder


@pytest.fixture(autouse=True)
def no_network(monkeypatch, released):
    """Stand in for the hub: whatever is asked for is a folder of this machine."""
    monkeypatch.setattr(hub, "fetch", lambda remote, *, load_weights: released(remote.repo))


@pytest.fixture(scope="module")
def official_folder():
    place = ROOT / "tests" / "plugins" / "checkpoint_formats" / "conftest.py"
    described = importlib.util.spec_from_file_location("official_folders", place)
    kit = importlib.util.module_from_spec(described)
    described.loader.exec_module(kit)

    def make(folder, version):
        config = kit.config_of(version)
        found = translate(config, folder / "config.json", convolution=None)
        recipe, _ = recipe_of(found.block, folder / "config.json")
        torch.manual_seed(0)
        torch.save(recipe.build(modalities(found.modalities)).state_dict(), folder / "weights.pth")
        (folder / "config.json").write_text(json.dumps({"model": config, **kit.GOLDEN["experiment"]}))
        return folder

    return make


def run(*words):
    try:
        return main([str(word) for word in words])
    except SystemExit as done:
        return done.code


def test_the_python_blocks_of_the_page_run_one_after_the_other():
    names, shapes = {}, []
    for number, block in enumerate(blocks(PAGE, "python")):
        exec(compile(block, f"docs/models.md, block {number}", "exec"), names)
        if "grid = embed(" in block:
            shapes += [tuple(names["vectors"].shape), tuple(names["grid"].shape)]
    assert shapes == [(1, 128), (1, 16, 16, 128), (128,), (20, 32, 128)]
    assert names["encoded"].tokens["sentinel2_l2a"].shape == (1, 16, 16, 12, 1, 128)
    assert names["out"].decoded is not None


def test_every_component_that_the_page_names_is_there():
    from olmoearth_core.kinds import kinds

    known = {name for registry in kinds().values() for name in registry.components()}
    named = set(re.findall(r"olmoearth\.[a-z0-9_]+\.v\d+", PAGE))
    assert len(named) > 15
    assert named - known == set()


def test_the_part_that_the_page_adds_can_be_trained():
    source = next(block for block in blocks(PAGE, "python") if "class Radial" in block)
    exec(source, names := {})
    (spec,) = modalities(["sentinel2_l2a"])
    encoder = flexi_vit(position_encoding=names["radial"]()).build([spec], Tokenization())
    raw, mask = torch.rand(1, 8, 8, 2, 12), torch.zeros(1, 8, 8, 2, dtype=torch.int8)
    batch = Batch({spec.name: raw}, {spec.name: mask}, torch.tensor([[[1, 0, 2023], [1, 6, 2023]]]))
    encoder(batch, 4).pooled.sum().backward()
    assert encoder.blocks[0].attn.q.weight.grad.abs().sum() > 0


def test_the_variant_of_the_page_is_a_config_that_passes(tmp_path):
    (variant,) = (block for block in blocks(PAGE, "ini") if "extends" in block)
    whole = variant.replace('"v1_2/tiny.cfg"', f'"{ROOT / "configs" / "v1_2" / "tiny.cfg"}"')
    file = tmp_path / "variant.cfg"
    file.write_text(whole)
    assert run("config", "check", file) == 0


def test_the_commands_of_the_page_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (commands,) = (block for block in blocks(PAGE, "sh") if "olmoearth model" in block)
    for line in commands.splitlines():
        assert run(*line.split()[1:]) == 0, line
    assert "config: the same" in capsys.readouterr().out


def test_the_readme_s_way_to_a_released_model_runs():
    (block,) = (block for block in blocks(README, "python") if "load_model" in block)
    exec(block, found := {"scene": scene()})
    assert found["vectors"].shape == (128,)


def scene():

    times = np.array(["2023-04-15"], "datetime64[ns]")
    values = np.random.default_rng(0).uniform(200, 4000, (1, 2, 16, 16))
    coords = {"time": times, "band": ["B02", "B03"]}
    return xarray.Dataset({"sentinel2_l2a": (("time", "band", "y", "x"), values)}, coords)


def calls():
    """Return the left cell and each piece of Python in the right one, for every row that has some."""
    found = []
    for left, right in table():
        for code in re.findall(r"`([^`]+)`", right):
            if (re.match(r"[a-z_A-Z.]+(\(|$)", code) and "(" in code) or code.startswith("encoded."):
                found.append((left, code))
    return found


def test_most_rows_of_the_table_are_calls():
    assert len({left for left, _ in calls()}) >= 17


@pytest.mark.parametrize(("left", "code"), calls())
def test_the_cells_of_the_table_run_with_the_imports_above_it(left, code, released):
    imports = next(block for block in blocks(PAGE, "python") if "embed_domain" in block)
    name = "OlmoEarth-v1_3-Base" if "v1.3" in left else "OlmoEarth-v1_2-Nano"
    model = load_model(name)
    raw, mask = torch.rand(1, 32, 32, 2, 12), torch.zeros(1, 32, 32, 2, 1, dtype=torch.long)
    dates = torch.tensor([[[15, 3, 2023], [20, 6, 2023]]])
    batch = Batch({"sentinel2_l2a": raw}, {"sentinel2_l2a": mask}, dates)
    with torch.no_grad():
        names = {
            "np": np, "model": model, "raw": raw, "mask": mask, "dates": dates, "batch": batch, "scene": scene(),
            "encoded": model.encoder(batch, 4), "folder": released(name),
        }  # fmt: skip
        exec(imports, names)
        found = eval(code, names)
    assert found is not None or model.encoder.input_modalities == ("sentinel2_l2a",)


def test_the_pages_are_built_without_a_complaint(tmp_path):
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    pytest.importorskip("mkdocs")
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "images/models.svg" in (tmp_path / "models" / "index.html").read_text("utf-8")
