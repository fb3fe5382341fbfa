"""Data sets of rslearn, made up: windows of 8 pixels whose values tell where they come from."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio
from affine import Affine

TEN, SIXTY = ("B02", "B03", "B04", "B08"), ("B01", "B09")
LAYERS = {
    "sentinel2_l2a": {"type": "raster", "band_sets": [
        {"dtype": "uint16", "bands": list(TEN)}, {"dtype": "uint16", "bands": list(SIXTY), "zoom_offset": -1}]},
    "sentinel1_ascending": {"type": "raster", "band_sets": [{"dtype": "float32", "bands": ["vv", "vh"]}]},
    "label": {"type": "vector"},
    "label_raster": {"type": "raster", "band_sets": [{"dtype": "uint8", "bands": ["class"]}]},
    "height": {"type": "raster", "band_sets": [{"dtype": "float32", "bands": ["m"]}]},
}  # fmt: skip


def image(path, values_CHW, nodata=None):
    path.parent.mkdir(parents=True)
    count, height, width = values_CHW.shape
    size = {"count": count, "height": height, "width": width, "dtype": values_CHW.dtype, "nodata": nodata}
    place = {"crs": "EPSG:32633", "transform": Affine(10, 0, 0, 0, -10, 0)}
    with rasterio.open(path, "w", driver="GTiff", **size, **place) as out:
        out.write(values_CHW)


def item(day):
    geometry = {"projection": {"crs": "EPSG:4326"}, "shp": "POINT (0 0)"}
    return {"name": day, "geometry": {**geometry, "time_range": [f"{day}T10:00:00+00:00"] * 2}}


def window(root, number, split, *, days=("2021-05-03", "2021-06-05", "2021-07-09"), options=None, group="default"):
    """Write a window; pixels of band c at step t hold 1000 t + 100 c + its number, radar 10^-step."""
    folder = root / "windows" / group / f"w{number:02d}"
    folder.mkdir(parents=True)
    projection = {"crs": "EPSG:32633", "x_resolution": 10, "y_resolution": -10}
    span = ["2021-01-01T00:00:00+00:00", "2021-04-01T00:00:00+00:00"]
    facts = {"projection": projection, "bounds": [50000, -500000, 50008, -499992], "time_range": span}
    tags = {"eval_split": split} if options is None else options
    (folder / "metadata.json").write_text(json.dumps({**facts, "options": tags}))
    items = [{"layer_name": "sentinel2_l2a", "serialized_item_groups": [[item(day), item(day)] for day in days]}]
    (folder / "items.json").write_text(json.dumps(items if days else []))
    layers = folder / "layers"
    for step in range(3):
        tail = f".{step}" if step else ""
        for bands, side in ((TEN, 8), (SIXTY, 4)):
            at = 1000 * step + 100 * np.arange(len(bands))[:, None, None] + number + 1
            values = np.broadcast_to(at, (len(bands), side, side)).astype(np.uint16).copy()
            values[:, 0, 0] = 0
            image(layers / f"sentinel2_l2a{tail}" / "_".join(bands) / "geotiff.tif", values)
        power = np.full((2, 8, 8), 10.0**-step, np.float32)
        image(layers / f"sentinel1_ascending{tail}" / "vv_vh" / "geotiff.tif", power)
    label = np.full((1, 8, 8), number % 2, np.uint8)
    label[0, 0, :2] = 255
    image(layers / "label_raster" / "class" / "geotiff.tif", label, nodata=255)
    image(layers / "height" / "m" / "geotiff.tif", np.where(label == 255, np.nan, 2.5).astype(np.float32))
    (layers / "label").mkdir()
    feature = {"type": "Feature", "properties": {"label": "ab"[number % 2], "size": number / 2}, "geometry": None}
    (layers / "label" / "data.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))


def write(root, splits=("train", "train", "train", "val", "val", "test"), **options):
    root.mkdir(exist_ok=True)
    (root / "config.json").write_text(json.dumps({"layers": LAYERS}))
    for number, split in enumerate(splits):
        window(root, number, split, **options)
    return str(root)


@pytest.fixture
def made():
    return write
