"""Synthetic products, small enough that every value can be computed by hand, and where the samples are.

The image of a product has 21 lines of 31 pixels of 10 m. Its annotation, calibration and noise have the structure of
the Sentinel-1 Product Specification (S1-RS-MDA-52-7441).
"""

import os
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.control import GroundControlPoint
from rasterio.errors import NotGeoreferencedWarning
from rasterio.transform import Affine
from rasterio.warp import transform as to_crs

from olmoearth_core import modalities

LINES, PIXELS = 21, 31
NORTH_UP = Affine(10, 0, 500000, 0, -10, 5600000)
NAME = "S1A_IW_GRDH_1SDV_20210614T054053_20210614T054118_038331_0485F3_C8B5.SAFE"
_FILE = "s1a-iw-grd-{}-20210614t054053-20210614t054118-038331-0485f3-{:03}"
HEADER = (
    "<adsHeader><missionId>S1A</missionId><productType>{type}</productType><polarisation>{polarisation}</polarisation>"
    "<mode>{mode}</mode><swath>IW</swath><startTime>2021-06-14T05:40:53.373000</startTime>"
    "<stopTime>2021-06-14T05:41:18.372000</stopTime><absoluteOrbitNumber>38331</absoluteOrbitNumber></adsHeader>"
)
# Rises by 10 a pixel along range and is twice as large at the last line; gamma is a tenth.
AMPLITUDE = {0: {0: 100.0, 10: 200.0, 30: 400.0}, 20: {0: 200.0, 10: 400.0, 30: 800.0}}


def digital_numbers(channel):
    """DN of an image: 1000 + 10 x line + pixel (VV), half of it (VH), and nothing in the corner."""
    values = 1000 + 10 * np.arange(LINES)[:, None] + np.arange(PIXELS)[None, :]
    values = values // (2 if channel == "vh" else 1)
    values[:2, :3] = 0
    return values.astype(np.uint16)


def tie_points(place=NORTH_UP, crs="EPSG:32631"):
    """Line, pixel, latitude and longitude of 3 x 4 points; place: from column and row of a corner to metres."""
    points = [(line, pixel) for line in (0, 10, 20) for pixel in (0, 10, 20, 30)]
    x, y = zip(*(place @ (pixel + 0.5, line + 0.5) for line, pixel in points), strict=True)
    lons, lats = to_crs(crs, "EPSG:4326", x, y)
    return [(line, pixel, lat, lon) for (line, pixel), lat, lon in zip(points, lats, lons, strict=True)]


def annotation_xml(channel, ties, *, mode="IW", kind="GRD", lines=LINES, pixels=PIXELS):
    header = HEADER.format(type=kind, polarisation=channel.upper(), mode=mode)
    points = "".join(
        f"<geolocationGridPoint><azimuthTime>2021-06-14T05:40:53.373</azimuthTime><line>{line}</line>"
        f"<pixel>{pixel}</pixel><latitude>{lat!r}</latitude><longitude>{lon!r}</longitude><height>0.0</height>"
        "<incidenceAngle>38.0</incidenceAngle></geolocationGridPoint>"
        for line, pixel, lat, lon in ties
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><product>{header}<imageAnnotation><imageInformation>'
        f"<rangePixelSpacing>10</rangePixelSpacing><numberOfSamples>{pixels}</numberOfSamples>"
        f"<numberOfLines>{lines}</numberOfLines></imageInformation></imageAnnotation><geolocationGrid>"
        f'<geolocationGridPointList count="{len(ties)}">{points}</geolocationGridPointList></geolocationGrid></product>'
    )


def calibration_xml(channel, vectors=AMPLITUDE):
    header = HEADER.format(type="GRD", polarisation=channel.upper(), mode="IW")
    parts = []
    for line, values in vectors.items():
        count, sigma = len(values), " ".join(f"{v:e}" for v in values.values())
        gamma = " ".join(f"{v / 10:e}" for v in values.values())
        parts.append(
            f"<calibrationVector><azimuthTime>2021-06-14T05:40:53.373</azimuthTime><line>{line}</line>"
            f'<pixel count="{count}">{" ".join(map(str, values))}</pixel><sigmaNought count="{count}">{sigma}'
            f'</sigmaNought><betaNought count="{count}">{sigma}</betaNought><gamma count="{count}">{gamma}</gamma>'
            "</calibrationVector>"
        )
    return (
        f"<calibration>{header}<calibrationInformation><absoluteCalibrationConstant>1.0</absoluteCalibrationConstant>"
        f'</calibrationInformation><calibrationVectorList count="{len(parts)}">{"".join(parts)}</calibrationVectorList>'
        "</calibration>"
    )


def noise_xml(channel, *, old=False):
    """10,000 at the first pixel, 40,000 at the last; since IPF 2.90 three times as much in lines 10 to 20."""
    header = HEADER.format(type="GRD", polarisation=channel.upper(), mode="IW")
    kind, lut = ("noise", "noiseLut") if old else ("noiseRange", "noiseRangeLut")
    along = "".join(
        f'<{kind}Vector><line>{line}</line><pixel count="2">0 30</pixel><{lut} count="2">10000 40000</{lut}>'
        f"</{kind}Vector>"
        for line in (0, 20)
    )
    down = "" if old else (
        '<noiseAzimuthVectorList count="1"><noiseAzimuthVector><swath>IW1</swath>'
        "<firstAzimuthLine>10</firstAzimuthLine><firstRangeSample>0</firstRangeSample><lastAzimuthLine>20</lastAzimuthLine><lastRangeSample>30"
        '</lastRangeSample><line count="2">10 20</line><noiseAzimuthLut count="2">3 3</noiseAzimuthLut>'
        "</noiseAzimuthVector></noiseAzimuthVectorList>"
    )  # fmt: skip
    return f'<noise>{header}<{kind}VectorList count="2">{along}</{kind}VectorList>{down}</noise>'


def write_image(path, values, ties):
    """Write DN in the geometry of the radar, with tie points and without a CRS."""
    points = [GroundControlPoint(row=line, col=pixel, x=lon, y=lat) for line, pixel, lat, lon in ties]
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = {"count": 1, "height": values.shape[0], "width": values.shape[1], "dtype": values.dtype}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", driver="GTiff", gcps=points, crs="EPSG:4326", **shape) as out:
            out.write(values, 1)


def make_safe(folder, *, name=NAME, channels=("vv", "vh"), ties=None, old_noise=False, values=None):
    """Write a product and return its folder."""
    root, ties = folder / name, tie_points() if ties is None else ties
    (root / "annotation" / "calibration").mkdir(parents=True)
    (root / "manifest.safe").write_text("<xfdu:XFDU/>")
    for number, channel in enumerate(channels, 1):
        file = _FILE.format(channel, number)
        made = digital_numbers(channel) if values is None else values
        write_image(root / "measurement" / f"{file}.tiff", made, ties)
        (root / "annotation" / f"{file}.xml").write_text(annotation_xml(channel, ties))
        (root / f"annotation/calibration/calibration-{file}.xml").write_text(calibration_xml(channel))
        (root / f"annotation/calibration/noise-{file}.xml").write_text(noise_xml(channel, old=old_noise))
    return root


def write_backscatter(path, values, *, names=(), tags=None, units=(), nodata=None, crs="EPSG:32631", meters=10):
    """Write [h, w] or [n, h, w] on a map."""
    values = np.asarray(values)
    values = values[None] if values.ndim == 2 else values
    path.parent.mkdir(parents=True, exist_ok=True)
    count, height, width = values.shape
    place = Affine(meters, 0, 500000, 0, -meters, 5600000)
    profile = {"count": count, "height": height, "width": width, "dtype": values.dtype, "nodata": nodata, "crs": crs}
    with rasterio.open(path, "w", driver="GTiff", transform=place, **profile) as out:
        out.write(values)
        for number, text in enumerate(names, 1):
            out.set_band_description(number, text)
        if units:
            out.units = units
        out.update_tags(**(tags or {}))
    return path


@pytest.fixture(scope="session")
def backscatter():
    return write_backscatter


@pytest.fixture(scope="session")
def new_safe():
    return make_safe


@pytest.fixture(scope="session")
def xml():
    return {"annotation": annotation_xml, "calibration": calibration_xml, "noise": noise_xml, "ties": tie_points}


@pytest.fixture(scope="session")
def _product(tmp_path_factory):
    return make_safe(tmp_path_factory.mktemp("products"))


@pytest.fixture
def product(_product, tmp_path):
    """A copy, to be damaged at will."""
    return Path(shutil.copytree(_product, tmp_path / _product.name))


@pytest.fixture(scope="session")
def spec():
    return modalities(["sentinel1"])[0]


@pytest.fixture(scope="session")
def samples():
    folder = Path(os.environ.get("OLMOEARTH_SAMPLES", Path(__file__).parents[4] / "shared" / "samples") or "/nowhere")
    if not folder.is_dir():
        pytest.skip(f"the sample tiles are not at {folder} (set OLMOEARTH_SAMPLES)")
    return folder
