"""The command line as a function, for tests of what commands print."""

from __future__ import annotations

import pytest

from olmoearth_core.cli.main import main


def olmoearth(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    """Run `olmoearth` with these words and return its code, output and errors; what was shown before is dropped."""
    capsys.readouterr()
    try:
        code = main(list(map(str, words)))
    except SystemExit as stop:
        code = int(stop.code or 0)
    shown = capsys.readouterr()
    return code, shown.out, shown.err
