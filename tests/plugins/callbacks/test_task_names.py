import pytest

from olmoearth_core.evaluate import shipped
from olmoearth_core.evaluate.shipped import Shipped
from olmoearth_core.interfaces.settings import check_of
from olmoearth_plugins.callbacks.downstream_evaluator import downstream_evaluator
from olmoearth_plugins.callbacks.task_names import check_task_names, reference_tasks


@pytest.fixture(autouse=True)
def table(monkeypatch):
    """Nothing is shipped but a task that lacks its benchmark, whatever is installed here."""
    lacking = Shipped("acme_crops", {}, "acme.tasks.v1 of acme", "its benchmark acme.crops.v1 is not installed")
    monkeypatch.setattr(shipped, "shipped", lambda: {"acme_crops": lacking})


def judged(wanted, tasks=("mine",)):
    found = check_task_names({"tasks": {name: {} for name in tasks}, "tasks_to_run": wanted})
    return [(remark.fault, remark.message) for remark in found]


def test_declared_tasks_and_no_choice_pass():
    assert judged(None) == judged(["mine"]) == []


def test_a_reference_name_without_its_package_is_a_note():
    ((fault, message),) = judged(["pastis_sentinel2"])
    assert not fault
    assert "olmoearth-benchmarks" in message


def test_a_shipped_name_without_what_it_needs_is_a_note_with_the_reason():
    ((fault, message),) = judged(["acme_crops"])
    assert not fault
    assert "its benchmark acme.crops.v1 is not installed" in message


def test_any_other_name_is_a_fault_with_a_suggestion():
    assert judged(["pastis_sentinel3"]) == [
        (True, 'no task is called "pastis_sentinel3". Did you mean "pastis_sentinel2"?')
    ]
    assert judged(["zzzz"]) == [(True, 'no task is called "zzzz". Declared: mine.')]


def test_a_disabled_task_is_not_declared():
    (remark,) = check_task_names({"tasks": {"mine": {"enabled": False}}, "tasks_to_run": ["mine"]})
    assert remark.fault


def test_the_evaluator_is_checked_by_it_and_knows_every_task_of_the_reference():
    assert check_of(downstream_evaluator) is check_task_names
    assert len(reference_tasks()) == 89
    assert {"m_eurosat", "mados", "pastis_sentinel2"} <= set(reference_tasks())
