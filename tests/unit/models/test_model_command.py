"""`olmoearth model`: what it prints, and that a user's mistake is one message."""

import os

import pytest
import torch

from olmoearth_core import save_model
from olmoearth_core.cli.main import main


def run(*words):
    try:
        return main(["model", *map(str, words)])
    except SystemExit as done:
        return done.code


@pytest.fixture
def package(make, tmp_path):
    facts = {"input_modalities": ("sentinel2_l2a", "sentinel1"), "licence": "Take care.\nPlease.", "step": 7}
    return save_model(make(**facts), tmp_path / "package")


def test_info_says_what_a_model_is_without_its_weights(package, capsys):
    (package / "model.safetensors").unlink()
    assert run("info", package) == 0
    lines = capsys.readouterr().out.splitlines()
    told = {line.split("  ")[0].strip(): line.split(None, 1)[-1] for line in lines[:10] if line}
    assert (told["title"], told["licence"], told["step"]) == ("small", "Take care.", "7")
    total, trainable, encoder, decoder, target = (line.split()[-1].replace(",", "") for line in lines[6:11])
    assert int(total) == int(encoder) + int(decoder) + int(target)
    assert int(trainable) < int(total)
    at = next(i for i, line in enumerate(lines) if line.startswith("modality"))
    table = [line.split() for line in lines[at + 1 :]]
    assert table[0] == ["sentinel2_l2a", "space_time", "12", "3", "of", "4+6+2", "bands", "computed", "yes"]
    assert table[2] == ["worldcover", "space", "1", "1", "computed", "no"]
    assert any(line.split()[:2] == ["encoder_config", "olmoearth.flexi_vit.v1"] for line in lines)


def test_info_sets_its_columns_below_each_other(package, capsys):
    run("info", package)
    facts = capsys.readouterr().out.split("\n\n")[0].splitlines()
    column = facts[0].index("small")
    assert all(line[column - 2 : column] == "  " for line in facts)
    assert len({len(line) for line in facts[6:11]}) == 1


def test_convert_says_where_the_package_is(package, tmp_path, capsys):
    assert run("convert", package, tmp_path / "again") == 0
    assert capsys.readouterr().out == f"{tmp_path / 'again'}\n"
    assert run("diff", package, tmp_path / "again") == 0
    assert capsys.readouterr().out.splitlines() == ["config: the same", "", f"tensors: {tensors(package)} the same"]


def tensors(package):
    from safetensors import safe_open

    with safe_open(package / "model.safetensors", "pt") as opened:
        count = len(opened.keys())
    return f"{count} of {count}"


def test_diff_tells_keys_names_shapes_and_values_apart(make, block, tmp_path, capsys):
    left = make()
    block["encoder_config"] |= {"depth": 2, "num_register_tokens": 1}
    block["tokenization"] = {"sentinel1": [["vv"], ["vh"]]}
    right = make(block, band_gap="drop_token")
    with torch.no_grad():
        right.encoder.norm.bias += 2.5
    folders = [save_model(model, tmp_path / name) for model, name in ((left, "left"), (right, "right"))]
    assert run("diff", *folders) == 0
    told = capsys.readouterr().out
    keys = {line.split()[0]: line.split()[1:] for line in told.split("\n\n")[0].splitlines()[1:]}
    assert keys["model.encoder_config.depth"] == ["1", "2"]
    assert keys["band_gap"] == ['"zero_band"', '"drop_token"']
    assert "only in the first" not in told
    assert "only in the second:" in told
    assert "encoder.register_tokens" in told
    assert "of another shape:" in told
    values = told.split("of another value (largest difference):\n")[1].splitlines()
    assert any(line.split() == ["encoder.norm.bias", "2.5"] for line in values)
    assert values[-1].startswith("tensors: ")


def test_a_mistake_is_one_message_and_exit_code_2(package, tmp_path, capsys):
    os.truncate(package / "model.safetensors", 100)
    mistakes = {
        ("info", tmp_path / "nothing"): "found no such folder",
        ("info", "OlmoEarth-v1_2-Nanno"): 'Did you mean "OlmoEarth-v1_2-Nano"?',
        ("convert", package, tmp_path / "again"): "found the hash",
        ("diff", package, package): "found the hash",
    }
    for words, message in mistakes.items():
        assert run(*words) == 2
        error = capsys.readouterr().err
        assert error.startswith("error: ")
        assert message in error
        assert "Traceback" not in error
    assert not (tmp_path / "again").exists()


def test_an_empty_name_and_a_link_to_nowhere_are_told(package, tmp_path, capsys):
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for words, message in {
        ("info", ""): "found an empty name, expected a folder or the name of a model",
        ("convert", package, tmp_path / "link"): "found that it exists, expected a new folder",
    }.items():
        assert run(*words) == 2
        assert message in capsys.readouterr().err


def test_what_may_not_be_read_is_not_called_damaged(package, monkeypatch, capsys):
    monkeypatch.setattr(os, "access", lambda *asked: False)
    assert run("diff", package, package) == 2
    assert "found a file that this user may not read" in capsys.readouterr().err

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied", str(package))

    monkeypatch.setattr("olmoearth_core.models.formats.recognise", refuse)
    assert run("info", package) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"error: {package}: found, but this user may not use it. Change its permissions")
    assert "Errno" not in told


def test_an_interrupted_conversion_leaves_nothing(package, tmp_path, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("safetensors.torch.save_file", interrupt)
    before = sorted(tmp_path.iterdir())
    assert run("convert", package, tmp_path / "again") == 130
    assert sorted(tmp_path.iterdir()) == before
