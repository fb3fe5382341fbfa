"""The contact sheet of a sample as a PNG: months from left to right, then maps, then curves. Needs matplotlib.

Every part is placed in inches from the top, so that nothing overlaps however many months and modalities there are.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from olmoearth_core.care.sheet import NOTHING, Curves, Pictures, Sheet

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import ListedColormap
    from matplotlib.figure import Figure

PER_LINE = 12
LABEL, CELL, GAP = 2.3, 1.15, 0.06
MAP, LEGEND = 1.9, 1.5
HEAD, MONTH, FOOT = 1.35, 0.2, 0.15
CURVE = 1.25
_INK, _PALE = "#222222", "#e8e8e8"
_UNIT = 38


def draw(sheet: Sheet, out: Path, *, dpi: int = 100) -> None:
    """Write the picture."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    series = [p for p in sheet.pictures if p.varies]
    maps = [p for p in sheet.pictures if not p.varies]
    # Short series get a narrower page, though never too narrow for the head and for maps.
    columns = min(PER_LINE, max(7, len(sheet.months)))
    width = LABEL + columns * (CELL + GAP) + 0.2
    page = _Page(Figure(figsize=(width, _height(sheet, series, maps, width)), facecolor="white"))
    FigureCanvasAgg(page.figure)
    _head(page, sheet, width)
    for pictures in series:
        _months(page, pictures, sheet.months)
    if maps:
        _maps(page, maps, width)
    for curves in sheet.curves:
        _curves(page, curves, sheet.months, width)
    page.figure.savefig(out, dpi=dpi)


class _Page:
    """A figure on which places are given in inches from the top left; `top` is where the next part begins."""

    def __init__(self, figure: Figure) -> None:
        self.figure = figure
        self.width, self.height = (float(side) for side in figure.get_size_inches())
        self.top = 0.0

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        bottom = self.height - self.top - top - height
        return self.figure.add_axes((left / self.width, bottom / self.height, width / self.width, height / self.height))

    def text(self, left: float, top: float, text: str, size: float, **options: object) -> None:
        place = (left / self.width, 1 - (self.top + top) / self.height)
        self.figure.text(*place, text, fontsize=size, va="top", color=_INK, **options)  # type: ignore[arg-type]


def _height(sheet: Sheet, series: Sequence[Pictures], maps: Sequence[Pictures], width: float) -> float:
    lines = math.ceil(max(1, len(sheet.months)) / PER_LINE)
    rows = math.ceil(len(maps) / _per_row(width))
    curves = sum(_curve_lines(c) for c in sheet.curves)
    return HEAD + len(series) * (lines * (CELL + MONTH) + FOOT) + rows * (MAP + 0.75) + curves * (CURVE + 0.55) + 0.1


def _head(page: _Page, sheet: Sheet, width: float) -> None:
    page.text(0.15, 0.15, sheet.title, 15, weight="bold")
    lat, lon = sheet.latlon
    place = f"{abs(lat):.4f}° {'N' if lat >= 0 else 'S'}, {abs(lon):.4f}° {'E' if lon >= 0 else 'W'}"
    span = (
        f"{sheet.months[0]} to {sheet.months[-1]}, {len(sheet.months)} step{'s' * (len(sheet.months) != 1)}"
        if sheet.months
        else "no time steps"
    )
    page.text(0.15, 0.5, f"{place}     {span}", 10)
    if sheet.absent:
        page.text(0.15, 0.75, "not in this sample: " + ", ".join(sheet.absent), 9)
    page.text(0.15, 1.0 if sheet.absent else 0.78, "hatched = nothing was measured", 8)
    locator(page.axes(width - 2.6, 0.1, 2.4, 1.2), sheet.latlon)
    page.top += HEAD


def locator(axes: Axes, latlon: tuple[float, float]) -> None:
    """Draw a world of nothing but a graticule, with one place on it."""
    graticule(axes)
    axes.plot([latlon[1]], [latlon[0]], "o", color="#cc3311", markersize=6, zorder=3)
    axes.set_xticks([])
    axes.set_yticks([])


def graticule(axes: Axes, step: int = 30) -> None:
    """Draw lines of longitude and latitude, equator and Greenwich darker, on a plate carrée."""
    for lon in range(-180, 181, step):
        axes.axvline(lon, color="#8899aa" if lon == 0 else "#d5dde5", lw=0.7, zorder=1)
    for lat in range(-90, 91, step):
        axes.axhline(lat, color="#8899aa" if lat == 0 else "#d5dde5", lw=0.7, zorder=1)
    axes.set(xlim=(-180, 180), ylim=(-90, 90), facecolor="#f7f9fb")


def _months(page: _Page, pictures: Pictures, months: Sequence[str]) -> None:
    page.text(0.15, MONTH, "\n".join(_label(pictures)), 8, linespacing=1.35)
    lines = math.ceil(max(1, len(months)) / PER_LINE)
    for i, (month, image) in enumerate(zip(months, pictures.images, strict=False)):
        row, column = divmod(i, PER_LINE)
        left, top = LABEL + column * (CELL + GAP), row * (CELL + MONTH) + MONTH
        axes = page.axes(left, top, CELL, CELL)
        axes.set_title(month[:7] if len(set(m[:7] for m in months)) == len(months) else month, fontsize=7.5, pad=2)
        _image(axes, pictures, image)
    page.top += lines * (CELL + MONTH) + FOOT


def _label(pictures: Pictures) -> Iterator[str]:
    yield from textwrap.wrap(pictures.name, 26)
    if pictures.bands:
        yield from textwrap.wrap(f"{'RGB ' if pictures.style == 'rgb' else 'band '}{pictures.bands}", 34)
    yield from textwrap.wrap(pictures.unit, 36)[:3]
    for low, high in pictures.limits[:3]:
        yield f"{low:.4g} to {high:.4g}"


def _image(axes: Axes, pictures: Pictures, image: np.ndarray | None) -> None:
    from matplotlib.patches import Rectangle

    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(color="#999999", linewidth=0.5)
    hatch = Rectangle(
        (0, 0), 1, 1, transform=axes.transAxes, facecolor=_PALE, edgecolor="#bbbbbb", hatch="////", lw=0, zorder=0
    )
    axes.add_patch(hatch)
    if image is None:
        return
    if pictures.style == "rgb":
        gone = ~np.isfinite(image).all(-1)
        axes.imshow(np.dstack([np.nan_to_num(image), (~gone).astype(float)]), interpolation="nearest", zorder=1)
    elif pictures.style == "classes":
        codes = list(pictures.classes or {})
        place = np.searchsorted(codes, np.nan_to_num(image, nan=codes[0] if codes else 0)).astype(float)
        place[~np.isfinite(image)] = np.nan
        top = max(1, len(codes))
        axes.imshow(place, cmap=_palette(pictures), vmin=-0.5, vmax=top - 0.5, interpolation="nearest", zorder=1)
    else:
        low, high = pictures.limits[0]
        cmap = "gray" if pictures.varies else "viridis"
        axes.imshow(image, cmap=cmap, vmin=low, vmax=high, interpolation="nearest", zorder=1)


def colours(number: int) -> ListedColormap:
    """Return so many colours that differ, the same ones for the same number."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    if number <= 10:
        return ListedColormap([colormaps["tab10"](i) for i in range(max(1, number))])
    if number <= 20:
        return ListedColormap([colormaps["tab20"](i) for i in range(number)])
    return ListedColormap([colormaps["turbo"](i / (number - 1)) for i in range(number)])


def _palette(pictures: Pictures) -> ListedColormap:
    from matplotlib.colors import ListedColormap, to_hex

    codes = pictures.classes or {}
    if codes.get(0) != NOTHING:
        return colours(len(codes))
    return ListedColormap(["#ffffff", *(to_hex(colours(len(codes) - 1)(i)) for i in range(len(codes) - 1))])


def _per_row(width: float) -> int:
    return max(1, int((width - 0.3) // (MAP + LEGEND + 0.2)))


def _maps(page: _Page, maps: Sequence[Pictures], width: float) -> None:
    per = _per_row(width)
    for i, pictures in enumerate(maps):
        row, column = divmod(i, per)
        left, top = 0.15 + column * (MAP + LEGEND + 0.2), row * (MAP + 0.75) + 0.45
        axes = page.axes(left, top, MAP, MAP)
        band = f", {pictures.bands}" if pictures.bands and pictures.bands.lower() != pictures.name.lower() else ""
        unit = textwrap.shorten(pictures.unit, _UNIT, placeholder=" …")
        axes.set_title(
            f"{textwrap.shorten(pictures.name + band, 46, placeholder=' …')}\n{unit}", fontsize=8.5, loc="left", pad=3
        )
        _image(axes, pictures, pictures.images[0])
        if pictures.style == "classes":
            _legend(axes, pictures)
        elif pictures.style == "grey":
            bar = page.axes(left + MAP + 0.08, top, 0.12, MAP)
            page.figure.colorbar(axes.images[0], cax=bar).ax.tick_params(labelsize=7)
    page.top += math.ceil(len(maps) / per) * (MAP + 0.75)


def _legend(axes: Axes, pictures: Pictures) -> None:
    from matplotlib.patches import Patch

    names = list((pictures.classes or {}).values())
    table = _palette(pictures)
    patches = [Patch(facecolor=table(i), label=textwrap.shorten(n, 20)) for i, n in enumerate(names)][:12]
    if len(names) > len(patches):
        patches.append(Patch(facecolor="white", label=f"and {len(names) - len(patches)} more"))
    axes.legend(
        handles=patches, loc="upper left", bbox_to_anchor=(1.01, 1.02), fontsize=6.5, frameon=False,
        handlelength=1, handleheight=1, labelspacing=0.25, borderaxespad=0.2,
    )  # fmt: skip


def _curve_lines(curves: Curves) -> int:
    return math.ceil(len(curves.bands) / 6)


def _curves(page: _Page, curves: Curves, months: Sequence[str], width: float) -> None:
    lines, each = _curve_lines(curves), (width - LABEL - 0.2) / 6
    page.text(0.15, 0.3, "\n".join([curves.name, *textwrap.wrap(curves.unit, 34)[:4]]), 8, linespacing=1.35)
    known = len(curves.values) == len(months)
    units = [part.strip() for part in curves.unit.split(",")]
    for i, band in enumerate(curves.bands):
        row, column = divmod(i, 6)
        axes = page.axes(LABEL + column * each + 0.35, row * (CURVE + 0.55) + 0.3, each - 0.45, CURVE)
        axes.plot(curves.values[:, i], "o-", color="#4477aa", markersize=3, lw=1.2)
        unit = f" ({units[i]})" if len(units) == len(curves.bands) else ""
        axes.set_title(f"{band}{unit}", fontsize=8, pad=3)
        axes.tick_params(labelsize=6.5, length=2)
        ticks = list(range(0, len(curves.values), max(1, math.ceil(len(curves.values) / 3))))
        axes.set_xticks(ticks, [months[t][:7] if known else str(t) for t in ticks])
        axes.set_xlim(-0.5, len(curves.values) - 0.5)
        axes.grid(color="#eeeeee", lw=0.6)
    page.top += lines * (CURVE + 0.55)
