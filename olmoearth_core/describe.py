"""How to use a component: a block ready to paste into a config, with its defaults and what each argument means.

Everything is read from the factory: signature, type hints and docstring are the documentation.
"""

from __future__ import annotations

import inspect
import json
import re
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.kinds import kinds
from olmoearth_core.registry import Component

_TASK = "trainer.callbacks.downstream_evaluator.tasks.my_task"
SECTIONS = {
    "datasets": "dataset",
    "transforms": "data_loader.transform",
    "models": "model",
    "encoders": "model.encoder_config",
    "decoders": "model.decoder_config",
    "train_modules": "train_module",
    "maskings": "train_module.masking",
    "losses": "train_module.loss",
    "optimizers": "train_module.optim_config",
    "schedulers": "train_module.scheduler",
    "callbacks": "trainer.callbacks.my_callback",
    "benchmarks": f"{_TASK}.benchmark",
    "evaluators": f"{_TASK}.evaluator",
}
"""Where a component of each kind usually stands in a config."""
_NAMED_NOWHERE = ("checkpoint_formats", "leaderboards", "tasks")
"""Kinds that are asked one after the other, so that no config names them."""
_ARGUMENT = re.compile(r"(?:^\s*|(?<=[.;])\s+)([a-z_]\w*(?:,\s+[a-z_]\w*)*):\s", re.MULTILINE)


def block(component: Component, factory: Callable[..., Any]) -> str:
    """Return the text of `olmoearth plugins show`: a config section, comments around it, the origin at its end."""
    lines = [*_comment(inspect.getdoc(factory) or component.name, keep_arguments=False)]
    if component.kind == "modalities":
        lines += ["[dataset]", f'training_modalities = ["{component.name}"]', *_facts(factory())]
    elif component.kind not in _NAMED_NOWHERE:
        lines += [f"[{SECTIONS.get(component.kind, component.kind)}]", f'@{component.kind} = "{component.name}"']
        lines += list(_arguments(factory))
    return "\n".join([*lines, f"# {component.target}, {component.origin}", f"# {component.file}"])


def first_sentence(factory: Callable[..., Any]) -> str:
    """Return the first line of a factory's docstring, without its full stop."""
    return next(iter((inspect.getdoc(factory) or "").splitlines()), "").rstrip(".")


def argument_help(factory: Callable[..., Any]) -> dict[str, str]:
    """Return argument -> what the docstring says about it (`name: text`, or `a, b: text` for several)."""
    known = inspect.signature(factory).parameters
    text = "\n".join((inspect.getdoc(factory) or "").splitlines()[1:])
    starts = [m for m in _ARGUMENT.finditer(text) if all(name in known for name in re.split(r",\s+", m[1]))]
    ends = [m.start() for m in starts[1:]] + [len(text)]
    found: dict[str, str] = {}
    for start, end in zip(starts, ends, strict=False):
        paragraph = text[start.end() : end].split("\n\n")[0]
        found |= dict.fromkeys(re.split(r",\s+", start[1]), " ".join(paragraph.split()))
    return found


def _arguments(factory: Callable[..., Any]) -> Iterator[str]:
    """Scalars first: in a config a sub-block ends its parent's own keys."""
    docs, hints = argument_help(factory), _hints(factory)
    for name, parameter in inspect.signature(factory).parameters.items():
        if name in docs:
            yield from _comment(f"{name}: {docs[name]}")
        kind = _kind(hints.get(name))
        spelled = f"a block with @{kind}" if kind else inspect.formatannotation(parameter.annotation).strip("'")
        if parameter.default is parameter.empty:
            yield f"# {name} = …  (needed: {spelled})"
        elif kind:
            yield f"# {name} = {json.dumps(parameter.default)}  (or {spelled})"
        else:
            yield f"{name} = {json.dumps(parameter.default)}"


def _facts(spec: ModalitySpec) -> Iterator[str]:
    yield from _comment(f"{spec.title or spec.name}: {spec.kind}, {spec.meters} m grid, {spec.units or 'no unit'}")
    for band_set in spec.band_sets:
        yield from _comment(f"bands at {band_set.meters} m: {', '.join(band_set.bands)}")
    if spec.derived_from:
        yield f"# computed from {spec.derived_from} by {spec.derive}"
    yield from _comment(f"licence: {spec.licence}")
    yield from _comment(f"citation: {spec.citation}")


def _comment(text: str, *, keep_arguments: bool = True) -> list[str]:
    if not keep_arguments:
        text = re.split(r"\n\s*\n|\n(?=[a-z_]\w*(?:, [a-z_]\w*)*: )", text)[0]
    return textwrap.wrap(" ".join(text.split()), 110, initial_indent="# ", subsequent_indent="#   ") if text else []


def _hints(factory: Callable[..., Any]) -> dict[str, Any]:
    try:
        return inspect.get_annotations(inspect.unwrap(factory), eval_str=True)
    except NameError:  # a hint that exists for type checkers only
        return {}


def _kind(hint: Any) -> str | None:
    """Return the kind of component that a hint asks for, also inside `X | None` and `Mapping[str, X]`."""
    for part in (hint, *getattr(hint, "__args__", ())):
        spelled = f"{getattr(part, '__module__', '')}:{getattr(part, '__name__', '')}"
        if found := next((kind for kind, registry in kinds().items() if registry.promise == spelled), None):
            return found
    return None
