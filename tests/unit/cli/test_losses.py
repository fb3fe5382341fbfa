"""`olmoearth losses show`: what it prints of known, foreign and broken losses."""

import pytest

from olmoearth_core.cli.losses import formula, remarks
from olmoearth_core.cli.main import main
from olmoearth_core.kinds import registry
from olmoearth_core.testing import loss_examples

FOREIGN = """
import torch
from torch import Tensor
class Distance:
    name = "Distance"
    def __init__(self, scale): self.scale = scale
    def __call__(self, predicted: Tensor, target: Tensor) -> Tensor:
        return self.scale * (predicted - target).abs().mean()
def distance(*, scale: float = 2.0):
    '''Take scale * mean |a - b|.

    d = |a - b| is a distance.

    scale: factor
    of it.
    '''
    return Distance(scale)
def needy(*, of: str):
    '''Need something.

    of: what.
    '''
"""


def run(*words):
    with pytest.raises(SystemExit) as end:
        raise SystemExit(main(("losses", "show", *words)))
    return end.value.code


@pytest.fixture
def foreign(install):
    points = {"acme.distance.v1": "acme_loss:distance", "acme.needy.v1": "acme_loss:needy", "acme.gone.v1": "acme_l:x"}
    install("acme", "acme_loss", FOREIGN, olmoearth_losses=points)


def test_value_and_golden_number_of_a_known_loss_are_printed(capsys):
    assert run("olmoearth.info_nce.v1") == 0
    said = capsys.readouterr().out
    assert "weight * mean over i of -log softmax_j(a_i . b_j / tau)[i]" in said
    assert "metric  InfoNCE" in said
    assert "0.026462, golden 0.026462" in said
    assert "tau     0.1    temperature" in said


def test_every_recorded_default_is_what_is_computed_now(capsys):
    assert run() == 0
    said = capsys.readouterr().out
    assert "DIFFERS" not in said
    assert set(registry.losses.components()) <= set(said.split())


def test_a_value_that_is_not_the_golden_one_is_named_and_fails(monkeypatch, capsys):
    monkeypatch.setattr(loss_examples, "written_down", lambda component: 0.5)
    assert run("olmoearth.info_nce.v1") == 1
    assert "0.026462, golden 0.500000: DIFFERS" in capsys.readouterr().out


def test_a_loss_of_another_package_shows_what_can_be_shown(foreign, capsys):
    assert run("acme.distance.v1") == 0
    said = capsys.readouterr().out
    assert "scale * mean |a - b|" in said
    assert "0.500000, no golden number here" in said
    assert "scale  2.0  factor of it." in said


def test_a_broken_loss_and_one_with_needed_arguments_do_not_hide_the_others(foreign, capsys):
    assert run() == 0
    said = capsys.readouterr().out
    assert "not usable" in said
    assert "value   needs of" in said
    assert "0.026462" in said


@pytest.mark.parametrize("width", [80, 120])
def test_lines_are_not_wider_than_the_terminal(width, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(width))
    run()
    longest = max(map(len, capsys.readouterr().out.splitlines()))
    assert width * 0.6 < longest <= width


def test_a_typo_is_answered_with_what_was_probably_meant(capsys):
    assert run("olmoearth.info_nec.v1") == 2
    assert 'Did you mean "olmoearth.info_nce.v1"?' in capsys.readouterr().err


def test_a_broken_loss_that_was_asked_for_is_an_error(foreign, capsys):
    assert run("acme.gone.v1") == 2
    assert "acme.gone.v1" in capsys.readouterr().err


def test_formula_and_remarks_end_where_arguments_begin(foreign):
    factory = registry.losses.get("acme.distance.v1")
    assert formula(factory) == "Take scale * mean |a - b|"
    assert remarks(factory) == ["d = |a - b| is a distance."]


def test_losses_of_unknown_inputs_get_no_example():
    class Odd:
        name = "Odd"

        def __call__(self, words: str) -> None: ...

    assert loss_examples.example(Odd())[1] == ()
