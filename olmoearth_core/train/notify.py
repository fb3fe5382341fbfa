"""Tell observers what happened, so that none of them can harm the run or each other.

Observers are registered in reverse, because pluggy calls the last first: they hear in file order. One that
raises is dropped on this rank with a warning; hooks are free of collectives by contract, so the others go on.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import pluggy

from olmoearth_core import plugins
from olmoearth_core.interfaces.callback import Observer

log = logging.getLogger(__name__)


class Bus:
    """The event mechanism of one run: callbacks of the config and hook modules of installed packages."""

    def __init__(self, observers: Mapping[str, Observer], environment: Mapping[str, str]) -> None:
        """Register the observers under their config names, after the installed hook modules."""
        self.manager: pluggy.PluginManager = plugins.manager()
        self.installed = plugins.load(self.manager, environment)
        for broken in [module for module in self.installed if module.error is not None]:
            log.warning("the hook module %s of %s is left out: %s", broken.name, broken.origin, broken.error)
        for name, observer in reversed(list(observers.items())):
            self.manager.register(observer, name=name)

    def notify(self, hook: str, **facts: Any) -> None:
        """Call one hook of every observer; never raises."""
        caller: pluggy.HookCaller = getattr(self.manager.hook, hook)
        for listener in reversed(caller.get_hookimpls()):
            answer = plugins.call_one(self.manager, listener.plugin_name, hook, **facts)
            if answer.error is not None:
                self.manager.unregister(listener.plugin)
                log.warning(
                    "the callback %s raised in %s and is left out from now on: %r",
                    listener.plugin_name, hook, answer.error,
                )  # fmt: skip
