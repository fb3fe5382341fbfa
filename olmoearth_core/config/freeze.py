"""What a run keeps of its config: each source as it was written, comments included, and the resolved whole."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path, PurePath

from olmoearth_core.config.resolved import Config

RESOLVED = "resolved.cfg"
"""File that loads and checks alone."""


def frozen(config: Config) -> dict[str, str]:
    """Return file name -> text: the numbered sources in the order applied, and the resolved config."""
    files = {f"{i:02d}-{_stem(name)}": text for i, (name, text) in enumerate(config.layers)}
    return {**files, RESOLVED: config.to_text()}


def freeze(config: Config, folder: str | Path) -> Path:
    """Write these files into a folder, which appears complete or not at all; an older one is replaced."""
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        for name, text in frozen(config).items():
            (fresh / name).write_text(text, encoding="utf-8")
        fresh.chmod(0o755)
        if folder.exists():
            old = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-old-"))
            os.replace(folder, old / folder.name)
            os.replace(fresh, folder)
            shutil.rmtree(old)
        else:
            os.replace(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return folder


def _stem(name: str) -> str:
    return PurePath(name.replace(" ", "-")).name or "layer"
