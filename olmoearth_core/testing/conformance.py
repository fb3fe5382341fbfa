"""Does a package keep the promises of the components that it declares? Two lines for its author, the same for `doctor`.

A check is a plain function that takes a `Subject` and raises if something is wrong. `general` holds those for every
component, one module per kind the others. A check that is expected to fail needs a reason; passing is then a failure.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from olmoearth_core.errors import UnknownComponent
from olmoearth_core.kinds import kinds
from olmoearth_core.names import normal
from olmoearth_core.registry import Component
from olmoearth_core.testing.subject import NotApplicable, Subject

Check = Callable[[Subject], None]
Settings = Mapping[str, Mapping[str, Any]]
SPECIAL = (
    "modalities", "readers", "transforms", "maskings", "losses", "optimizers", "schedulers", "train_modules",
    "callbacks", "evaluators", "wrappers", "checkpoint_formats", "benchmarks", "leaderboards", "tasks",
)  # fmt: skip
"""Kinds with checks of their own, in the module of that name beside this one."""


@dataclass(frozen=True)
class Case:
    """One check of one component, not yet run. module, check: where the function is; kinds load when they run."""

    subject: Subject
    module: str
    check: str

    @property
    def name(self) -> str:
        """As in `expected_failures`: component:check."""
        return f"{self.subject.component.name}:{self.check}"

    def run(self) -> None:
        """Raise what is wrong, or NotApplicable."""
        check: Check = getattr(importlib.import_module(self.module), self.check)
        check(self.subject)


def conformance(
    distribution: str, settings: Settings | None = None, expected_failures: Mapping[str, str] | None = None
) -> Callable[..., None]:
    """Return a parametrised test of every component that an installed distribution declares.

    settings: component -> arguments, for components that need some or that are cheaper to test with others. Where two
        kinds have a component of one name, "kind:component" says which is meant.
    expected_failures: "component:check" -> reason.
    """
    import pytest

    expected = dict(expected_failures or {})
    cases = collect(distribution, settings)
    unknown = [name for name in expected if name not in {case.name for case in cases}]
    if unknown:
        raise ValueError(f"expected_failures: {distribution} has no check {', '.join(unknown)}")
    marks = {name: pytest.mark.xfail(strict=True, reason=reason) for name, reason in expected.items()}
    parameters = [
        pytest.param(case, id=case.name.replace(":", "-"), marks=[marks[case.name]] if case.name in marks else [])
        for case in cases
    ]

    @pytest.mark.parametrize("case", parameters)
    def test_conformance(case: Case) -> None:
        try:
            case.run()
        except NotApplicable as reason:
            pytest.fail(str(reason)) if case.subject.missing else pytest.skip(str(reason))

    return test_conformance


def outcomes(
    distribution: str, settings: Settings | None = None
) -> Iterator[tuple[str, Literal["passed", "skipped", "failed"], str]]:
    """Yield (component:check, outcome, reason) of every check, without pytest."""
    for case in collect(distribution, settings):
        try:
            case.run()
        except NotApplicable as reason:
            yield case.name, "skipped", str(reason)
        # A component may fail its check in any way; the report goes on with the next.
        except Exception as error:
            yield case.name, "failed", f"{type(error).__name__}: {error}"
        else:
            yield case.name, "passed", ""


def collect(distribution: str, settings: Settings | None = None) -> list[Case]:
    """Return the checks that apply to a distribution's components; imports none of them.

    Raises UnknownComponent if it declares none, or if settings name something that it does not declare.
    """
    found = [c for r in kinds().values() for c in r.components().values() if _owns(distribution, c)]
    if not found:
        raise UnknownComponent(f'no installed distribution "{distribution}" declares components of olmoearth')
    settings = settings or {}
    if unknown := [name for name in settings if name not in {n for c in found for n in (c.name, f"{c.kind}:{c.name}")}]:
        raise UnknownComponent(f"settings: {distribution} declares no {', '.join(unknown)}")
    given = ((c, settings.get(f"{c.kind}:{c.name}", settings.get(c.name))) for c in found)
    return [case for component, arguments in given for case in _cases(Subject(component, arguments))]


def _owns(distribution: str, component: Component) -> bool:
    return normal(component.distribution) == normal(distribution)


def _cases(subject: Subject) -> Iterator[Case]:
    here = __package__
    for module in ("general", *([subject.component.kind] if subject.component.kind in SPECIAL else [])):
        names = importlib.import_module(f"{here}.{module}").CHECKS
        yield from (Case(subject, f"{here}.{module}", name) for name in names)
