"""How a component judges its own settings before anything is built.

The frame checks names and types of all arguments. What it cannot know (two ratios that must not exceed 1, a name that
must be one of a benchmark list) a factory says itself:

    def _judge(settings: Mapping[str, Any]) -> Iterator[Remark]:
        if settings["encode_ratio"] + settings["decode_ratio"] > 1:
            yield Remark("decode_ratio", "encode_ratio + decode_ratio must not exceed 1")

    @checked_by(_judge)
    def random(*, encode_ratio: float = 0.5, decode_ratio: float = 0.5) -> Masking: ...

The dataclass of a plain section may carry a check in the same way.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

Factory = TypeVar("Factory", bound=Callable[..., Any])
_MARK = "olmoearth_check"


@dataclass(frozen=True)
class Remark:
    """What a component says about one of its settings. fault: refuse the config; else only tell the user."""

    key: str
    message: str
    fault: bool = True


Check = Callable[[Mapping[str, Any]], Iterable[Remark]]
"""Takes the block as plain values, defaults filled in; must not touch data nor import anything heavy."""


def checked_by(check: Check) -> Callable[[Factory], Factory]:
    """Attach a check to a factory; its signature stays as it is."""

    def attach(factory: Factory) -> Factory:
        setattr(factory, _MARK, check)
        return factory

    return attach


def check_of(factory: Callable[..., Any]) -> Check | None:
    """Return the check attached to a factory, looking through wrappers."""
    found: Check | None = getattr(inspect.unwrap(factory), _MARK, None)
    return found
