"""Flood chips as they are published, small in number and size."""

import numpy as np
import pytest
import rasterio

LISTS = {"train": ("Ghana_1", "Spain_22"), "valid": ("India_3",), "test": ("USA_4",), "bolivia": ("Bolivia_5",)}


def write_tif(path, values_CHW, **facts):
    path.parent.mkdir(parents=True, exist_ok=True)
    count, height, width = values_CHW.shape
    shape = {"count": count, "height": height, "width": width, "dtype": values_CHW.dtype.name}
    grid = {"crs": "EPSG:4326", "transform": rasterio.Affine(1e-4, 0, 0, 0, -1e-4, 0)}
    with rasterio.open(path, "w", driver="GTiff", **shape, **grid, **facts) as out:
        out.write(values_CHW)


def write_chip(root, chip, *, side=128, folders=("LabelHand", "s1", "s2")):
    """Water in the first and the last tile, nothing known in the second, dry land elsewhere."""
    label = np.zeros((1, side, side), dtype=np.int16)
    label[0, 5, 6] = label[0, side - 1, side - 1] = 1
    label[0, :64, 64:128] = -1
    s1 = np.arange(2 * side * side, dtype=np.float32).reshape(2, side, side) / (side * side) - 20
    s2 = np.arange(1, 14, dtype=np.int16)[:, None, None] * np.ones((1, side, side), dtype=np.int16)
    for folder, end, values in zip(folders, ("LabelHand", "S1Hand", "S2Hand"), (label, s1, s2), strict=True):
        write_tif(root / folder / f"{chip}_{end}.tif", values)


@pytest.fixture
def published(tmp_path):
    """Five chips in folders, and the lists of the splits."""
    root = tmp_path / "raw"
    for split, chips in LISTS.items():
        for chip in chips:
            write_chip(root, chip)
        lines = "".join(f"{chip}_S1Hand.tif,{chip}_LabelHand.tif\n" for chip in chips)
        (root / f"flood_{split}_data.csv").write_text(lines)
    return root
