"""Tasks that installed packages ship under names, so that `tasks_to_run` needs no declaration of them.

A task that the config declares always wins. One that it declares without a benchmark and an evaluator (to change an
interval, say) is a shipped one with other settings. A shipped task whose benchmark or evaluator is not installed is
left out, with the reason.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from olmoearth_core.errors import OlmoEarthError
from olmoearth_core.kinds import kinds, registry

Block = Mapping[str, Any]
PARTS = ("benchmark", "evaluator")
"""Sections of a task, each of which names a component."""


@dataclass(frozen=True)
class Shipped:
    """A task that comes with a package. source: the component that ships it, and its package. lacks: "" = usable."""

    name: str
    block: Block
    source: str
    lacks: str = ""


def shipped() -> dict[str, Shipped]:
    """Return every shipped task by name, in the order of the lists; of equal names the first list's.

    A list that cannot be imported ships nothing here; `olmoearth doctor` says why.
    """
    found: dict[str, Shipped] = {}
    for component in registry.tasks.components().values():
        try:
            blocks = registry.tasks.get(component.name)().blocks()
        except OlmoEarthError:
            continue
        source = f"{component.name} of {component.origin}"
        for name, block in blocks.items():
            found.setdefault(name, Shipped(name, block, source, lacks(block)))
    return found


def missing() -> dict[str, str]:
    """Return name -> reason of the shipped tasks that cannot run here."""
    return {name: task.lacks for name, task in shipped().items() if task.lacks}


def with_shipped(section: Mapping[str, Any], names: Iterable[str] = ()) -> dict[str, Any]:
    """Return the settings of an evaluator with what `additions` finds put under its tasks."""
    tasks = {name: dict(task) if isinstance(task, Mapping) else task for name, task in _tasks(section).items()}
    for name, (block, _) in additions(section, names).items():
        tasks[name] = {**block, **tasks.get(name, {})}
    return {**section, "tasks": tasks} if tasks else dict(section)


def additions(section: Mapping[str, Any], names: Iterable[str] = ()) -> dict[str, tuple[dict[str, Any], str]]:
    """Return task name -> (keys to add, who ships them) for the tasks that a config asks for and does not declare.

    section: settings of an evaluator: `tasks`, `tasks_to_run`. names: further names that are asked for.
    """
    declared = _tasks(section)
    wanted = section.get("tasks_to_run")
    asked = [*(wanted if isinstance(wanted, list | tuple) else ()), *names, *declared]
    open_ = [name for name in dict.fromkeys(asked) if isinstance(name, str) and _is_open(declared.get(name, {}))]
    if not open_:
        return {}
    known, found = shipped(), {}
    for name in open_:
        if name in known and not known[name].lacks:
            kept = {key: part for key, part in known[name].block.items() if key not in declared.get(name, {})}
            found[name] = copy.deepcopy(kept), known[name].source
    return found


def _tasks(section: Mapping[str, Any]) -> Mapping[str, Any]:
    tasks = section.get("tasks")
    return tasks if isinstance(tasks, Mapping) else {}


def _is_open(task: Any) -> bool:
    """Whether a shipped task may fill this block: it names no component of its own and is not switched off."""
    return isinstance(task, Mapping) and not any(part in task for part in PARTS) and task.get("enabled") is not False


def lacks(block: Block) -> str:
    """Return which component of a task block is not installed; "" if the task can run."""
    for part in PARTS:
        names = [(key[1:], value) for key, value in block.get(part, {}).items() if key.startswith("@")]
        if not names:
            return f"the block has no {part}"
        kind, name = names[0]
        if kind not in kinds() or name not in kinds()[kind]:
            return f"its {part} {name} is not installed"
    return ""
