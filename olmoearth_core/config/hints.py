"""What a config value is expected to be, read from annotations.

A dataclass is a plain section, `Mapping[str, X]` a section of named parts, the interface of a kind an `@kind` block,
and anything else a value. Nothing is imported for this but what an annotation already names.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import sys
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from olmoearth_core.config.schema import Parts
from olmoearth_core.kinds import kinds

MISSING: Any = object()
"""Stands for the default of an argument that must be given."""
_ROOT_KINDS = {"dataset": "datasets", "model": "models", "train_module": "train_modules"}


@dataclass(frozen=True)
class Argument:
    """One key that a section or a component takes. default: MISSING if it must be given."""

    name: str
    hint: Any
    default: Any = MISSING


@dataclass(frozen=True)
class Block:
    """The hint of a place where a component of one of these kinds belongs; `kinds` empty = of any kind."""

    kinds: tuple[str, ...]


@dataclass(frozen=True)
class Shape:
    """A hint, sorted: which of the four it is, with null allowed or not.

    inner: dataclass of a section, hint of a mapping's values, Block of a block, the hint itself of a value.
    """

    form: Literal["section", "mapping", "block", "value", "any"]
    inner: Any
    optional: bool = False


def root() -> list[Argument]:
    """Return the top sections of a config, in order."""
    hints = _hints(Parts)
    block = {section: Block((kind,)) for section, kind in _ROOT_KINDS.items()}
    return [Argument(f.name, block.get(f.name, hints.get(f.name, Any))) for f in dataclasses.fields(Parts)]


def arguments(target: Callable[..., Any] | type) -> list[Argument]:
    """Return what a factory or a dataclass takes, in declared order."""
    hints = _hints(target)
    if dataclasses.is_dataclass(target):
        return [Argument(f.name, hints.get(f.name, Any), _default(f)) for f in dataclasses.fields(target)]
    empty = inspect.Parameter.empty
    return [
        Argument(p.name, hints.get(p.name, Any), MISSING if p.default is empty else p.default)
        for p in inspect.signature(target).parameters.values()
        if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]


def shape(hint: Any) -> Shape:
    """Sort a hint."""
    hint = getattr(hint, "__value__", hint)  # what a `type X = ...` statement stands for
    if isinstance(hint, Block):
        return Shape("block", hint)
    if found := _kinds_of(hint):
        return Shape("block", Block(found))
    if _is_union(hint):
        parts = [part for part in typing.get_args(hint) if part is not types.NoneType]
        optional = len(parts) < len(typing.get_args(hint))
        if len(parts) == 1:
            return dataclasses.replace(shape(parts[0]), optional=optional)
        blocks = _kinds_of(typing.Union[tuple(parts)])  # noqa: UP007  (parts are known only now)
        return Shape("block", Block(blocks), optional) if blocks else Shape("value", hint, optional)
    if hint is Any or hint is object or isinstance(hint, str):
        return Shape("any", Any, optional=True)
    if dataclasses.is_dataclass(hint):
        return Shape("section", hint)
    if typing.get_origin(hint) in (dict, Mapping, types.MappingProxyType):
        key_and_value = typing.get_args(hint)
        return Shape("mapping", key_and_value[1] if len(key_and_value) == 2 else Any)
    return Shape("mapping", Any) if hint in (dict, Mapping) else Shape("value", hint)


def _kinds_of(hint: Any) -> tuple[str, ...]:
    if isinstance(hint, type) and issubclass(hint, _Unloaded):
        return (hint.kind,)
    found = []
    for name, registered in kinds().items():
        module = (registered.promise or "").partition(":")[0]
        # An annotation can only be an interface whose module is loaded; the others need no import.
        if module in sys.modules and hint in _promised(registered.interface):
            found.append(name)
    return tuple(found)


def _promised(interface: Any) -> tuple[Any, ...]:
    """Return an interface and, of a choice between two, each of them."""
    return (interface, *(typing.get_args(interface) if _is_union(interface) else ()))


def _is_union(hint: Any) -> bool:
    return typing.get_origin(hint) in (typing.Union, types.UnionType)


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return MISSING if field.default is dataclasses.MISSING else field.default


def _hints(target: Any) -> dict[str, Any]:
    """Evaluate annotations; a name that is only imported for type checkers is an interface, or else anything."""
    known: dict[str, Any] = {}
    for _ in range(50):
        try:
            return typing.get_type_hints(inspect.unwrap(target) if callable(target) else target, localns=known)
        except NameError as error:
            known[error.name or ""] = _interface_named(error.name or "")
        except (TypeError, SyntaxError, AttributeError):
            break  # an annotation that no Python can evaluate: its arguments go unchecked
    return {}


class _Unloaded:
    """Stands in annotations for the interface of a kind whose module nobody has imported yet."""

    kind: str


@functools.cache
def _interface_named(name: str) -> Any:
    for registered in kinds().values():
        if (registered.promise or "").partition(":")[2] == name:
            return type(name, (_Unloaded,), {"kind": registered.kind})
    return Any
