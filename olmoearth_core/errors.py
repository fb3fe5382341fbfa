"""What can go wrong through no fault of ours, as one small tree.

OlmoEarthError
  ConfigError         carries the list of Faults
  UnknownComponent    a name nobody registered
  BrokenComponent     a name whose package cannot be imported
  NameClash           two packages, one name
  DataError           a file or sample that is not what it claims
    OtherModality     a sound product that holds another modality than was asked for
  CheckpointError     missing, torn, or made by another config
  TrainingError       a run that cannot go on (loss is not finite, too many bad samples)

A message says where, what was found, what was expected and what to do, in that order.
`assert` is for our own mistakes; everything a user can cause is one of these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class OlmoEarthError(Exception):
    """Base of all errors that a user can cause and cure."""


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a config: where it was written, which key, what to write instead."""

    where: str
    key: str
    message: str

    def __str__(self) -> str:
        body = self.message.replace("\n", "\n    ")
        return f"{self.where}  {self.key}\n    {body}"


class ConfigError(OlmoEarthError):
    """A configuration with one or more faults, all of them listed."""

    def __init__(self, faults: Sequence[Fault] | str) -> None:
        """Take all faults of a config, or one sentence where there is no file to point at."""
        self.faults: tuple[Fault, ...] = () if isinstance(faults, str) else tuple(faults)
        super().__init__(faults if isinstance(faults, str) else _report(self.faults))


class UnknownComponent(OlmoEarthError, LookupError):
    """A name that no installed package registers."""


class BrokenComponent(OlmoEarthError, ImportError):
    """A registered name whose module cannot be imported."""


class NameClash(OlmoEarthError, ValueError):
    """One name registered by two packages."""


class DataError(OlmoEarthError):
    """A file or a sample that is not what it claims to be."""


class OtherModality(DataError):
    """A sound product that holds another modality than was asked for, so that whoever walks a folder passes it over."""


class CheckpointError(OlmoEarthError):
    """A checkpoint that is missing, torn, or was made by another configuration."""


class TrainingError(OlmoEarthError):
    """A run that must not go on."""


def _report(faults: Sequence[Fault]) -> str:
    noun = "fault" if len(faults) == 1 else "faults"
    return "\n".join([f"{len(faults)} {noun}", "", *map(str, faults)])
