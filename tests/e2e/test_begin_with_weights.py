"""A run that begins with a package, and what becomes of the package's licence."""

import dataclasses

import pytest

import olmoearth_core
from olmoearth_core.cli.main import main

LICENCE = "Elder Licence\nKeep this note."


def train(words):
    try:
        return main(["train", *words])
    except SystemExit as done:
        return done.code


@pytest.fixture
def package(words, tmp_path):
    """Return the package of a run, under a licence of its own."""
    assert train(words("elder", steps=1)) == 0
    model = olmoearth_core.load_model(tmp_path / "elder")
    model.card = dataclasses.replace(model.card, licence=LICENCE, title="Elder")
    return olmoearth_core.save_model(model, tmp_path / "package")


def test_the_licence_of_the_first_weights_stays_with_every_checkpoint_and_package(words, package, tmp_path):
    assert train(words("first", steps=2, **{"trainer.load_path": package})) == 0
    assert train(words("first", steps=4, **{"trainer.load_path": package})) == 0
    assert train(words("second", steps=6, **{"trainer.load_path": tmp_path / "first"})) == 0
    for folder in ("first/step00000002", "first/step00000004", "second/step00000006"):
        licence = olmoearth_core.load_model(tmp_path / folder).card.licence
        assert licence.startswith(f"{LICENCE}\n\nTraining began with the weights of Elder (")
        assert "Terms of the data:\n  sentinel2_l2a: " in licence
        assert "choose their licence" not in licence
    again = olmoearth_core.save_model(olmoearth_core.load_model(tmp_path / "second"), tmp_path / "again")
    assert olmoearth_core.load_model(again).card.licence.startswith(LICENCE)


def test_the_run_begins_at_step_0(words, package, losses):
    train(words("first", steps=2, **{"trainer.load_path": package}))
    assert list(losses("first")) == [1, 2]


def test_what_cannot_be_opened_is_refused(words, tmp_path, capsys):
    assert train(words("first", steps=1, **{"trainer.load_path": tmp_path / "nowhere"})) == 2
    assert "nowhere: found no such folder" in capsys.readouterr().err
