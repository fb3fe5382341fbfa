"""Whether a value is what an annotation asks for, without guessing.

confection lets "3" pass for an int and hands it on as text; here a number is a number, true is no number, an
int becomes a float only where a float is asked for, and a fraction never becomes an int.
"""

from __future__ import annotations

import math
import os
import types
import typing
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

from olmoearth_core import names


class Misfit(Exception):
    """A value that does not fit; the message says what was expected and what was found."""


def fit(value: Any, hint: Any) -> Any:
    """Return the value as the hint asks for it (an int as a float, a tuple as a list); raise Misfit."""
    hint = getattr(hint, "__value__", hint)  # what a `type X = ...` statement stands for
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any or hint is object:
        return value
    if origin in (typing.Union, types.UnionType):
        return _one_of(value, parts, hint)
    if origin is Literal:
        return _literal(value, parts)
    if origin is typing.Annotated:
        return fit(value, parts[0])
    if hint in (list, tuple, Sequence) or origin in (list, tuple, Sequence, Iterable, set, frozenset):
        return _list(value, origin, parts, hint)
    if hint is None or hint is types.NoneType:
        return _require(value, value is None, hint)
    if hint is bool:
        return _require(value, isinstance(value, bool), hint, "write true or false")
    if hint is int:
        return _require(value, isinstance(value, int) and not isinstance(value, bool), hint, _whole(value))
    if hint is float:
        return _float(value)
    if hint in (str, Path, os.PathLike) or origin is os.PathLike:
        return _require(value, isinstance(value, str), str, "write it in double quotes")
    return _require(value, _is_a(value, hint), hint)


def takes_text(hint: Any) -> bool:
    """Whether any text is a legal value."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return any(map(takes_text, typing.get_args(hint)))
    return hint in (Any, str, Path)


def spell(hint: Any) -> str:
    """Write a hint for people: int, one of "a", "b", list of text."""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(map(spell, parts))
    if origin is Literal:
        return ("one of " if len(parts) > 1 else "") + ", ".join(map(_show, parts))
    if origin in (list, Sequence, Iterable) and parts:
        return f"list of {spell(parts[0])}"
    if origin is tuple and parts:
        return "list of " + (spell(parts[0]) if Ellipsis in parts else f"({', '.join(map(spell, parts))})")
    words = {str: "text", Path: "text", bool: "true or false", types.NoneType: "null", None: "null", list: "list"}
    return words.get(hint) or str(getattr(hint, "__name__", hint))


def found(value: Any) -> str:
    """Write a value for people."""
    if isinstance(value, str):
        return f"the text {value!r}"
    return "a section" if isinstance(value, dict) else _show(value)


def _require(value: Any, good: bool, hint: Any, advice: str = "") -> Any:
    if good:
        return value
    if isinstance(value, str) and hint in (int, float):
        advice = "values are JSON: write 0.1, not .1; 1000, not 1_000"
    raise Misfit(f"expected {spell(hint)}, got {found(value)}" + (f" ({advice})" if advice else ""))


def _is_a(value: Any, hint: Any) -> bool:
    try:
        return not isinstance(hint, type) or isinstance(value, hint)
    except TypeError:  # a Protocol that cannot be asked
        return True


def _float(value: Any) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    _require(value, number, float)
    if not math.isfinite(value):
        raise Misfit(f"expected a finite number, got {value}")
    return float(value)


def _whole(value: Any) -> str:
    return f"write {int(value)}" if isinstance(value, float) and value.is_integer() else ""


def _literal(value: Any, options: tuple[Any, ...]) -> Any:
    for option in options:
        if type(option) is type(value) and option == value:
            return value
    close = names.closest(value, [o for o in options if isinstance(o, str)]) if isinstance(value, str) else None
    hint = f'. Did you mean "{close}"?' if close else ""
    raise Misfit(f"expected {spell(Literal[options])}, got {found(value)}{hint}")


def _one_of(value: Any, parts: tuple[Any, ...], hint: Any) -> Any:
    # The exact type first, so that an int stays an int where both int and float are allowed.
    for part in sorted(parts, key=lambda p: type(value) is not p):
        try:
            return fit(value, part)
        except Misfit as misfit:
            only = misfit
    rest = [part for part in parts if part is not types.NoneType]
    if len(rest) == 1 and value is not None:
        try:
            fit(value, rest[0])
        except Misfit as misfit:
            only = misfit
    raise only if len(rest) == 1 else Misfit(f"expected {spell(hint)}, got {found(value)}")


def _list(value: Any, origin: Any, parts: tuple[Any, ...], hint: Any) -> list[Any]:
    if not isinstance(value, list | tuple):
        advice = f' (write ["{value}"])' if isinstance(value, str) else ""
        raise Misfit(f"expected {spell(hint)}, got {found(value)}{advice}")
    if any(isinstance(item, dict) and any(str(key).startswith("@") for key in item) for item in value):
        raise Misfit("blocks inside a list are never built; give each a section of its own")
    fixed = origin is tuple and parts and Ellipsis not in parts
    if fixed and len(value) != len(parts):
        raise Misfit(f"expected {len(parts)} values, got {len(value)}: {_show(list(value))}")
    each = parts if fixed else [parts[0] if parts else Any] * len(value)
    return [_element(item, part, i) for i, (item, part) in enumerate(zip(value, each, strict=True), 1)]


def _element(item: Any, hint: Any, position: int) -> Any:
    try:
        return fit(item, hint)
    except Misfit as misfit:
        raise Misfit(f"element {position}: {misfit}") from None


def _show(value: Any) -> str:
    words = {None: "null", True: "true", False: "false"}
    if isinstance(value, str):
        return f'"{value}"'
    return words[value] if value is None or isinstance(value, bool) else str(value)
