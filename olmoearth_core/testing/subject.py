"""What a conformance check looks at: one component, its factory and one product of it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from olmoearth_core.errors import ConfigError
from olmoearth_core.kinds import kinds, registry
from olmoearth_core.registry import Component


class NotApplicable(Exception):
    """A check has nothing to look at; the message says what is missing."""


@dataclass
class Subject:
    """A component under examination.

    settings: its arguments, as a config would give them (blocks as {"@kind": name, …}); None = nothing was said.
    """

    component: Component
    settings: Mapping[str, Any] | None = None

    @property
    def block(self) -> dict[str, Any]:
        """The component as a config block."""
        return {f"@{self.component.kind}": self.component.name, **(self.settings or {})}

    @property
    def factory(self) -> Callable[..., Any]:
        """The factory as it was written, without our check of its product."""
        made: Callable[..., Any] = inspect.unwrap(kinds()[self.component.kind].get(self.component.name))
        return made

    @property
    def missing(self) -> list[str]:
        """Arguments that must be given and were not."""
        parameters = inspect.signature(self.factory).parameters.values()
        needed = [p.name for p in parameters if p.default is p.empty and p.kind is not p.VAR_POSITIONAL]
        return [name for name in needed if name not in (self.settings or {})]

    @cached_property
    def product(self) -> Any:
        """What the factory returns; made once, the way a config makes it."""
        return self.fresh()

    def fresh(self) -> Any:
        """Make another product; raise NotApplicable if arguments are missing, or defaults alone are refused."""
        if self.missing:
            raise NotApplicable(f"needs {', '.join(self.missing)}: give settings for {self.component.name}")
        if self.component.kind == "modalities":
            return self.factory(**(self.settings or {}))
        try:
            return registry.resolve({"component": self.block})["component"]
        except ConfigError as error:
            if self.settings is not None:
                raise
            raise NotApplicable(f"refuses its defaults ({error}): give settings for {self.component.name}") from error
