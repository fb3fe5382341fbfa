"""Where the samples of a data set are: counted per cell of a graticule, and drawn without coastlines or network."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from olmoearth_core.care.compare import keys
from olmoearth_core.care.sheet_picture import graticule
from olmoearth_core.data.folder import Folder
from olmoearth_core.errors import DataError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ZONES = (("90-60 N", 60.0, 90.1), ("60-30 N", 30.0, 60.0), ("30-0 N", 0.0, 30.0), ("0-30 S", -30.0, 0.0),
          ("30-60 S", -60.0, -30.0), ("60-90 S", -90.0, -60.0))  # fmt: skip
_NUMBERED = 400


@dataclass(frozen=True)
class Distribution:
    """Samples per cell. counts: [rows from south, columns from west]; degrees: side of a cell. places: distinct."""

    latlons: np.ndarray
    degrees: float
    counts: np.ndarray
    places: int

    @property
    def zones(self) -> dict[str, int]:
        """Samples by belt of latitude, those that have any."""
        lat = self.latlons[:, 0]
        found = {name: int(((lat >= low) & (lat < high)).sum()) for name, low, high in _ZONES}
        return {name: number for name, number in found.items() if number}


def distribution(folder: Folder, degrees: float = 5.0) -> Distribution:
    """Count the samples of a data set; DataError for cells that do not divide 180 or lat/lon outside the world."""
    table = folder.latlons()
    latlons = np.array([key[:2] for key in keys(folder)]) if table is None else table
    if not (np.abs(latlons) <= (90, 180)).all():
        raise DataError(f"{folder.url}: has lat/lon outside the world. Run `olmoearth dataset verify --repair`.")
    return counted(latlons, degrees)


def counted(latlons: np.ndarray, degrees: float) -> Distribution:
    """Count places [N, 2] of lat/lon in cells of so many degrees."""
    if not 0.5 <= degrees <= 90 or (180 / degrees) % 1:
        raise DataError(f"map: found cells of {degrees:g} degrees, expected 0.5 to 90 that divide 180, such as 5.")
    rows, columns = int(180 / degrees), int(360 / degrees)
    row = np.minimum(((latlons[:, 0] + 90) // degrees).astype(int), rows - 1)
    column = np.minimum(((latlons[:, 1] + 180) // degrees).astype(int), columns - 1)
    counts = np.zeros((rows, columns), dtype=np.int64)
    np.add.at(counts, (row, column), 1)
    return Distribution(latlons, degrees, counts, len(np.unique(latlons, axis=0)))


def draw(found: Distribution, title: str, out: Path) -> None:
    """Draw the world and, where samples cover a small part of it, that part beside it; numbers are samples per cell."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.colors import LogNorm
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter

    box = _box(found.latlons)
    close = max(box[1] - box[0], 2 * (box[3] - box[2])) < 120
    figure = Figure(figsize=(14, 4.6) if close else (13, 7), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, 2, width_ratios=(1.5, 1)) if close else [figure.subplots()]
    edges = np.arange(-180, 180.1, found.degrees), np.arange(-90, 90.1, found.degrees)
    shown = np.ma.masked_equal(found.counts, 0)
    norm = LogNorm(vmin=1, vmax=max(2, int(found.counts.max())))
    for i, axes in enumerate(panels):
        graticule(axes)
        mesh = axes.pcolormesh(*edges, shown, norm=norm, cmap="YlOrRd", alpha=0.85, zorder=2, rasterized=True)
        axes.plot(found.latlons[:, 1], found.latlons[:, 0], ".", color="#224488", markersize=3 if i else 1.5, zorder=3)
        _degrees(axes)
        if i:
            axes.set(xlim=box[:2], ylim=box[2:])
        axes.set_aspect("equal")
        if bool(i) == close and np.count_nonzero(found.counts) <= _NUMBERED:
            _numbers(axes, found)
    panels[0].set_title(title, fontsize=11, loc="left")
    bar = figure.colorbar(mesh, ax=list(panels), label=f"samples per cell of {found.degrees:g}°", shrink=0.8)
    for axis_formatter in (bar.ax.yaxis.set_major_formatter, bar.ax.yaxis.set_minor_formatter):
        axis_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    figure.savefig(out, dpi=100)


def _box(latlons: np.ndarray) -> tuple[float, float, float, float]:
    (south, west), (north, east) = latlons.min(0), latlons.max(0)
    pad = max(5.0, 0.1 * (east - west), 0.1 * (north - south))
    return (
        max(-180.0, math.floor(west - pad)), min(180.0, math.ceil(east + pad)),
        max(-90.0, math.floor(south - pad)), min(90.0, math.ceil(north + pad)),
    )  # fmt: skip


def _numbers(axes: Axes, found: Distribution) -> None:
    from matplotlib.patheffects import withStroke

    edge = [withStroke(linewidth=2, foreground="white")]
    for row, column in zip(*np.nonzero(found.counts), strict=True):
        lon, lat = -180 + (column + 0.9) * found.degrees, -90 + (row + 0.85) * found.degrees
        axes.text(
            lon,
            lat,
            str(found.counts[row, column]),
            fontsize=7,
            ha="right",
            va="top",
            zorder=4,
            clip_on=True,
            path_effects=edge,
        )


def _degrees(axes: Axes) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    for axis, names in ((axes.xaxis, "EW"), (axes.yaxis, "NS")):
        axis.set_major_locator(MaxNLocator(8, steps=[1, 1.5, 3, 6, 10]))
        axis.set_major_formatter(
            FuncFormatter(lambda v, _, n=names: f"{abs(v):g}°{n[0] if v > 0 else n[1] if v < 0 else ''}")
        )
        axis.set_tick_params(labelsize=8)
