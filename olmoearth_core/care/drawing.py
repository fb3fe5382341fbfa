"""Whether pictures can be drawn, said before any work is done."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from olmoearth_core.errors import ConfigError


def check(out: Path, option: str = "--out") -> None:
    """Refuse a picture that could not be written at the end.

    Raises:
        ConfigError: matplotlib is missing, the name is not that of a PNG, or there is no such folder.
    """
    if find_spec("matplotlib") is None:
        raise ConfigError(f"{out} is not drawn: that needs matplotlib, which is not installed. pip install matplotlib")
    if out.suffix.lower() != ".png":
        raise ConfigError(f"{option} {out}: the picture is a PNG; give a name that ends in .png.")
    if not out.parent.is_dir():
        raise ConfigError(f"{option} {out}: there is no folder {out.parent}. Make it first, or name another one.")
