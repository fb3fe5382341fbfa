"""A picture of one tile: four months of colour, radar, elevation, land cover and the map. Needs matplotlib.

`python -m olmoearth_simulate.picture TILES OUT.png [NUMBER]`
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from olmoearth_core.convert.rasters import load
from olmoearth_core.convert.samples import plan
from olmoearth_core.convert.tiles import read_table
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.lookup import modalities

NAMES = ("sentinel2_l2a", "sentinel1", "landsat", "srtm", "worldcover", "openstreetmap_raster")
COLOURS = {
    0: "#ffffff", 10: "#006400", 20: "#ffbb22", 30: "#ffff4c", 40: "#f096ff", 50: "#fa0000", 60: "#b4b4b4",
    70: "#f0f0f0", 80: "#0064c8", 90: "#0096a0", 95: "#00cf75", 100: "#fae6a0",
}  # fmt: skip
"""Legend of ESA WorldCover."""


def picture(tiles: str | Path, out: str | Path, *, number: int = 0) -> Path:
    """Draw tile `number` of a store into a PNG file and return its path."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    specs = {spec.name: spec for spec in modalities(NAMES)}
    sample = plan({n: read_table(tiles, s) for n, s in specs.items()}, tuple(specs.values()))[number]
    arrays = {n: load(tiles, specs[n], tile, sample.cell) for n, tile in sample.tiles.items()}
    figure, axes = plt.subplots(2, 5, figsize=(15, 6.4), layout="constrained")
    for axis in axes.flat:
        axis.set_axis_off()
    _colour(axes[0, :4], arrays["sentinel2_l2a"], specs["sentinel2_l2a"], sample.tiles["sentinel2_l2a"].timestamps)
    _maps(axes, arrays)
    figure.savefig(out, dpi=90)
    plt.close(figure)
    return Path(out)


def _colour(axes: Any, array: np.ndarray, spec: ModalitySpec, dates: np.ndarray) -> None:
    bands = [spec.band_order.index(band) for band in ("B04", "B03", "B02")]
    for axis, step in zip(axes, np.linspace(0, len(dates) - 1, len(axes)).astype(int), strict=True):
        axis.imshow(np.clip(array[:, :, step, bands] / 2200, 0, 1) ** 0.7)
        day, month, year = dates[step]
        axis.set_title(f"optical, from {year}-{month + 1:02}-{day:02}")


def _maps(axes: Any, arrays: dict[str, np.ndarray]) -> None:
    if "landsat" in arrays:
        axes[0, 4].imshow(arrays["landsat"][:, :, 0, 5], cmap="gray")
        axes[0, 4].set_title("near infrared, 20 m")
    if "sentinel1" in arrays:
        radar = 10 * np.log10(np.maximum(arrays["sentinel1"], 1e-4))
        for place, band in ((0, "VV"), (1, "VH")):
            axes[1, place].imshow(radar[:, :, 0, place], cmap="gray", vmin=(-20, -27)[place], vmax=(0, -7)[place])
            axes[1, place].set_title(f"radar {band}, dB")
    axes[1, 2].imshow(arrays["srtm"][:, :, 0, 0], cmap="terrain")
    axes[1, 2].set_title("elevation")
    lut = np.array([[int(COLOURS.get(c, "#000000")[i : i + 2], 16) for i in (1, 3, 5)] for c in range(101)])
    axes[1, 3].imshow(lut[arrays["worldcover"][:, :, 0, 0]].astype(np.uint8))
    axes[1, 3].set_title("land cover")
    drawn = arrays["openstreetmap_raster"][:, :, 0]
    axes[1, 4].imshow(np.where(drawn.any(-1), drawn.argmax(-1) + 5, 0), cmap="tab20", interpolation="nearest")
    axes[1, 4].set_title("map features")


if __name__ == "__main__":
    picture(sys.argv[1], sys.argv[2], number=int(sys.argv[3]) if len(sys.argv) > 3 else 0)
