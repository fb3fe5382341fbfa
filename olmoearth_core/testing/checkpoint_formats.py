"""What a checkpoint format must do without any checkpoint: know its own names and leave everything else to others."""

from __future__ import annotations

import tempfile
from pathlib import Path

from olmoearth_core.interfaces.checkpoint import Remote
from olmoearth_core.testing.subject import Subject

CHECKS = (
    "says_its_layout",
    "leaves_other_folders_alone",
    "knows_its_own_names_in_any_case",
    "leaves_other_names_alone",
    "names_whole_files",
)


def says_its_layout(subject: Subject) -> None:
    """The error for a folder that nobody knows lists what each format looks for."""
    layout = subject.product.layout
    assert isinstance(layout, str)
    assert len(layout.split()) >= 2, f"layout is {layout!r}; say in a few words what such a folder holds"


def leaves_other_folders_alone(subject: Subject) -> None:
    """An empty folder, and one with foreign files, are not of this format, and asking raises nothing."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        assert subject.product.recognises(folder) is False, "an empty folder was recognised"
        (folder / "notes.txt").write_text("nothing of yours", encoding="utf-8")
        assert subject.product.recognises(folder) is False, "a folder with a text file was recognised"


def knows_its_own_names_in_any_case(subject: Subject) -> None:
    """Every name that it announces can be fetched, however it is typed."""
    for name in subject.product.names:
        remote = subject.product.resolve(name)
        assert isinstance(remote, Remote), f"it announces {name}, but resolves it to {remote!r}"
        assert remote.repo.count("/") == 1, f"{name}: the hub needs owner/name, got {remote.repo}"
        assert subject.product.resolve(name.lower()) == subject.product.resolve(name.upper()) == remote, name


def leaves_other_names_alone(subject: Subject) -> None:
    """A name of nobody is None, not an error."""
    for name in ("", "no-such-model-anywhere", "runs/mine", "/"):
        assert subject.product.resolve(name) is None, f"{name!r} was resolved"


def names_whole_files(subject: Subject) -> None:
    """The files that it names can be asked for one by one, where a folder cannot be listed."""
    for name in subject.product.files:
        assert not set(name) & set("*?[]/"), f"files has {name!r}; expected the plain name of a file, or () for none"
