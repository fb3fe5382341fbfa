"""Which installed checkpoint format knows a folder or a name.

Formats are asked in the order of their names. One that fails to load or to answer must not keep the others from
answering; its error is told when nobody else knew what was asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from olmoearth_core.errors import CheckpointError
from olmoearth_core.interfaces.checkpoint import CheckpointFormat, Remote
from olmoearth_core.kinds import registry
from olmoearth_core.names import closest

_T = TypeVar("_T")
_SHOWN = 6


@dataclass(frozen=True)
class Known:
    """A format that was asked, and the name under which it is installed."""

    name: str
    format: CheckpointFormat


@dataclass
class _Inquiry:
    """One question to all formats: who could be asked, and what kept others from answering."""

    asked: list[Known] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def answers(self, question: Callable[[CheckpointFormat], _T]) -> Iterator[tuple[Known, _T]]:
        """Ask one after the other; a format is imported when it is its turn."""
        for name, component in registry.checkpoint_formats.components().items():
            # A format may fail in any way it likes; whatever it is, the others are asked all the same.
            try:
                known = Known(name, registry.checkpoint_formats.get(name)())
                answer = question(known.format)
            except Exception as error:
                self.failures.append(f"{name} ({component.origin}) could not be asked: {error}")
                continue
            self.asked.append(known)
            yield known, answer

    def told(self) -> str:
        """What kept formats from answering, a line each."""
        return "".join(f"\n  {failure}" for failure in self.failures)


def recognise(folder: Path, *, shown: str | None = None) -> Known:
    """Return the first format that knows a folder.

    shown: what to call it in the error; None = its path.

    Raises:
        CheckpointError: none does; with what formats look for and with the errors of those that failed.
    """
    inquiry = _Inquiry()
    for known, yes in inquiry.answers(lambda f: f.recognises(folder)):
        if yes:
            return known
    here = sorted(p.name for p in folder.iterdir())
    found = ", ".join(here[:_SHOWN]) + (", ..." if len(here) > _SHOWN else "") if here else "nothing"
    layouts = "".join(f"\n  {known.name}: {known.format.layout}" for known in inquiry.asked)
    raise CheckpointError(f"{shown or folder}: found {found}, expected one of{layouts}{inquiry.told()}")


def files() -> list[str]:
    """Return the names of files that formats look for, where these are always the same."""
    return list(dict.fromkeys(name for _, names in _Inquiry().answers(lambda f: list(f.files)) for name in names))


def resolve(name: str, folder: Path, *, url: bool = False) -> Remote | None:
    """Return what a name that is no folder stands for; None = a URL that no format takes for one of its names.

    folder: the path that the name would be, for the error. url: whether it would be a URL.

    Raises:
        CheckpointError: no format knows it; with the name that was probably meant.
    """
    inquiry = _Inquiry()
    for _, remote in inquiry.answers(lambda f: f.resolve(name)):
        if remote is not None:
            return remote
    if url:
        return None
    if folder.is_file():
        raise CheckpointError(
            f"{folder}: found a file, expected the folder it lies in: {folder.parent}{inquiry.told()}"
        )
    names = [n for known in inquiry.asked for n in known.format.names]
    meant = closest(name, names)
    advice = f'Did you mean "{meant}"?' if meant else f"Names: {', '.join(names) or 'none'}."
    raise CheckpointError(
        f"{name}: found no such folder, expected one or the name of a released model. {advice}{inquiry.told()}"
    )
