"""What all house tests look at: our own source files, parsed."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import NamedTuple

import pytest

from olmoearth_core.testing.install import install

__all__ = ["install"]
ROOT = Path(__file__).parents[2]


class Source(NamedTuple):
    """One file of ours. package: the top-level package it belongs to; name: its path below the root."""

    path: Path
    name: str
    package: str
    tree: ast.Module


@pytest.fixture(scope="session")
def sources():
    folders = [ROOT / "olmoearth_core", ROOT / "olmoearth_plugins", *sorted(ROOT.glob("plugins/*/olmoearth_*"))]
    files = [(folder.name, file) for folder in folders for file in sorted(folder.rglob("*.py"))]
    assert len(files) > 50
    return [Source(f, str(f.relative_to(ROOT)), package, ast.parse(f.read_text("utf-8"))) for package, f in files]


@pytest.fixture(scope="session")
def root():
    return ROOT
