"""A leaderboard as a picture: a band per task, a dot with its interval per line, a colour per model.

Needs matplotlib, which is no dependency; callers ask `olmoearth_core.care.drawing.check` first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from olmoearth_core.errors import ConfigError
from olmoearth_core.leaderboard.board import Board, Cell, Column, Line, Section

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 2000
"""Dots in one picture; more cannot be told apart, and the file could not be opened."""
_STEP, _GAP = 0.13, 0.14
"""Inches between dots of a band, and between bands."""
_LEGEND_LETTERS = 130
"""Letters that fit beside each other above the panels."""
_WITH_A_UNIT = ("mae", "rmse", "neg_rmse")
_MARKERS = "osD^vP*X"
_GREYS = ("0.35", "0.6", "0.78")


@dataclass(frozen=True)
class Panel:
    """Bands that share an axis: one protocol, and either shares from 0 to 1 or one metric with a unit."""

    title: str
    label: str
    bands: tuple[tuple[Column, tuple[tuple[Line, Cell], ...]], ...]

    @property
    def height(self) -> float:
        """Inches that its bands need."""
        return sum(_STEP * len(dots) + _GAP for _, dots in self.bands)


def draw(path: Path, board: Board) -> None:
    """Write the PNG under a temporary name, then rename it.

    Raises:
        ConfigError: there is nothing to draw, or more than can be told apart.
    """
    from matplotlib.figure import Figure

    panels = [panel for section in board.sections for panel in panels_of(section)]
    count = sum(len(dots) for panel in panels for _, dots in panel.bands)
    if not 0 < count <= MOST:
        raise ConfigError(f"{path}: found {count} scores to draw, expected 1 to {MOST}. Choose with --tasks, --models.")
    styles = _styles([line for section in board.sections for line in section.lines])
    shown = {line.name: _handle(line, styles) for p in panels for _, dots in p.bands for line, _ in dots}
    columns = max(1, min(3, _LEGEND_LETTERS // (max(map(len, shown)) + 14)))
    heights = [panel.height + 0.7 for panel in panels]
    legend = 0.19 * math.ceil(len(shown) / columns) + 0.2
    figure = Figure(figsize=(9, sum(heights) + legend), layout="constrained")
    axes = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)[:, 0]
    for panel, here in zip(panels, axes, strict=True):
        _panel(here, panel, styles)
    figure.legend(handles=list(shown.values()), loc="outside upper left", ncols=columns, frameon=False, fontsize=8)
    part = path.with_name(f".{path.name}.part")
    figure.savefig(part, format="png", dpi=110)
    part.replace(path)


def panels_of(section: Section) -> list[Panel]:
    """Return the panels of one protocol; scores that are no numbers are left out."""
    by_label: dict[str, list[Any]] = {}
    for column in section.columns:
        cells = [(line, line.cells[column]) for line in section.lines if column in line.cells]
        dots = tuple((line, cell) for line, cell in cells if math.isfinite(cell.row.value))
        label = column[1] if column[1] in _WITH_A_UNIT else "score"
        if dots:
            by_label.setdefault(label, []).append((column, dots))
    return [Panel(section.evaluator, label, tuple(bands)) for label, bands in by_label.items()]


def _panel(axes: Axes, panel: Panel, styles: Mapping[str, tuple[Any, str]]) -> None:
    y, ticks = 0.0, []
    for number, (column, dots) in enumerate(panel.bands):
        height = _STEP * len(dots) + _GAP
        if number % 2 == 0:
            axes.axhspan(y, y + height, color="0.955", linewidth=0, zorder=0)
        ticks.append((y + height / 2, "\n".join(column)))
        for i, (line, cell) in enumerate(dots):
            _dot(axes, y + _GAP / 2 + _STEP * (i + 0.5), line, cell, styles)
        y += height
    axes.set_yticks([at for at, _ in ticks], [text for _, text in ticks], fontsize=8)
    axes.set_ylim(y, 0)
    axes.set_title(panel.title.replace("_", " "), loc="left", fontsize=10, fontweight="bold")
    axes.set_xlabel(panel.label, fontsize=8)
    axes.tick_params(axis="x", labelsize=8)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="0.85", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


def _dot(axes: Axes, y: float, line: Line, cell: Cell, styles: Mapping[str, tuple[Any, str]]) -> None:
    colour, marker = styles[line.name]
    if math.isfinite(cell.half):
        axes.plot([cell.row.low, cell.row.high], [y, y], color=colour, linewidth=1.6, solid_capstyle="butt", zorder=2)
    face = "white" if line.published else colour
    axes.plot([cell.row.value], [y], marker, color=colour, markerfacecolor=face, markersize=5, zorder=3)
    if cell.odd:
        axes.annotate("*", (cell.row.value, y), xytext=(5, -4), textcoords="offset points", fontsize=9)


def _styles(lines: Sequence[Line]) -> dict[str, tuple[Any, str]]:
    """Return name of a line -> colour and marker: a colour per model, greys for trivial ones, a marker per variant."""
    from matplotlib import colormaps

    models = list(dict.fromkeys(line.model for line in lines if not line.trivial))
    trivial = list(dict.fromkeys(line.model for line in lines if line.trivial))
    palette, size = colormaps["tab10"], 10
    colours: dict[str, Any] = {model: palette(i % size) for i, model in enumerate(models)}
    colours |= {model: _GREYS[i % len(_GREYS)] for i, model in enumerate(trivial)}
    # Beyond the palette colours come again, with the next marker.
    start = {model: i // size for i, model in enumerate(models)}
    used: dict[str, list[str]] = {}
    for line in lines:
        names = used.setdefault(line.model, [])
        if line.name not in names:
            names.append(line.name)
    return {
        name: (colours[model], _MARKERS[(start.get(model, 0) + i) % len(_MARKERS)])
        for model, names in used.items()
        for i, name in enumerate(names)
    }


def _handle(line: Line, styles: Mapping[str, tuple[Any, str]]) -> Any:
    from matplotlib.lines import Line2D

    colour, marker = styles[line.name]
    face = "white" if line.published else colour
    label = f"{line.name} (published)" if line.published else line.name
    return Line2D([], [], color=colour, marker=marker, markerfacecolor=face, markersize=5, linewidth=0, label=label)
