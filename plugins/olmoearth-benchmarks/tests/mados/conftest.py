"""Scenes of MADOS as they are published, small in number."""

import numpy as np
import pytest
import rasterio

WAVES = {10: (492, 560, 665, 833), 20: (704, 783, 865, 1614, 2202), 60: (443,)}


def write_tif(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    facts = {"count": 1, "height": values.shape[0], "width": values.shape[1], "dtype": values.dtype.name}
    with rasterio.open(
        path, "w", driver="GTiff", crs="EPSG:32635", transform=rasterio.Affine(10, 0, 0, 0, -10, 0), **facts
    ) as out:
        out.write(values, 1)


def write_scene(root, scene, crop, label, value):
    """Write every band with `value` of its wavelength."""
    for meters, waves in WAVES.items():
        side = 2400 // meters
        for wave in waves:
            name = f"Scene_{scene}/{meters}/Scene_{scene}_L2R_rhorc_{wave}_{crop}.tif"
            write_tif(root / name, np.full((side, side), value(wave), dtype=np.float32))
    write_tif(root / f"Scene_{scene}/10/Scene_{scene}_L2R_cl_{crop}.tif", label)


@pytest.fixture
def published(tmp_path):
    """Two scenes: the first is split between training and test, the second is for validation."""
    root = tmp_path / "raw" / "MADOS"
    label = np.zeros((240, 240), dtype=np.float32)
    label[0, 0], label[100, 239], label[239, 100] = 1, 15, 7
    for scene, crop in ((0, 1), (0, 2), (3, 1)):
        write_scene(root, scene, crop, label, lambda wave: wave / 1e4)
    (root / "splits").mkdir()
    for split, lines in {"train": "Scene_0_1\n", "val": "Scene_3_1\n", "test": "Scene_0_2\n"}.items():
        (root / "splits" / f"{split}_X.txt").write_text(lines)
    return tmp_path / "raw"
