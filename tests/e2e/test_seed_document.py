"""The user's own guide is the contract: its command lines and snippets work as printed.

The page is parsed where it lies beside the project (or where OLMOEARTH_SEED points); a copy of its options keeps the
test sharp elsewhere.
"""

import json
import os
import re
import shlex
from pathlib import Path

import pytest

from olmoearth_core.config.load import load
from olmoearth_core.config.overrides import literal, split
from olmoearth_core.errors import ConfigError
from olmoearth_core.evaluate import shipped

ROOT = Path(__file__).parents[2]
PLACEHOLDER = "--config.nested.option=value"
COPY = [
    '--dataset.training_modalities=["SENTINEL2_L2A","SENTINEL1"]',
    "--train_module.optim_config.lr=0.0001",
    "--data_loader.global_batch_size=64 --train_module.rank_microbatch_size=8 --trainer.max_duration.epochs=10",
    "--data_loader.num_workers=16 --data_loader.global_batch_size=512 --data_loader.prefetch_factor=4 "
    "--train_module.rank_microbatch_size=32",
    "--model.encoder_config.depth=12 --model.encoder_config.num_heads=12 --model.encoder_config.embedding_size=768 "
    "--model.decoder_config.depth=4",
    "--trainer.callbacks.wandb.enabled=False",
    "--dataset.h5py_dir=/your/actual/dataset/path",
    "--train_module.rank_microbatch_size=8",
    "--data_loader.global_batch_size=128",
    "--data_loader.token_budget=1500",
    "--data_loader.num_workers=16",
    "--data_loader.prefetch_factor=8",
    '--trainer.callbacks.downstream_evaluator.tasks_to_run=["mados","pastis_sentinel2"]',
]
"""Every option line of the guide, as a shell hands it over."""
SNIPPETS = {
    "data_loader": {
        "num_workers": 16,
        "global_batch_size": 512,
        "token_budget": 2250,
        "prefetch_factor": 4,
        "seed": 3622,
    },
    "train_module": {
        "rank_microbatch_size": 32,
        "max_grad_norm": 1.0,
        "optim_config": {"lr": 0.0001, "weight_decay": 0.02},
        "scheduler": {"warmup_steps": 8000},
    },
    "trainer": {"max_duration": {"epochs": 300}, "metrics_collect_interval": 10, "save_interval": 5000},
    "model": {"encoder_config": {"depth": 24, "num_heads": 16, "embedding_size": 768}, "decoder_config": {"depth": 8}},
}


def guide():
    places = [os.environ.get("OLMOEARTH_SEED"), ROOT.parent / "shared" / "seed"]
    for place in map(Path, filter(None, places)):
        file = place / "olmoearth_pretrain_reference.md" if place.is_dir() else place
        if file.is_file():
            return file.read_text("utf-8")
    return None


GUIDE = guide()
needs_guide = pytest.mark.skipif(
    GUIDE is None, reason="the guide is not beside the project and OLMOEARTH_SEED is not set"
)


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", GUIDE or "", re.DOTALL)


def option_lines():
    """Return the options of each bash block and of each `--option=value` in running text, split as a shell would."""
    inline = [line for line in re.findall(r"`(--[\w.]+=[^`<]*)`", GUIDE or "")]
    lines = [shlex.split(block.replace("\\\n", " ")) for block in [*blocks("bash"), *inline]]
    return [words for words in lines if words and words[0].startswith("--")]


def checked(words):
    files, overrides = split(["configs/v1_2/nano.cfg", *words])
    return load(files, overrides)


def check_that_all_arrive(words):
    config = checked(words)
    for word in words:
        key, _, raw = word.removeprefix("--").partition("=")
        value = literal(raw)
        value = [name.lower() for name in value] if key.endswith("modalities") else value
        if "max_duration" not in key:
            assert config.at(key) == value, word
        else:
            left = {unit: number for unit, number in config.at("trainer.max_duration").items() if number is not None}
            assert left == {key.rsplit(".", 1)[1]: value}
        assert config.origins[tuple(key.split("."))] == f"--{key}"
    return config


@pytest.mark.parametrize("line", COPY)
def test_the_options_of_the_guide_reach_the_resolved_config(line, monkeypatch):
    monkeypatch.chdir(ROOT)
    check_that_all_arrive(line.split(" "))


@needs_guide
def test_every_option_line_on_the_page_reaches_the_resolved_config(monkeypatch):
    monkeypatch.chdir(ROOT)
    lines = [words for words in option_lines() if words != [PLACEHOLDER]]
    assert len(lines) >= 13
    for words in lines:
        check_that_all_arrive(words)


@needs_guide
def test_the_copy_holds_every_option_of_the_page():
    on_page = {word for words in option_lines() for word in words} - {PLACEHOLDER}
    assert on_page == {word for line in COPY for word in line.split(" ")}


def test_options_with_a_space_instead_of_an_equals_sign_work_too(monkeypatch):
    monkeypatch.chdir(ROOT)
    words = [part for line in COPY for word in line.split(" ") for part in word.split("=", 1)]
    assert checked(words).at("data_loader.token_budget") == 1500


def test_all_options_of_the_guide_go_through_the_command_line_together(monkeypatch, tmp_path, capsys):
    from olmoearth_core.cli.main import main

    monkeypatch.chdir(tmp_path)
    words = [word for line in COPY for word in line.split(" ")]
    with pytest.raises(SystemExit) as end:
        main(["train", "configs/v1_2/nano.cfg", *words, "--run.name=all", "--plan"])
    assert end.value.code == 0
    assert "sentinel2_l2a, sentinel1" in capsys.readouterr().out


def test_the_placeholder_of_the_guide_is_a_fault_that_suggests_a_section(monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(ConfigError, match=r'has no section config. Did you mean "[\w.]+"\?') as info:
        checked([PLACEHOLDER])
    assert [fault.where for fault in info.value.faults] == ["--config.nested.option"]


def test_tasks_without_their_package_are_named_and_typos_are_faults(monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(shipped, "shipped", dict)
    at = "--trainer.callbacks.downstream_evaluator"
    notes = checked([f"{at}.enabled=True", f'{at}.tasks_to_run=["mados","pastis_sentinel2","land_cover"]']).notes
    assert [re.search(r'task "(\w+)"', note)[1] for note in notes] == ["mados", "pastis_sentinel2"]
    assert all("olmoearth-benchmarks" in note for note in notes)
    with pytest.raises(ConfigError, match=r'no task is called "madoz"\. Did you mean "mados"'):
        checked([f"{at}.enabled=True", f'{at}.tasks_to_run=["madoz"]'])


def test_the_snippets_lie_over_the_base_config_as_one_more_layer(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert_layer_arrives(SNIPPETS)


def assert_layer_arrives(layer):
    config = load(["configs/base.cfg"], layers=[layer])

    def compare(part, path):
        for key, value in part.items():
            compare(value, (*path, key)) if isinstance(value, dict) else None
            assert isinstance(value, dict) or config.at(".".join((*path, key))) == value

    compare(layer, ())
    assert config.at("trainer.max_duration.steps") is None


@needs_guide
def test_every_python_snippet_on_the_page_runs(monkeypatch):
    from olmoearth_core import OlmoEarthDataset

    monkeypatch.chdir(ROOT)
    found = {"OlmoEarthDataset": OlmoEarthDataset}
    snippets = blocks("python")
    for snippet in snippets:
        exec(compile(snippet, "guide", "exec"), found)  # the page is the project's own contract
    assert len(snippets) == 5
    assert [spec.name for spec in found["dataset"].specs] == ["sentinel2_l2a", "sentinel1", "landsat"]
    layer = {name: found[f"{name}_config"] for name in ("data_loader", "train_module", "trainer", "model")}
    assert json.dumps(layer, sort_keys=True) == json.dumps(SNIPPETS, sort_keys=True)
    assert_layer_arrives(layer)


def test_constructing_the_dataset_of_the_guide_touches_no_disk():
    from olmoearth_core import OlmoEarthDataset

    dataset = OlmoEarthDataset(
        h5py_dir="/path/to/h5py/data", training_modalities=["SENTINEL2_L2A", "SENTINEL1", "LANDSAT"]
    )
    assert [spec.name for spec in dataset.specs] == ["sentinel2_l2a", "sentinel1", "landsat"]


def test_the_dicts_of_the_guide_compose_to_a_run(monkeypatch, tmp_path):
    from olmoearth_core import compose

    monkeypatch.chdir(tmp_path)
    run = compose(base="configs/base.cfg", **{**SNIPPETS, "dataset": {"h5py_dir": "/path/to/h5py/data"}})
    assert run.config.at("model.encoder_config.depth") == 24
    assert not list(tmp_path.iterdir())
