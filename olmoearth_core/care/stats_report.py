"""How statistics are printed beside those of the specification, and drawn."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path

from olmoearth_core.care.moments import Moments, is_coded
from olmoearth_core.care.statistics import Measured
from olmoearth_core.interfaces.modality import ModalitySpec

_HEAD = ("modality", "band", "values", "mean", "std", "min", "max", "spec mean", "spec std", "shift")


def lines(found: Measured, specs: Mapping[str, ModalitySpec]) -> Iterator[str]:
    """Yield a table. shift: how far the mean is from the specification's, in its deviations."""
    rows: list[tuple[str, ...]] = [_HEAD]
    for name, bands in sorted(found.bands.items()):
        spec = specs.get(name)
        rows += [(name, band, *_numbers(moments, spec, band)) for band, moments in bands.items()]
    kept = [i for i in range(len(_HEAD)) if any(row[i] for row in rows[1:])]
    widths = {i: max(len(row[i]) for row in rows) for i in kept}
    for row in rows:
        yield "  ".join(row[i].ljust(widths[i]) if i < 2 else row[i].rjust(widths[i]) for i in kept).rstrip()


def _numbers(moments: Moments, spec: ModalitySpec | None, band: str) -> tuple[str, ...]:
    known = spec.statistics.get(band) if spec is not None else None
    values = (moments.mean, moments.std, moments.minimum, moments.maximum) if moments.count else (None,) * 4
    theirs = (known.mean, known.std) if known is not None else (None, None)
    shift = ""
    if moments.count and theirs[0] is not None and theirs[1]:
        shift = f"{(moments.mean - theirs[0]) / theirs[1]:+.2f}"
    return (str(moments.count), *map(_short, values), *map(_short, theirs), shift)


def _short(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else f"{value:.6g}"


def draw(found: Measured, specs: Mapping[str, ModalitySpec], out: Path) -> None:
    """Draw one histogram per band: bars = measured, shaded = the specification's mean and two deviations."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    bands = [(n, band, m) for n, of in sorted(found.bands.items()) for band, m in of.items() if m.count]
    columns = min(4, max(1, len(bands)))
    rows = max(1, math.ceil(len(bands) / columns))
    figure = Figure(figsize=(3.6 * columns, 2.3 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid[len(bands) :]:
        axes.set_axis_off()
    for axes, (name, band, moments) in zip(grid, bands, strict=False):
        spec = specs.get(name)
        edges = moments.bins.edges
        axes.stairs(moments.histogram, edges, fill=True, color="#4477aa", zorder=2)
        known = spec.statistics.get(band) if spec is not None else None
        if known is not None and known.mean is not None and known.std and not (spec is not None and is_coded(spec)):
            axes.axvspan(known.mean - 2 * known.std, known.mean + 2 * known.std, color="#f6ead0", lw=0, zorder=1)
            axes.axvline(known.mean, color="#aa7700", lw=1, zorder=3)
        if moments.bins.scale == "asinh":
            axes.set_xscale("asinh")
        shown = [i for i, n in enumerate(moments.histogram) if n] or [0]
        pad = (edges[shown[-1] + 1] - edges[shown[0]]) * 0.05
        axes.set_xlim(edges[shown[0]] - pad, edges[shown[-1] + 1] + pad)
        axes.set_title(f"{name} {band}" if name != band else name, fontsize=9)
        outside = moments.below + moments.above
        axes.set_xlabel(f"{outside / moments.count:.1%} outside" if outside else "", fontsize=7)
        axes.tick_params(labelsize=7)
        axes.set_yticks([])
    figure.suptitle("bars: this data set; shaded: the specification's mean and two deviations", fontsize=9)
    figure.savefig(out, dpi=100)
