"""The table of docs/modalities.md says what the installed packages say."""

from __future__ import annotations

import os
from pathlib import Path

from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.kinds import registry
from olmoearth_core.names import first_party

PAGE = Path(__file__).parents[3] / "docs" / "modalities.md"
BEGIN, END = "<!-- table: from the registry -->\n", "<!-- end of table -->\n"
HEADER = "| modality | what | package | kind | bands | units | licence |\n|---|---|---|---|---|---|---|\n"
REGENERATE = "OLMOEARTH_REWRITE_DOCS=1 pytest tests/plugins/modalities/test_docs_table.py"


def bands(spec: ModalitySpec) -> str:
    sets = [s.bands for s in spec.band_sets]
    return " · ".join(" ".join(b) if len(b) <= 14 else f"{b[0]} … {b[-1]} ({len(b)})" for b in sets)


def table() -> str:
    rows = []
    for name, component in registry.modalities.components().items():
        if component.distribution in first_party():
            spec = registry.modalities.get(name)()
            cells = (f"`{name}`", spec.title, component.distribution, spec.kind, bands(spec), spec.units, spec.licence)
            rows.append("| " + " | ".join(cells) + " |\n")
    return HEADER + "".join(rows)


def test_the_table_in_the_docs_is_what_the_registry_says():
    text = PAGE.read_text("utf-8")
    before, written, after = (
        text.partition(BEGIN)[0],
        text.partition(BEGIN)[2].partition(END)[0],
        text.partition(END)[2],
    )
    if os.environ.get("OLMOEARTH_REWRITE_DOCS"):
        PAGE.write_text(before + BEGIN + table() + END + after, "utf-8")
        written = table()
    assert written == table(), f"docs/modalities.md is out of date; run: {REGENERATE}"
