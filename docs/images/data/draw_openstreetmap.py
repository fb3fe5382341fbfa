"""Draw openstreetmap.png from an extract of Helsinki: `python docs/images/data/draw_openstreetmap.py EXTRACT`.

A produced work of OpenStreetMap data (ODbL-1.0, © OpenStreetMap contributors), which the picture says.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from olmoearth_core.ingest.place import cell_at, project

if TYPE_CHECKING:
    from olmoearth_openstreetmap.feature import Feature

HERE = Path(__file__).parent
PLACE = (24.9475, 60.1699)
"""West of Senate Square in Helsinki."""
SIDE = 240
"""Pixels of 2.5 m along a side: 600 m."""
COLOURS = {
    "leisure": "#b7dca4", "building": "#b98a6a", "highway": "#6b6b73", "parking": "#8fb3d9", "fountain": "#0a6fd6",
    "flagpole": "#d6241f",
}  # fmt: skip
"""Category -> colour, in the order of drawing."""


def draw(path: str) -> None:
    """Draw features, both rasters, and what a sample sees of them."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.patches import Patch
    from olmoearth_openstreetmap.draw import rasterise
    from olmoearth_openstreetmap.pbf import read_features
    from olmoearth_openstreetmap.projected import projected

    cell = cell_at(*PLACE)
    features = projected(read_features(path).features, cell.crs).of(cell)
    (x,), (y,) = project(cell.crs, np.array([PLACE[0]]), np.array([PLACE[1]]))
    col, row = (int(d / 2.5) // 4 * 4 - SIDE // 2 for d in (x - cell.top_left[0], cell.top_left[1] - y))
    figure, axes = pyplot.subplots(2, 3, figsize=(12, 8.8), layout="constrained")
    left, top = cell.top_left[0] + col * 2.5, cell.top_left[1] - row * 2.5
    _vectors(axes[0, 0], features, (left, left + SIDE * 2.5), (top - SIDE * 2.5, top))
    for column, rules in ((1, "reference"), (2, "default")):
        part = rasterise(features, cell, rules=rules)[:, row : row + SIDE, col : col + SIDE]
        for line, (step, title) in enumerate(
            ((1, 'rules "{}", stored at 2.5 m'), (4, 'rules "{}", as a sample sees it'))
        ):
            axes[line, column].imshow(_image(part[:, ::step, ::step]), interpolation="nearest")
            axes[line, column].set_title(title.format(rules), fontsize=11)
            axes[line, column].set_axis_off()
    axes[1, 0].set_axis_off()
    handles = [Patch(color=colour, label=name) for name, colour in COLOURS.items()]
    axes[1, 0].legend(handles=handles, loc="center", fontsize=12, frameon=False, title="6 of the 30 channels")
    axes[1, 0].set_title("Helsinki, 600 x 600 m", fontsize=11)
    axes[1, 0].text(0.5, 0.04, "© OpenStreetMap contributors (ODbL)", ha="center", transform=axes[1, 0].transAxes)
    figure.savefig(HERE / "openstreetmap.png", dpi=75)


def _vectors(axes: Any, features: list[Feature], across: tuple[float, float], down: tuple[float, float]) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path as Outline
    from shapely import get_parts

    for category, colour in COLOURS.items():
        for part in (p for f in features if f.category == category for p in get_parts(f.shape)):
            if part.geom_type == "Polygon":
                rings = [part.exterior, *part.interiors]
                outline = Outline.make_compound_path(*(Outline(np.array(r.coords), closed=True) for r in rings))
                axes.add_patch(PathPatch(outline, facecolor=colour, edgecolor="none"))
            elif part.geom_type == "LineString":
                axes.plot(*part.xy, color=colour, linewidth=0.8)
            else:
                axes.plot(*part.xy, ".", color=colour, markersize=5)
    axes.set(xlim=across, ylim=down, aspect="equal", xticks=[], yticks=[])
    axes.set_title("features", fontsize=11)


def _image(channels: np.ndarray) -> np.ndarray:
    from matplotlib.colors import to_rgb
    from olmoearth_openstreetmap.categories import CATEGORIES

    picture = np.ones((*channels.shape[1:], 3))
    for category, colour in COLOURS.items():
        picture[channels[CATEGORIES.index(category)] == 1] = to_rgb(colour)
    return picture


if __name__ == "__main__":
    draw(sys.argv[1])
