"""How the findings about a data set are printed: one fact per line, numbers aligned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from olmoearth_core.convert.verify import Findings, ModalityFacts
from olmoearth_core.interfaces.modality import ModalitySpec

_SHOWN = 12
_HEAD = ("modality", "samples", "shape", "type", "steps there", "values", "unit", "missing", "out of range")


def lines(findings: Findings, specs: Mapping[str, ModalitySpec]) -> Iterator[str]:
    """Yield the report line by line."""
    folder, about = findings.folder, _section(findings, "about")
    opened = sum(findings.steps.values())
    yield f"folder      {folder.url}"
    yield f"samples     {folder.count}" + (f", {opened} opened" if opened != folder.count else "")
    yield f"on disk     {findings.bytes / 1e6:.1f} MB, {findings.bytes / max(1, opened) / 1e6:.2f} MB a sample"
    side = folder.tile_size
    if side:
        # Windows may overlap, so this is the area of samples, not of ground.
        yield f"area        {opened * (side * 10) ** 2 / 1e6:.1f} km2 in samples of {side * 10} m"
    if about.get("source"):
        yield f"source      {about['source']}"
    if findings.source_files:
        yield f"            {findings.source_files} files, with their hashes in manifest.sqlite"
    made_by = {"olmoearth": findings.manifest.get("olmoearth", ""), **_section(findings, "plugins")}
    if made_by["olmoearth"]:
        yield f"made by     {', '.join(f'{name} {version}' for name, version in made_by.items())}"
    if findings.months:
        first, last = min(findings.months), max(findings.months)
        steps = ", ".join(f"{n} in {count}" for n, count in sorted(findings.steps.items()))
        yield f"months      {first[0]}-{first[1] + 1:02} to {last[0]}-{last[1] + 1:02}; time steps: {steps}"
    yield ""
    yield from _table([_HEAD, *(_row(n, f, specs.get(n), opened) for n, f in sorted(findings.modalities.items()))])
    rules = [f"{name}: {rule} in {n}" for (name, rule), n in sorted(findings.dropped.items())]
    rows = (
        ("dropped", rules),
        ("set aside", list(map(str, _section(findings, "quarantined").values()))),
        ("wrong", findings.problems),
    )
    for title, found in rows:
        if found:
            yield ""
        for text in found[:_SHOWN]:
            yield f"{title:<12}{text}"
        if len(found) > _SHOWN:
            yield f"{'':<12}and {len(found) - _SHOWN} more"


def _section(findings: Findings, name: str) -> dict[str, Any]:
    found = findings.manifest.get(name)
    return found if isinstance(found, dict) else {}


def _row(name: str, facts: ModalityFacts, spec: ModalitySpec | None, opened: int) -> tuple[str, ...]:
    shape, _ = facts.shapes.most_common(1)[0]
    more = f" and {len(facts.shapes) - 1} more" if len(facts.shapes) > 1 else ""
    steps = f"{facts.steps_present / facts.steps_all:.0%}" if facts.steps_all else ""
    span = f"{facts.low:.5g} to {facts.high:.5g}" if facts.high >= facts.low else "none"
    missing = f"{facts.missing_values / facts.values:.1%}" if facts.missing_values else ""
    outside = f"{facts.outside / facts.values:.2%}" if facts.outside else ""
    unit = "" if spec is None else spec.units.split(",")[0].split(" (")[0]
    kinds = "/".join(sorted(facts.dtypes))
    there = f"{facts.samples} of {opened}"
    return (name, there, "x".join(map(str, shape)) + more, kinds, steps, span, unit[:38], missing, outside)


def _table(rows: list[tuple[str, ...]]) -> Iterator[str]:
    kept = [i for i in range(len(rows[0])) if any(row[i] for row in rows[1:])]
    widths = {i: max(len(row[i]) for row in rows) for i in kept}
    for row in rows:
        yield "  ".join(row[i].ljust(widths[i]) for i in kept).rstrip()
