"""Synthetic bundles, small enough that every value can be computed by hand, and where the samples are."""

import json
import os
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

from olmoearth_core import modalities

L1_ID = "LC08_L1TP_017033_20140502_20200911_02_T1"
L2_ID = "LC08_L2SP_017033_20140502_20200911_02_T1"
ROWS, COLS = 4, 6
"""Pixels of 30 m, whose corner is at 500010 E 4200000 N in UTM zone 17; B8 has 2n - 1 of 15 m, 7.5 m further in."""
CLEAR, WATER, CLOUD, SHADOW, SNOW, CIRRUS, DILATED = 21824, 21952, 22280, 23888, 30048, 54596, 21826
QUALITY = [1, CLEAR, WATER, CLOUD, SHADOW, SNOW, CIRRUS, DILATED]
"""The first pixels of QA_PIXEL in the order of rows, as the product guide lists values; all others are clear."""


def write_raster(path, values, corner=(500010, 4200000), meters=30, *, crs="EPSG:32617", names=(), tags=None, **more):
    """Write [h, w] or [n, h, w] as GeoTIFF."""
    values = np.asarray(values)
    values = values[None] if values.ndim == 2 else values
    count, height, width = values.shape
    profile = {"driver": "GTiff", "count": count, "height": height, "width": width, "dtype": values.dtype, "crs": crs}
    path.parent.mkdir(parents=True, exist_ok=True)
    # GDAL, when it writes over an image of Landsat, removes the metadata beside it too.
    path.unlink(missing_ok=True)
    place = Affine(meters, 0, corner[0], 0, -meters, corner[1])
    with rasterio.open(path, "w", transform=place, **profile, **more) as out:
        out.write(values)
        for number, name in enumerate(names, 1):
            out.set_band_description(number, name)
        out.update_tags(**(tags or {}))


def dn(band):
    """10000 + 1000 x number of the band + 10 x row + column, and fill in the upper left corner."""
    rows, cols = (ROWS, COLS) if band != "B8" else (2 * ROWS - 1, 2 * COLS - 1)
    values = 10000 + 1000 * int(band[1:]) + 10 * np.arange(rows)[:, None] + np.arange(cols)
    values[0, 0] = 0
    return values.astype(np.uint16)


def quality():
    values = np.full(ROWS * COLS, CLEAR, np.uint16)
    values[: len(QUALITY)] = QUALITY
    return values.reshape(ROWS, COLS)


def mtl_of(product):
    """Groups of a metadata file in the structure of Collection 2."""
    level2 = "_L2" in product
    bands = [f"B{n}" for n in ([*range(1, 8), 10] if level2 else range(1, 12))]
    contents = {
        "ORIGIN": "Image courtesy of the U.S. Geological Survey", "LANDSAT_PRODUCT_ID": product,
        "PROCESSING_LEVEL": product.split("_")[1], "COLLECTION_NUMBER": "02", "OUTPUT_FORMAT": "GEOTIFF",
    }  # fmt: skip
    for band in bands:
        heat = level2 and band == "B10"
        key = f"FILE_NAME_BAND_{'ST_B10' if heat else band[1:]}"
        contents[key] = f"{product}_{'ST_' if heat else 'SR_' if level2 else ''}{band}.TIF"
    contents["FILE_NAME_QUALITY_L1_PIXEL"] = f"{product}_QA_PIXEL.TIF"
    image = {
        "SPACECRAFT_ID": "LANDSAT_8", "SENSOR_ID": "OLI_TIRS", "DATE_ACQUIRED": "2014-05-02",
        "SCENE_CENTER_TIME": "15:51:41.6467280Z", "CLOUD_COVER": "12.50",
    }  # fmt: skip
    groups = {"PRODUCT_CONTENTS": contents, "IMAGE_ATTRIBUTES": image}
    if level2:
        reflectance = {}
        for n in range(1, 8):
            reflectance |= {f"REFLECTANCE_MULT_BAND_{n}": "2.75e-05", f"REFLECTANCE_ADD_BAND_{n}": "-0.2"}
        groups["LEVEL2_SURFACE_REFLECTANCE_PARAMETERS"] = reflectance
        heat = {"TEMPERATURE_MULT_BAND_ST_B10": "0.00341802", "TEMPERATURE_ADD_BAND_ST_B10": "149.0"}
        groups["LEVEL2_SURFACE_TEMPERATURE_PARAMETERS"] = heat
        # Level-2 repeats what its Level-1 said; the first of that name must not be mixed up with it.
        groups["LEVEL1_PROCESSING_RECORD"] = {
            "LANDSAT_PRODUCT_ID": product.replace("L2SP", "L1TP"), "PROCESSING_LEVEL": "L1TP"
        }  # fmt: skip
    return groups


def as_text(groups, suffix):
    root = "LANDSAT_METADATA_FILE"
    if suffix == "json":
        return json.dumps({root: groups})
    if suffix == "xml":
        body = "".join(
            f"<{g}>{''.join(f'<{k}>{v}</{k}>' for k, v in d.items())}</{g}>" for g, d in groups.items()
        )  # fmt: skip
        return f'<?xml version="1.0" encoding="UTF-8"?><{root}>{body}</{root}>'
    plain = ("COLLECTION_NUMBER", "DATE_ACQUIRED", "CLOUD_COVER")
    lines = [f"GROUP = {root}"]
    for group, pairs in groups.items():
        lines.append(f"  GROUP = {group}")
        for key, value in pairs.items():
            bare = key in plain or "_MULT_" in key or "_ADD_" in key
            lines.append(f"    {key} = {value}" if bare else f'    {key} = "{value}"')
        lines.append(f"  END_GROUP = {group}")
    return "\n".join([*lines, f"END_GROUP = {root}", "END", ""])


def make_bundle(folder, product=L1_ID, suffix="txt"):
    """Write a bundle into a folder of its own."""
    root, groups = folder / product, mtl_of(product)
    for key, name in groups["PRODUCT_CONTENTS"].items():
        if key.startswith("FILE_NAME_BAND"):
            band = name.rpartition("_")[2].removesuffix(".TIF")
            corner, meters = ((500017.5, 4199992.5), 15) if band == "B8" else ((500010, 4200000), 30)
            write_raster(root / name, dn(band), corner, meters, nodata=0)
    write_raster(root / f"{product}_QA_PIXEL.TIF", quality(), nodata=1)
    (root / f"{product}_MTL.{suffix}").write_text(as_text(groups, suffix), "utf-8")
    return root


def make_tar(folder, path=None, prefix=""):
    path = path or folder.with_suffix(".tar")
    with tarfile.open(path, "w") as archive:
        for file in sorted(folder.iterdir()):
            archive.add(file, f"{prefix}{file.name}")
    return path


@pytest.fixture(scope="session")
def raster():
    return write_raster


@pytest.fixture(scope="session")
def numbers():
    return dn


@pytest.fixture(scope="session")
def new_bundle():
    return make_bundle


@pytest.fixture(scope="session")
def tarred():
    return make_tar


@pytest.fixture(scope="session")
def metadata_text():
    return lambda product, suffix: as_text(mtl_of(product), suffix)


@pytest.fixture(scope="session")
def _bundles(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles")
    return {level: make_bundle(folder, product) for level, product in (("l1", L1_ID), ("l2", L2_ID))}


@pytest.fixture
def bundle(_bundles, tmp_path):
    """Takes a level and returns a copy of a bundle, to be damaged at will."""

    def copied(level):
        return Path(shutil.copytree(_bundles[level], tmp_path / _bundles[level].name))

    return copied


@pytest.fixture(scope="session")
def l1():
    return modalities(["landsat"])[0]


@pytest.fixture(scope="session")
def l2():
    return modalities(["landsat_l2"])[0]


@pytest.fixture(scope="session")
def samples():
    folder = Path(
        os.environ.get("OLMOEARTH_SAMPLES", Path(__file__).parents[4] / "shared" / "samples") or "/nowhere"
    )  # fmt: skip
    if not folder.is_dir():
        pytest.skip(f"the sample tiles are not at {folder} (set OLMOEARTH_SAMPLES)")
    return folder
