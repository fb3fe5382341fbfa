"""What a callback must be: an observer of hooks that exist, or a stage whose state is JSON."""

from __future__ import annotations

import json

from olmoearth_core import plugins
from olmoearth_core.interfaces.callback import Observer, Stage
from olmoearth_core.testing.subject import NotApplicable, Subject

CHECKS = ("is_observer_or_stage", "its_hooks_exist", "its_state_is_json")


def is_observer_or_stage(subject: Subject) -> None:
    """An observer is isolated, a stage may use collectives: it cannot be both."""
    kinds = [kind.__name__ for kind in (Observer, Stage) if isinstance(subject.product, kind)]
    assert len(kinds) == 1, f"it is {' and '.join(kinds) or 'neither an Observer nor a Stage'}"


def its_hooks_exist(subject: Subject) -> None:
    """A misspelt hook would never be called, and nobody would notice."""
    if not isinstance(subject.product, Observer):
        raise NotApplicable("a stage implements methods, not hooks")
    unknown = plugins.unknown_hooks(subject.product)
    assert not unknown, f"there is no hook called {', '.join(unknown)}"
    listeners = plugins.manager()
    listeners.register(subject.product)
    assert listeners.get_hookcallers(subject.product), "it implements no hook: decorate its methods with @hookimpl"


def its_state_is_json(subject: Subject) -> None:
    """Checkpoints carry it; what is taken back is what was given."""
    if not isinstance(subject.product, Stage):
        raise NotApplicable("an observer has no state")
    state = json.loads(json.dumps(dict(subject.product.state_dict())))
    other = subject.fresh()
    other.load_state_dict(state)
    assert dict(other.state_dict()) == state
