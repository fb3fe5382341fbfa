"""What a list of tasks must be: blocks that a config takes, wherever their components are installed."""

from __future__ import annotations

import json
import re
from typing import Any

from olmoearth_core.testing.subject import NotApplicable, Subject

CHECKS = (
    "has_a_name_and_tasks",
    "blocks_are_plain_data",
    "blocks_name_both_parts",
    "a_config_takes_every_block",
    "its_components_can_be_made",
)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


def has_a_name_and_tasks(subject: Subject) -> None:
    """A list without a task is a mistake; names are what people write in configs and on the command line."""
    assert isinstance(subject.product.name, str)
    assert subject.product.name
    names = list(subject.product.blocks())
    assert names, "it ships no task"
    odd = [name for name in names if not _NAME.fullmatch(name)]
    assert not odd, f"no names for sections: {odd}"


def blocks_are_plain_data(subject: Subject) -> None:
    """What a file could hold, the same each time, and whoever changes his copy changes nobody else's."""
    before = json.dumps(subject.product.blocks())
    assert json.loads(before) == subject.product.blocks()
    for block in subject.product.blocks().values():
        block.clear()
    assert json.dumps(subject.product.blocks()) == before, "changing a block changes the list"


def blocks_name_both_parts(subject: Subject) -> None:
    """Without a benchmark and an evaluator a task scores nothing."""
    for name, block in subject.product.blocks().items():
        for part in ("benchmark", "evaluator"):
            assert isinstance(block.get(part), dict), f"{name} has no section {part}"
            assert isinstance(block[part].get(f"@{part}s"), str), f"{name}: {part} has no line @{part}s"


def a_config_takes_every_block(subject: Subject) -> None:
    """Keys, types and names of every block whose components are installed are right."""
    faults = task_faults(_usable(subject))
    assert not faults, "\n".join(faults)


def its_components_can_be_made(subject: Subject) -> None:
    """What a factory refuses (a name that it does not know, two settings that exclude each other) is no task."""
    from olmoearth_core.kinds import registry

    for name, block in _usable(subject).items():
        for part in ("benchmark", "evaluator"):
            made = registry.resolve({part: block[part]})[part]
            assert isinstance(made.name, str), f"{name}: {part} was not made"


def _usable(subject: Subject) -> dict[str, Any]:
    from olmoearth_core.evaluate.shipped import lacks

    usable = {name: block for name, block in subject.product.blocks().items() if not lacks(block)}
    if not usable:
        raise NotApplicable("no task has its components installed")
    return usable


def task_faults(blocks: dict[str, Any]) -> list[str]:
    """Return what a config finds wrong with task blocks."""
    from olmoearth_core.config.check import examine
    from olmoearth_core.kinds import registry

    name = next((n for n in registry.callbacks.components() if "downstream_evaluator" in n), None)
    if name is None:
        raise NotApplicable("no callback is installed that scores tasks")
    section = {"@callbacks": name, "tasks": blocks}
    found = examine({"trainer": {"callbacks": {"downstream_evaluator": section}}}, {}, partial=True)
    faults = [f"{'.'.join(path)}: {message}" for path, message in found.faults]
    return faults + [f"{'.'.join(path)}: {owner} takes no such key" for path, owner, _ in found.unknown]
