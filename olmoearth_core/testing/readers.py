"""What a reader must keep to, whatever it reads."""

from __future__ import annotations

import tempfile
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.reader import Reader
from olmoearth_core.kinds import registry
from olmoearth_core.lookup import modalities
from olmoearth_core.testing.subject import Subject

CHECKS = (
    "is_a_reader_of_its_name",
    "gives_modalities_that_exist",
    "recognises_no_stranger",
    "refuses_a_stranger_by_name",
    "goes_to_other_processes",
)


def is_a_reader_of_its_name(subject: Subject) -> None:
    """Provenance names the reader of every tile."""
    assert isinstance(subject.product, Reader)
    assert subject.product.name == subject.component.name


def gives_modalities_that_exist(subject: Subject) -> None:
    """A reader is found through the modalities that it gives."""
    assert subject.product.modalities, "it gives no modality"
    unknown = [name for name in subject.product.modalities if name not in registry.modalities]
    assert not unknown, f"no installed package declares {', '.join(unknown)}"


def recognises_no_stranger(subject: Subject) -> None:
    """Every reader is asked about every path of a folder, so it may neither claim nor raise."""
    with tempfile.TemporaryDirectory() as folder:
        claimed = [path.name for path in _strangers(Path(folder)) if subject.product.recognises(str(path))]
    assert not claimed, f"it recognises {', '.join(claimed)}"


def refuses_a_stranger_by_name(subject: Subject) -> None:
    """A wrong or missing file is a DataError that names it."""
    (spec,) = modalities(subject.product.modalities[:1])
    with tempfile.TemporaryDirectory() as folder:
        for path in _strangers(Path(folder)):
            message = _refusal(subject.product, str(path), spec)
            assert message is not None, f"it read {path.name}"
            assert path.name in message, f"the message does not name {path.name}: {message}"


def goes_to_other_processes(subject: Subject) -> None:
    """Tiles are made by a pool of processes."""
    ForkingPickler.dumps(subject.product)


def _refusal(reader: Reader, path: str, spec: ModalitySpec) -> str | None:
    try:
        reader.read(path, spec)
    except DataError as error:
        return str(error)
    return None


def _strangers(folder: Path) -> list[Path]:
    (folder / "empty").mkdir()
    (folder / "notes.txt").write_text("no image")
    (folder / "torn.tif").write_bytes(b"II*\x00" + bytes(range(64)))
    (folder / "empty.zip").write_bytes(b"")
    (folder / "list.json").write_text('{"type": "nothing"}')
    return [folder / name for name in ("empty", "notes.txt", "torn.tif", "empty.zip", "list.json", "missing.tif")]
