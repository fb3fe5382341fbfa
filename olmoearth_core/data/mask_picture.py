"""A picture of masks: one line per view, modality and band group, one column per month, one small grid per cell.

Needs matplotlib, which is no dependency; callers ask `available()` first.
"""

# H W patches, T steps
from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from olmoearth_core.data.mask_example import MONTHS, Row
from olmoearth_core.data.tokens import DECODE, ENCODE, MISSING, TARGET_ONLY

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Colours that people with any kind of colour vision tell apart (Okabe & Ito 2008).
COLOURS = {ENCODE: "#0072B2", DECODE: "#E69F00", TARGET_ONLY: "#C4C4C4", MISSING: "#FFFFFF"}
MEANING = {
    ENCODE: ("encoded", "shown to the encoder"),
    DECODE: ("decoded", "hidden, to be predicted"),
    TARGET_ONLY: ("target only", "only the target encoder sees it"),
    MISSING: ("missing", "not there, or withheld"),
}
_FRAME = "#B0B0B0"
_INCH, _CELL, _GAP, _UNDATED = 0.36, 0.92, 0.14, 1.45
_LABELS, _COUNTS = 2.35, 2.9


@dataclass(frozen=True)
class Sheet:
    """Everything that is on the picture.

    title: in bold; notes: lines below it. dates: one (month 0-11, year or None) per column.
    headings: above each view; none = "view 1" and so on.
    """

    title: str
    notes: tuple[str, ...]
    dates: tuple[tuple[int, int | None], ...]
    rows: tuple[Row, ...]
    headings: tuple[str, ...] = ()

    @property
    def views(self) -> tuple[int, ...]:
        """Numbers of the views, in order."""
        return tuple(dict.fromkeys(row.view for row in self.rows))

    def panels(self) -> list[Panel]:
        """Return the small grids, where they lie within their view and what is in them."""
        left = _UNDATED if any(not row.dated for row in self.rows) else 0.0
        return [
            Panel(row.view, left + step if row.dated else 0.0, self.height(row), codes)
            for row in self.rows
            for step, codes in enumerate(row.codes)
        ]

    def height(self, row: Row) -> float:
        """Return how far below the top of its view a row lies; modalities are set apart."""
        above = [r for r in self.rows if r.view == row.view]
        above = above[: above.index(row)] if row in above else []
        return len(above) + _GAP * len({r.modality for r in above} - {row.modality})

    @property
    def width(self) -> float:
        """Columns, in cells."""
        dated = len(self.dates) if any(row.dated for row in self.rows) else 0
        return dated + (_UNDATED if any(not row.dated for row in self.rows) else 0.0)


@dataclass(frozen=True)
class Panel:
    """One small grid of codes [H,W], its left and top edge in cells."""

    view: int
    left: float
    top: float
    codes: np.ndarray = field(repr=False)


def available() -> bool:
    """Whether a picture can be drawn here."""
    return find_spec("matplotlib") is not None


def draw(path: Path, sheet: Sheet) -> None:
    """Write the PNG under a temporary name, then rename it."""
    from matplotlib.figure import Figure

    depth = sheet.height(sheet.rows[-1]) + 1
    # Inches above the views, of each view with its heading, and below them.
    notes = [line for note in sheet.notes for line in textwrap.wrap(note, 100)]
    top, below = 0.45 + 0.19 * len(notes), 0.75
    one = (depth + 1.9) * _INCH
    size = (_LABELS + sheet.width * _INCH + _COUNTS, top + one * len(sheet.views) + below)
    figure = Figure(figsize=size)
    figure.text(0.15 / size[0], 1 - 0.14 / size[1], sheet.title, va="top", fontsize=12, weight="bold")
    for i, line in enumerate(notes):
        figure.text(0.15 / size[0], 1 - (0.42 + 0.19 * i) / size[1], line, va="top", fontsize=8.5, color="#444444")
    for i, view in enumerate(sheet.views):
        lower = below + one * (len(sheet.views) - 1 - i)
        axes = figure.add_axes((0, lower / size[1], 1, one / size[1]))
        axes.set(xlim=(-_LABELS / _INCH, sheet.width + _COUNTS / _INCH), ylim=(depth, -1.9))
        axes.axis("off")
        _view(axes, sheet, view)
    _legend(figure, size)
    part = path.with_name(f".{path.name}.part")
    _save(figure, part)
    part.replace(path)


def _save(figure: Figure, path: Path) -> None:
    """Write few colours: a third of the size, and no eye sees it."""
    from PIL import Image

    memory = BytesIO()
    figure.savefig(memory, format="png", dpi=100)
    with Image.open(memory) as image:
        image.convert("RGB").quantize(32, dither=Image.Dither.NONE).save(path, format="png", optimize=True)


def short(bands: Sequence[str]) -> str:
    """Name a band group in a few words."""
    return " ".join(bands) if len(bands) <= 4 else f"{bands[0]} … {bands[-1]} ({len(bands)} bands)"


def _view(axes: Axes, sheet: Sheet, view: int) -> None:
    rows = [row for row in sheet.rows if row.view == view]
    left = -_LABELS / _INCH + 0.4
    heading = sheet.headings[view - 1] if sheet.headings else f"view {view}"
    axes.text(left, -0.75, heading, weight="bold", fontsize=10, va="center")
    _columns(axes, sheet)
    before = ""
    for row in rows:
        middle = sheet.height(row) + _CELL / 2
        first = row.modality != before
        if first:
            axes.text(left, middle - 0.18 * bool(row.bands), row.modality, fontsize=8.5, va="center")
        if row.bands:
            y = middle + 0.24 * first
            axes.text(left + 0.4, y, short(row.bands), fontsize=6.5, va="center", color="#666666")
        before = row.modality
        for number, code in zip(_ordered(row.counts), MEANING, strict=True):
            axes.text(_counts_at(sheet, code), middle, f"{number or '·'}", fontsize=8.5, va="center", ha="right")
    total = [sum(numbers) for numbers in zip(*(_ordered(row.counts) for row in rows), strict=True)]
    axes.text(sheet.width + 0.1, -0.35, "all", fontsize=7, va="center", color="#444444")
    for number, code in zip(total, MEANING, strict=True):
        x = _counts_at(sheet, code)
        axes.text(x, -0.35, f"{number}", fontsize=8.5, va="center", ha="right", weight="bold")
    for panel in sheet.panels():
        if panel.view == view:
            _panel(axes, panel)


def _columns(axes: Axes, sheet: Sheet) -> None:
    start = sheet.width - len(sheet.dates)
    if start > 0:
        axes.text(_CELL / 2, -0.3, "no date", fontsize=7, ha="center", va="center", color="#444444")
    before: tuple[int, int | None] = (-1, None)
    for step, date in enumerate(sheet.dates if any(row.dated for row in sheet.rows) else ()):
        x = start + step + _CELL / 2
        # The steps behind a sample's last one repeat its date.
        if date != before:
            axes.text(x, -0.3, MONTHS[date[0] % 12], fontsize=7, ha="center", va="center", color="#444444")
        if date[1] != before[1]:
            axes.text(x, -0.95, f"{date[1]}", fontsize=7, ha="center", va="center", color="#444444")
        before = date
    for code, (name, _) in MEANING.items():
        x = _counts_at(sheet, code)
        axes.text(x, -1.05, name.replace(" ", "\n"), fontsize=7, ha="right", va="center", color="#444444")


def _counts_at(sheet: Sheet, code: int) -> float:
    return sheet.width + 1.7 + 1.75 * list(MEANING).index(code)


def _ordered(counts: Sequence[int]) -> list[int]:
    return [counts[code] for code in MEANING]


def _panel(axes: Axes, panel: Panel) -> None:
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Rectangle

    height, width = panel.codes.shape
    x = panel.left + np.linspace(0, _CELL, width + 1)
    y = panel.top + np.linspace(0, _CELL, height + 1)
    palette = ListedColormap([COLOURS[code] for code in sorted(COLOURS)])
    thick = 0.6 if height < 8 else 0.25
    axes.pcolormesh(x, y, panel.codes, cmap=palette, vmin=0, vmax=3, edgecolors="white", linewidth=thick)
    axes.add_patch(Rectangle((x[0], y[0]), _CELL, _CELL, facecolor="none", edgecolor=_FRAME, linewidth=0.7))


def _legend(figure: Figure, size: tuple[float, float]) -> None:
    from matplotlib.patches import Patch

    handles = [
        Patch(facecolor=COLOURS[code], edgecolor=_FRAME, label=f"{name}: {text}")
        for code, (name, text) in MEANING.items()
    ]
    columns = 4 if size[0] > 12 else 2
    figure.legend(handles=handles, loc="lower center", ncols=columns, frameon=False, fontsize=8.5)
