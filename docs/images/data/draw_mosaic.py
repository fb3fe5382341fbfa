"""Draw mosaic.png of docs/data.md: `.venv/bin/python docs/images/data/draw_mosaic.py`. The landscape is made up."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import numpy as np
import rioxarray  # noqa: F401  registers the accessor `.rio`
import xarray
from matplotlib import pyplot

from olmoearth_core.convert.grid import Cell
from olmoearth_core.ingest.candidate import Candidate
from olmoearth_core.ingest.mosaic import mosaic
from olmoearth_core.interfaces.modality import BandSet, ModalitySpec

HERE = Path(__file__).parent
CELL = Cell("EPSG:32631", 16, 195, -2187)
SPEC = ModalitySpec("images", (BandSet(("red", "green", "blue"), 16),), 16, True, dtype="uint16", nodata=0.0)
TIME = datetime(2021, 6, 1, tzinfo=UTC)


def smooth(seed: int, size: float) -> np.ndarray:
    """Return a random field [256, 256], 0 to 1, with features of about `size` pixels."""
    noise = np.fft.rfft2(np.random.default_rng(seed).standard_normal((256, 256)))
    rows, cols = np.fft.fftfreq(256)[:, None], np.fft.rfftfreq(256)[None]
    field = np.fft.irfft2(noise * np.exp(-((rows**2 + cols**2) * (size * 3) ** 2)))
    ranks = field.ravel().argsort().argsort().reshape(field.shape)
    shares: np.ndarray = ranks / ranks.size
    return shares


def scene(seed: int, cover: float, orbit: slice) -> Candidate:
    """Return an image whose share `cover` is cloud and which sees only the columns `orbit`."""
    land = np.stack([0.25 + 0.3 * smooth(1, 9), 0.3 + 0.25 * smooth(2, 14), 0.15 + 0.2 * smooth(3, 6)])
    cloud = smooth(10 + seed, 12) < cover
    pixels = np.where(cloud, 0.9 + 0.1 * smooth(20 + seed, 3), land * (0.9 + 0.1 * seed))
    values = np.full((1, 3, 256, 256), np.nan, np.float32)
    values[0, :, :, orbit] = pixels[..., orbit] * 10000
    x, y = CELL.transform(16) @ (np.arange(256) + 0.5, np.arange(256) + 0.5)
    coords = {"time": [np.datetime64("2021-06-01", "ns")], "band": list(SPEC.band_order), "y": y, "x": x}
    array = xarray.DataArray(values, dims=("time", "band", "y", "x"), coords=coords).rio.write_crs(CELL.crs)
    clear = array.isel(band=0, drop=True).copy(data=~cloud[None])
    lat, lon = CELL.latlon()
    bounds = (lon - 0.05, lat - 0.05, lon + 0.05, lat + 0.05)
    return Candidate(
        f"scene {seed}", TIME, TIME, bounds, lambda bands: array.sel(band=list(bands)), lambda: clear, 100 * cover
    )


def draw(path: Path) -> None:
    """Draw three scenes and the two mosaics that can be made of them."""
    scenes = [scene(0, 0.25, slice(0, 190)), scene(1, 0.4, slice(0, 256)), scene(2, 0.6, slice(0, 256))]
    panels = [(f"{s.cloud_cover:.0f} % cloud", s.open(SPEC.band_order).values[0]) for s in scenes]
    for title, rule in (("gaps alone (--no-clear-sky)", False), ("clear sky first (default)", True)):
        panels.append((title, mosaic(scenes, SPEC, CELL, clear_sky=rule).parts[0]))
    figure, axes = pyplot.subplots(1, 5, figsize=(12, 2.8), layout="constrained")
    for axis, (title, values) in zip(axes, panels, strict=True):
        seen = np.isfinite(values).all(axis=0)
        picture = np.where(seen, np.nan_to_num(values) / 10000, 0.8).transpose(1, 2, 0)
        axis.imshow(picture.clip(0, 1))
        axis.set_title(title, fontsize=10)
        axis.set_xticks([])
        axis.set_yticks([])
    figure.savefig(path, dpi=90)


if __name__ == "__main__":
    draw(HERE / "mosaic.png")
