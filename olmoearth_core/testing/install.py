"""Pretend that a distribution is installed: for tests of plugins, of clashes and of broken packages.

A `dist-info` folder beside a module on `sys.path` *is* an installed distribution for `importlib.metadata`, so neither
pip nor a second process is needed. In a `conftest.py`: `from olmoearth_core.testing.install import install`.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import catalogue
import pytest

from olmoearth_core.names import normal
from olmoearth_core.registry import refresh


class Install(Protocol):
    """install("acme", "acme_module", code, olmoearth_losses={"acme.l2.v1": "acme_module:l2"})."""

    def __call__(
        self, distribution: str, module: str, code: str, *, version: str = "1.0", **groups: Mapping[str, str]
    ) -> Path:
        """Write the module and its metadata, make them visible, and return the module's file."""
        ...


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Pretend-install distributions for one test; registries are as before when it ends."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    registered, modules = dict(catalogue.REGISTRY), set(sys.modules)

    def put(distribution: str, module: str, code: str, *, version: str = "1.0", **groups: Mapping[str, str]) -> Path:
        write_distribution(folder, distribution, version, groups)
        file = folder / f"{module}.py"
        file.write_text(textwrap.dedent(code), "utf-8")
        refresh()
        return file

    yield put
    for name in set(sys.modules) - modules:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder)):
            del sys.modules[name]
    catalogue.REGISTRY.clear()
    catalogue.REGISTRY.update(registered)
    monkeypatch.undo()
    refresh()


def write_distribution(folder: Path, name: str, version: str, groups: Mapping[str, Mapping[str, str]]) -> None:
    """Write the metadata of an installed distribution: its name, version and entry points by group."""
    info = folder / f"{normal(name).replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", "utf-8")
    points = [f"[{group}]\n" + "".join(f"{n} = {t}\n" for n, t in lines.items()) for group, lines in groups.items()]
    (info / "entry_points.txt").write_text("\n".join(points), "utf-8")
