"""Cities as they are published: three, of a few tiles each."""

import numpy as np
import pytest
import rasterio

RED, GREEN, BLUE = (200, 30, 30), (30, 200, 30), (30, 30, 200)


def write(path, values_CHW, driver="GTiff"):
    path.parent.mkdir(parents=True, exist_ok=True)
    count, height, width = values_CHW.shape
    shape = {"count": count, "height": height, "width": width, "dtype": values_CHW.dtype.name}
    with rasterio.open(path, "w", driver=driver, crs="EPSG:32633" if driver == "GTiff" else None,
                       transform=rasterio.Affine(10, 0, 0, 0, -10, 0), **shape) as out:  # fmt: skip
        out.write(values_CHW)


def write_city(root, city):
    """Two rows of three tiles and an edge; the second tile shows nothing, the third has gaps in its radar."""
    height, width = 140, 200
    s2 = np.arange(1, 13, dtype=np.uint16)[:, None, None] * np.ones((1, height, width), dtype=np.uint16)
    s2[:, :64, 64:128] = 0
    s2[:, 0, 0] = 0
    s1 = np.full((2, height, width), 0.1, dtype=np.float32)
    s1[1] = 0.01
    s1[0, 3, 130], s1[1, 4, 131], s1[0, 5, 132] = np.nan, -1, 0
    label = np.zeros((4, height, width), dtype=np.uint8)
    label[3] = 255
    label[:3, :, :100] = np.array(RED)[:, None, None]
    label[:3, 70:, :] = np.array(GREEN)[:, None, None]
    label[:3, :, 150:] = np.array(BLUE)[:, None, None]
    label[:3, 2, 2], label[:3, 2, 3], label[:3, 2, 4] = (190, 40, 35), (255, 255, 255), (250, 250, 240)
    write(root / city / "S1.tif", s1)
    write(root / city / "S2.tif", s2)
    write(root / city / "label.png", label, "PNG")


@pytest.fixture
def published(tmp_path):
    """Three cities, and one without a label. White is a palette colour because one corner is white."""
    root = tmp_path / "raw"
    for city in ("Athens", "Cairo", "Lima"):
        write_city(root, city)
    with rasterio.open(root / "Lima" / "label.png") as file:
        label = file.read()
    label[:3, 130:, :20] = 255
    write(root / "Lima" / "label.png", label, "PNG")
    write_city(root, "Quito")
    (root / "Quito" / "label.png").unlink()
    return root
