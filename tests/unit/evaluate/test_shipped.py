"""Tasks that packages ship: which ones a config gets, and which it is told about."""

import pytest

from olmoearth_core.config.load import load, load_text
from olmoearth_core.config.shipped_tasks import shipped_layers
from olmoearth_core.evaluate import shipped as module
from olmoearth_core.evaluate.shipped import Shipped, additions, lacks, missing, shipped, with_shipped
from olmoearth_core.kinds import registry
from olmoearth_core.testing.install import install

__all__ = ["install"]

KNN = {"@evaluators": "olmoearth.knn.v1"}
BLOCK = {"benchmark": {"@benchmarks": "benchmarks.land_cover.v1"}, "evaluator": KNN, "eval_interval": 7}
AT = "--trainer.callbacks.downstream_evaluator"


@pytest.fixture
def table(monkeypatch):
    tasks = {
        "there": Shipped("there", BLOCK, "acme.tasks.v1 of acme 1.0"),
        "absent": Shipped("absent", BLOCK, "acme.tasks.v1 of acme 1.0", "its evaluator acme.gone.v1 is not installed"),
    }
    monkeypatch.setattr(module, "shipped", lambda: tasks)
    return tasks


def test_a_name_that_is_asked_for_and_not_declared_gets_the_shipped_block(table):
    assert with_shipped({"tasks_to_run": ["there"]}) == {"tasks_to_run": ["there"], "tasks": {"there": BLOCK}}
    assert with_shipped({"tasks": {}}, ["there"])["tasks"] == {"there": BLOCK}


def test_nothing_is_added_that_nobody_asked_for(table):
    assert additions({"tasks": {}, "tasks_to_run": None}) == {}
    assert additions({"tasks": {}, "tasks_to_run": ["typo", "absent", 3]}) == {}


@pytest.mark.parametrize("own", [{"benchmark": {}}, {"evaluator": {}}, {"enabled": False}, 3])
def test_a_declared_task_wins(table, own):
    assert additions({"tasks": {"there": own}, "tasks_to_run": ["there"]}) == {}


def test_a_declared_task_without_components_changes_settings_of_the_shipped_one(table):
    (task,) = with_shipped({"tasks": {"there": {"eval_interval": 9}}})["tasks"].values()
    assert task == {**BLOCK, "eval_interval": 9}


def test_changing_what_was_added_leaves_the_list_alone(table):
    with_shipped({}, ["there"])["tasks"]["there"]["evaluator"]["k"] = 1
    assert table["there"].block["evaluator"] == KNN


def test_what_is_missing_is_named_with_its_reason(table):
    assert missing() == {"absent": "its evaluator acme.gone.v1 is not installed"}
    assert lacks(BLOCK) == ""
    assert lacks({**BLOCK, "benchmark": {"@benchmarks": "no.such.v1"}}) == "its benchmark no.such.v1 is not installed"
    assert lacks({"benchmark": BLOCK["benchmark"]}) == "the block has no evaluator"


def test_a_list_that_cannot_be_imported_ships_nothing_and_harms_nobody(install):
    install("acme-eo", "acme_eo", "1 / 0", olmoearth_tasks={"acme-eo.broken.v1": "acme_eo:tasks"})
    assert "acme-eo.broken.v1" in registry.tasks.components()
    assert all("acme-eo" not in task.source for task in shipped().values())


def test_a_config_says_which_package_its_tasks_came_from(table):
    config = load(["configs/base.cfg"], [f"{AT}.enabled=true", f'{AT}.tasks_to_run=["there"]'], partial=True)
    path = ("trainer", "callbacks", "downstream_evaluator", "tasks", "there")
    assert config.tree["trainer"]["callbacks"]["downstream_evaluator"]["tasks"]["there"]["eval_interval"] == 7
    assert config.origins[*path, "eval_interval"].startswith("acme.tasks.v1 of acme 1.0:")
    assert config.origins[*path, "evaluator", "k"] == "default"
    assert [name for name, _ in config.layers if "acme" in name] == ["acme.tasks.v1 of acme 1.0"]


def test_a_switch_on_the_command_line_reaches_a_shipped_task(table):
    options = [f"{AT}.enabled=true", f'{AT}.tasks_to_run=["there"]', f"{AT}.tasks.there.eval_interval=3"]
    config = load(["configs/base.cfg"], options, partial=True)
    task = config.tree["trainer"]["callbacks"]["downstream_evaluator"]["tasks"]["there"]
    assert (task["eval_interval"], task["benchmark"]["window"]) == (3, 16)


def test_an_evaluator_that_is_switched_off_gets_no_tasks(table):
    section = {"enabled": False, "tasks_to_run": ["there"]}
    assert shipped_layers({"trainer": {"callbacks": {"downstream_evaluator": section}}}) == []
    assert shipped_layers({}) == shipped_layers({"trainer": 3}) == []


def test_a_resolved_text_gets_no_tasks_that_were_installed_later(table):
    text = (
        '[trainer.callbacks.downstream_evaluator]\n@callbacks = "olmoearth.downstream_evaluator.v1"\n'
        'tasks_to_run = ["mados", "there"]\n\n[trainer.callbacks.downstream_evaluator.tasks]\n'
    )
    table["mados"] = table["absent"]
    config = load_text(text.replace(', "there"', ""), "saved", partial=True)
    assert config.tree["trainer"]["callbacks"]["downstream_evaluator"]["tasks"] == {}
