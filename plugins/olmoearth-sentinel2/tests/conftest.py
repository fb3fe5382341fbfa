"""Synthetic products, small enough that every value can be computed by hand, and where the samples are."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

from olmoearth_core import modalities

METERS = {
    "B01": 60, "B02": 10, "B03": 10, "B04": 10, "B05": 20, "B06": 20, "B07": 20, "B08": 10, "B8A": 20, "B09": 60,
    "B10": 60, "B11": 20, "B12": 20,
}  # fmt: skip
SIDE = 120
"""Metres of the synthetic ground, which lies at 500000 E 5600000 N in UTM zone 31."""


def write_raster(path, values, meters, *, crs="EPSG:32631", driver=None, names=(), tags=None, **options):
    """Write [h, w] or [n, h, w] with lossless JPEG 2000 for names that end in .jp2."""
    values = np.asarray(values)
    values = values[None] if values.ndim == 2 else values
    if driver is None:
        driver = "JP2OpenJPEG" if str(path).endswith(".jp2") else "GTiff"
    if driver == "JP2OpenJPEG":
        options = {"REVERSIBLE": "YES", "QUALITY": "100", **options}
    count, height, width = values.shape
    profile = {"driver": driver, "count": count, "height": height, "width": width, "dtype": values.dtype, "crs": crs}
    path.parent.mkdir(parents=True, exist_ok=True)
    place = Affine(meters, 0, 500000, 0, -meters, 5600000)
    with rasterio.open(path, "w", transform=place, **profile, **options) as out:
        out.write(values)
        for number, name in enumerate(names, 1):
            out.set_band_description(number, name)
        out.update_tags(**(tags or {}))


def band_values(band, meters):
    """DN of a band: 2000 + 100 x its place in the list + row, and four corners that matter in the top row."""
    side = SIDE // meters
    values = np.full((side, side), 2000 + 100 * list(METERS).index(band), np.uint16)
    values += np.arange(side, dtype=np.uint16)[:, None]
    if band == "B02":
        values[0, :6] = [0, 1, 999, 1000, 1001, 1500]
    return values


def xml(level, images, offsets, *, baseline="05.09", scale="10000", start="2022-06-01T10:46:29.024Z", cloud="12.5"):
    """The parts of MTD_MSIL2A.xml and MTD_MSIL1C.xml that readers go by, in the order of the format."""
    tag, scale_tag = {"2A": ("BOA", "BOA_QUANTIFICATION_VALUE"), "1C": ("RADIO", "QUANTIFICATION_VALUE")}[level]
    listed = "".join(f"<IMAGE_FILE>{name}</IMAGE_FILE>" for name in images)
    added = "".join(f'<{tag}_ADD_OFFSET band_id="{i}">{v}</{tag}_ADD_OFFSET>' for i, v in enumerate(offsets))
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><n1:Level-{level}_User_Product xmlns:n1="https://psd-14.sentinel2">'
        f"<n1:General_Info><Product_Info><PRODUCT_START_TIME>{start}</PRODUCT_START_TIME>"
        f"<PROCESSING_BASELINE>{baseline}</PROCESSING_BASELINE><Granule_List><Granule>{listed}</Granule></Granule_List>"
        f'</Product_Info><Product_Image_Characteristics><{scale_tag} unit="none">{scale}</{scale_tag}>'
        f"<OFFSETS>{added}</OFFSETS></Product_Image_Characteristics></n1:General_Info><n1:Quality_Indicators_Info>"
        f"<Cloud_Coverage_Assessment>{cloud}</Cloud_Coverage_Assessment></n1:Quality_Indicators_Info>"
        f"</n1:Level-{level}_User_Product>"
    )


def make_safe(folder, level="2A", baseline="05.09", offsets=(-1000,) * 13, bands=tuple(METERS), suffix="", **facts):
    """Write a product. suffix: of names in the image list (none in true products)."""
    name = f"S2A_MSIL{level}_20220601T104629_N{baseline.replace('.', '')}_R051_T31UFS_20220601T170000.SAFE"
    granule = f"GRANULE/L{level}_T31UFS_A036259_20220601T104817"
    root, images = folder / name, []
    for band in (b for b in bands if not (level == "2A" and b == "B10")):
        meters = METERS[band]
        part = f"R{meters}m/T31UFS_20220601T104629_{band}_{meters}m" if level == "2A" else f"T31UFS_x_{band}"
        images.append(f"{granule}/IMG_DATA/{part}")
        write_raster(root / f"{images[-1]}.jp2", band_values(band, meters), meters)
    if level == "2A":
        # A coarser copy of B02, whose pixels must not be taken, and the true-colour image.
        images += [f"{granule}/IMG_DATA/R20m/T31UFS_20220601T104629_{b}_20m" for b in ("B02", "SCL", "TCI")]
        write_raster(root / f"{images[-3]}.jp2", np.full((6, 6), 9999, np.uint16), 20)
        classes = np.full((6, 6), 4, np.uint8)
        classes.flat[:12] = range(12)
        write_raster(root / f"{images[-2]}.jp2", classes, 20)
    elif float(baseline) >= 4:
        flags = np.zeros((3, 2, 2), np.uint8)
        flags[0, 0, 0] = flags[1, 0, 1] = flags[2, 1, 0] = 1
        write_raster(root / granule / "QI_DATA/MSK_CLASSI_B00.jp2", flags, 60)
    listed = [f"{image}{suffix}" for image in images]
    (root / f"MTD_MSIL{level}.xml").write_text(xml(level, listed, offsets, baseline=baseline, **facts), "utf-8")
    return root


@pytest.fixture(scope="session")
def raster():
    return write_raster


@pytest.fixture(scope="session")
def dn():
    return band_values


@pytest.fixture(scope="session")
def metadata_xml():
    return xml


@pytest.fixture(scope="session")
def new_safe():
    return make_safe


@pytest.fixture(scope="session")
def _products(tmp_path_factory):
    folder = tmp_path_factory.mktemp("products")
    return {
        "2A": make_safe(folder / "l2a"),
        "1C": make_safe(folder / "l1c", "1C"),
        "2A old": make_safe(folder / "old", "2A", baseline="02.09", offsets=()),
        "1C old": make_safe(folder / "old", "1C", baseline="02.09", offsets=()),
    }


@pytest.fixture
def product(_products, tmp_path):
    """Takes a kind of product and returns a copy of one, to be damaged at will."""

    def copied(kind):
        return Path(shutil.copytree(_products[kind], tmp_path / _products[kind].name))

    return copied


@pytest.fixture(scope="session")
def l2a():
    return modalities(["sentinel2_l2a"])[0]


@pytest.fixture(scope="session")
def l1c():
    return modalities(["sentinel2"])[0]


@pytest.fixture(scope="session")
def samples():
    folder = Path(
        os.environ.get("OLMOEARTH_SAMPLES", Path(__file__).parents[4] / "shared" / "samples") or "/nowhere"
    )  # fmt: skip
    if not folder.is_dir():
        pytest.skip(f"the sample tiles are not at {folder} (set OLMOEARTH_SAMPLES)")
    return folder
