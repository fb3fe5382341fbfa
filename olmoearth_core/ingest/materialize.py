"""A tile store from scenes that somebody else finds: the place where finders and readers meet.

A scene source (a catalogue of scenes somewhere) says which reader opens what it finds and gets that reader handed in.
It is a component of kind `sources`; those that only write what they make up are none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.ingest.run import Finders, Report, ingest
from olmoearth_core.ingest.tile import Choices
from olmoearth_core.ingest.windows import Window
from olmoearth_core.interfaces.engine import Engine
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.reader import Reader
from olmoearth_core.interfaces.source import Progress
from olmoearth_core.kinds import registry


@dataclass(frozen=True)
class Need:
    """A reader by the name of its component, and arguments for its factory."""

    reader: str
    options: Mapping[str, Any] = field(default_factory=dict)


@runtime_checkable
class SceneSource(Protocol):
    """Finds scenes for windows."""

    @property
    def name(self) -> str:
        """The component's name."""
        ...

    def needs(self, specs: Sequence[ModalitySpec]) -> Mapping[str, Need]:
        """Return modality -> the reader of its scenes. DataError for a modality that it has not."""
        ...

    def finders(
        self, windows: Sequence[Window], specs: Sequence[ModalitySpec], readers: Mapping[str, Reader]
    ) -> Finders:
        """Search what must be searched and return who finds the scenes of each modality; goes to other processes."""
        ...


def materialize(
    store: str | Path,
    windows: Sequence[Window],
    specs: Sequence[ModalitySpec],
    source: Any,
    *,
    choices: Choices | None = None,
    engine: Engine | None = None,
    shard: tuple[int, int] = (0, 1),
    progress: Progress | None = None,
) -> Report:
    """Find scenes of windows and make their tiles; arguments as in `ingest`.

    Raises:
        ConfigError: the component finds no scenes. DataError: nothing to make, or the source cannot be asked.
    """
    if not isinstance(source, SceneSource):
        raise ConfigError(
            f"{getattr(source, 'name', 'this source')} finds no scenes for windows: it only writes data of its own. "
            "Give another --source."
        )
    if not windows:
        raise DataError("the list of windows is empty. `olmoearth dataset select` makes one.")
    readers = {modality: _reader(modality, need) for modality, need in source.needs(specs).items()}
    finders = source.finders(windows, specs, readers)
    return ingest(store, windows, specs, finders, choices=choices, engine=engine, shard=shard, progress=progress)


def _reader(modality: str, need: Need) -> Reader:
    factory: Callable[..., Reader] = registry.readers.get(need.reader)
    try:
        reader = factory(**need.options)
    except TypeError as error:
        raise ConfigError(f"reader {need.reader}: {error}. `olmoearth show {need.reader}` lists options.") from error
    if modality not in reader.modalities:
        raise ConfigError(f"reader {need.reader} gives {', '.join(reader.modalities)}, not {modality}. Take another.")
    return reader
