"""Which names `tasks_to_run` may hold: tasks of the config, or the names under which the reference knows its own.

A name that an installed package ships has been declared before this looks (`olmoearth_core.evaluate.shipped`). A
reference or shipped name without what it needs is no mistake: the config says so and goes on without the task. Any
other name is one.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

from olmoearth_core.evaluate.shipped import missing
from olmoearth_core.interfaces.settings import Remark
from olmoearth_core.names import closest


def check_task_names(settings: Mapping[str, Any]) -> Iterator[Remark]:
    """Judge [trainer.callbacks.downstream_evaluator] tasks_to_run against tasks and the reference's names."""
    declared = [name for name, task in settings["tasks"].items() if task.get("enabled", True)]
    absent = [name for name in settings["tasks_to_run"] or () if name not in declared]
    # Every usable one has been put under tasks by now, so what is still asked for lacks something.
    lacking = missing() if absent else {}
    for name in absent:
        if name in reference_tasks() or name in lacking:
            why = f" ({lacking[name]})" if name in lacking else ""
            yield Remark(
                "tasks_to_run",
                f'the task "{name}" is not declared here and needs a benchmark of olmoearth-benchmarks, or of another '
                f"package, that provides it{why}; it is left out",
                fault=False,
            )
            continue
        close = closest(name, [*declared, *reference_tasks(), *lacking])
        advice = f'Did you mean "{close}"?' if close else f"Declared: {', '.join(declared) or 'none'}."
        yield Remark("tasks_to_run", f'no task is called "{name}". {advice}')


@functools.cache
def reference_tasks() -> tuple[str, ...]:
    """Return the task names of the reference, in alphabetical order."""
    return tuple(json.loads(files(__package__).joinpath("reference_tasks.json").read_text("utf-8")))
