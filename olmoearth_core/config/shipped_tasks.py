"""Layers for tasks that a config asks for by name, without declaring them, and that a package ships."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from olmoearth_core.config.source import Layer, read
from olmoearth_core.config.text import write
from olmoearth_core.evaluate.shipped import additions


def shipped_layers(tree: Mapping[str, Any]) -> list[Layer]:
    """Return a layer per package that ships tasks which [trainer.callbacks.<name>] tasks_to_run asks for.

    A callback that is switched off asks for nothing. The layers set no key that the tree has.
    """
    trees: dict[str, dict[str, Any]] = {}
    for name, section in _callbacks(tree).items():
        if not _asks(section):
            continue
        for task, (block, source) in additions(section).items():
            callbacks = trees.setdefault(source, {"trainer": {"callbacks": {}}})["trainer"]["callbacks"]
            callbacks.setdefault(name, {"tasks": {}})["tasks"][task] = block
    return [read(write(found), source) for source, found in trees.items()]


def _asks(section: Any) -> bool:
    keys = ("tasks_to_run", "tasks")
    return isinstance(section, Mapping) and section.get("enabled") is not False and any(key in section for key in keys)


def _callbacks(tree: Mapping[str, Any]) -> Mapping[str, Any]:
    trainer = tree.get("trainer")
    callbacks = trainer.get("callbacks") if isinstance(trainer, Mapping) else None
    return callbacks if isinstance(callbacks, Mapping) else {}
