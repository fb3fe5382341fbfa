"""What every component must do, whatever it is."""

from __future__ import annotations

import functools
import inspect
import json
import os
import subprocess
import sys
from multiprocessing.reduction import ForkingPickler
from typing import Any

import confection

from olmoearth_core.config import hints, values
from olmoearth_core.describe import first_sentence
from olmoearth_core.kinds import kinds, registry
from olmoearth_core.names import oddity
from olmoearth_core.testing.subject import NotApplicable, Subject

CHECKS = (
    "name_is_well_formed",
    "has_a_first_sentence",
    "arguments_are_keyword_only_and_annotated",
    "returns_the_interface",
    "defaults_are_json_and_fit_their_hints",
    "import_is_quick_and_silent",
    "keeps_its_promise",
    "survives_a_config",
    "reaches_loader_workers",
)
IMPORT_SECONDS = 2.0
_TRAVELLING = ("modalities", "maskings", "transforms", "datasets")


def name_is_well_formed(subject: Subject) -> None:
    """A modality is lower case; everything else reads <distribution>.<thing>.v<N>."""
    component = subject.component
    wrong = oddity(component.kind, component.name, component.distribution)
    assert wrong is None, wrong


def has_a_first_sentence(subject: Subject) -> None:
    """The docstring's first line is what listings show."""
    sentence = first_sentence(subject.factory)
    assert len(sentence.split()) >= 2, f"{subject.component.target} needs a docstring that says what it is"


def arguments_are_keyword_only_and_annotated(subject: Subject) -> None:
    """Configs name arguments; a config is checked against annotations."""
    for name, p in inspect.signature(subject.factory).parameters.items():
        assert p.kind in (p.KEYWORD_ONLY, p.VAR_POSITIONAL), f"{name} must be keyword-only: write `*, {name}`"
        assert p.annotation is not p.empty, f"{name} needs a type annotation"


def returns_the_interface(subject: Subject) -> None:
    """The return annotation is the interface of the kind, or a class that implements it."""
    promise = kinds()[subject.component.kind].promise
    if promise is None:
        raise NotApplicable(f"{subject.component.kind} have no interface")
    returned = inspect.signature(subject.factory).return_annotation
    spelled = returned if isinstance(returned, str) else getattr(returned, "__name__", str(returned))
    allowed = {promise.partition(":")[2]}
    interface = kinds()[subject.component.kind].interface
    allowed |= {part.__name__ for part in getattr(interface, "__args__", ())}
    assert spelled.split(".")[-1] in allowed, f"annotated -> {spelled}, expected -> {' or '.join(sorted(allowed))}"


def defaults_are_json_and_fit_their_hints(subject: Subject) -> None:
    """A filled config is text, and a default that breaks its own hint is reported as the user's mistake."""
    for argument in hints.arguments(subject.factory):
        if argument.default is not hints.MISSING:
            written = json.loads(json.dumps(argument.default))
            if hints.shape(argument.hint).form == "value" and written is not None:
                values.fit(written, argument.hint)
            assert written is not None or hints.shape(argument.hint).optional, (
                f"{argument.name} is null by default, but its hint {values.spell(argument.hint)} does not allow that"
            )


def import_is_quick_and_silent(subject: Subject) -> None:
    """Importing the module (with torch already there) takes less than two processor seconds and prints nothing."""
    module = subject.component.target.partition(":")[0]
    printed, seconds, error = _imported(subject.component.distribution, tuple(sys.path))[module]
    assert not error, error
    assert not printed, f"importing {module} prints {printed!r}"
    assert seconds < IMPORT_SECONDS, (
        f"importing {module} takes {seconds:.1f} s: import heavy things where they are used"
    )


def keeps_its_promise(subject: Subject) -> None:
    """The product is what the kind says (the registry checks that when it builds it)."""
    product = subject.product
    # A specification and a pure function have no state that two blocks could share.
    if subject.component.kind != "modalities" and not inspect.isfunction(product):
        assert product is not subject.fresh(), "two blocks of a config must be two objects"


def survives_a_config(subject: Subject) -> None:
    """Filled with defaults, written, read and built again: the same settings."""
    _ = subject.product  # says so where settings are missing
    filled = registry.fill({"component": subject.block})
    again = confection.Config().from_str(filled.to_str())
    same = json.dumps(again, sort_keys=True) == json.dumps(filled, sort_keys=True)
    assert same, "its arguments change when a config is written and read"
    if subject.component.kind != "modalities":
        registry.resolve(again)


def reaches_loader_workers(subject: Subject) -> None:
    """Loader workers are processes of their own: what they run is sent to them."""
    if subject.component.kind not in _TRAVELLING:
        raise NotApplicable(f"{subject.component.kind} stay in the training process")
    sent: Any = ForkingPickler.loads(ForkingPickler.dumps(subject.product))
    assert type(sent) is type(subject.product)


_IMPORTER = """
import contextlib, importlib, io, json, sys, time, traceback
heavy, *modules = sys.argv[1:]
for module in heavy.split():
    importlib.import_module(module)
found = {}
for module in modules:
    printed, error, start = io.StringIO(), "", time.process_time()
    with contextlib.redirect_stdout(printed):
        try:
            importlib.import_module(module)
        except BaseException:
            error = traceback.format_exc()
    found[module] = printed.getvalue(), time.process_time() - start, error
print(json.dumps(found))
"""


@functools.cache
def _imported(distribution: str, path: tuple[str, ...]) -> dict[str, tuple[str, float, str]]:
    """Import all modules of a distribution in one new process: what each printed, its seconds, its traceback."""
    mine = [c for r in kinds().values() for c in r.components().values() if c.distribution == distribution]
    heavy = "numpy" if {c.kind for c in mine} == {"modalities"} else "torch numpy olmoearth_core.kinds"
    modules = sorted({component.target.partition(":")[0] for component in mine})
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(path)}
    command = [sys.executable, "-c", _IMPORTER, heavy, *modules]
    done = subprocess.run(command, capture_output=True, text=True, env=environ, check=True)
    found: dict[str, tuple[str, float, str]] = json.loads(done.stdout)
    return found
