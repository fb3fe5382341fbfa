"""Tasks under names: what a package ships so that `tasks_to_run` can name a task which no config declares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class TaskList(Protocol):
    """Task blocks by name. Plain data: making a list and reading its blocks builds nothing and touches no data set."""

    name: str

    def blocks(self) -> Mapping[str, Mapping[str, Any]]:
        """Return task name -> what would stand under [trainer.callbacks.downstream_evaluator.tasks.<name>].

        A block has the sections `benchmark` and `evaluator`, each with its `@` line, and keys of
        `interfaces.evaluation.Task`. It may name components that are not installed: the task is then left out, and
        its user is told which.
        """
        ...
