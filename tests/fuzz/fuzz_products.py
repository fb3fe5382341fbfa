"""Whole products of a few pixels for every format that no sample file has; each is read without an error."""

import json
import zipfile

import numpy as np
import rasterio
import xarray
from rasterio.transform import Affine

UTM = {"crs": "EPSG:32631", "transform": Affine(10, 0, 500000, 0, -10, 5600000)}
SQUARE = [[2.5, 50.0], [2.502, 50.0], [2.502, 50.002], [2.5, 50.002], [2.5, 50.0]]


def raster(path, values, names=(), tags=None, driver="GTiff", **place):
    """Write [n, h, w]."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count, height, width = values.shape
    exact = {"REVERSIBLE": "YES", "QUALITY": "100"} if driver == "JP2OpenJPEG" else {}
    facts = {"count": count, "height": height, "width": width, "dtype": values.dtype, **UTM, **place, **exact}
    with rasterio.open(path, "w", driver=driver, **facts) as out:
        out.write(values)
        for number, name in enumerate(names, 1):
            out.set_band_description(number, name)
        out.update_tags(**(tags or {}))
    return path


def weather(folder):
    """ERA5-Land as NetCDF-4."""
    path = folder / "weather.nc"
    times = np.arange("2021-01", "2021-04", dtype="datetime64[M]").astype("datetime64[ns]")
    units = {"t2m": "K", "d2m": "K", "sp": "Pa", "u10": "m s**-1", "v10": "m s**-1", "tp": "m"}
    axes = ("valid_time", "latitude", "longitude")
    held = {name: (axes, np.full((3, 3, 4), 280.0, np.float32), {"units": unit}) for name, unit in units.items()}
    coords = {"valid_time": times, "latitude": [50.0, 49.9, 49.8], "longitude": [4.9, 5.0, 5.1, 5.2]}
    xarray.Dataset(held, coords).to_netcdf(path, engine="h5netcdf")
    return path


def grib(folder):
    """ERA5-Land as GRIB 1, written by the WMO manual: six variables of one month on 4 x 3 points."""
    path = folder / "weather.grib"
    path.write_bytes(b"".join(_message(parameter) for parameter in (167, 168, 134, 165, 166, 228)))
    return path


def _message(parameter):
    product = bytes([128, 98, 0, 255, 0xC0, parameter, 1, 0, 0, 21, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 21, 0, 0, 0])
    corner, other = (50_000, 5_000), (49_800, 5_300)
    grid = bytes([0, 255, 0, 0, 4, 0, 3]) + b"".join(n.to_bytes(3, "big") for n in corner) + b"\x80"
    grid += b"".join(n.to_bytes(3, "big") for n in other) + bytes([0, 100, 0, 100]) + bytes(5)
    bitmap = bytes([4, 0, 0, 0xFF, 0xF0])
    data = bytes([0, 0, 0, 0, 0, 0, 0, 16]) + np.arange(12).astype(">u2").tobytes()
    parts = b"".join((len(part) + 3).to_bytes(3, "big") + part for part in (product, grid, bitmap, data))
    return b"GRIB" + (len(parts) + 12).to_bytes(3, "big") + b"\x01" + parts + b"7777"


def safe(folder):
    """Sentinel-2 L2A with two bands and classes."""
    root = folder / "S2A_MSIL2A_20220601T104629_N0509_R051_T31UFS_20220601T170000.SAFE"
    granule = "GRANULE/L2A_T31UFS_A036259_20220601T104817/IMG_DATA"
    images = [f"{granule}/R{m}m/T31UFS_20220601T104629_{b}_{m}m" for b, m in (("B02", 10), ("B03", 10), ("SCL", 20))]
    values = np.arange(144, dtype=np.uint16).reshape(1, 12, 12) + 2000
    for name in images[:2]:
        raster(root / f"{name}.jp2", values, driver="JP2OpenJPEG")
    coarse = Affine(20, 0, 500000, 0, -20, 5600000)
    classes = np.full((1, 6, 6), 4, np.uint8)
    raster(root / f"{images[2]}.jp2", classes, driver="JP2OpenJPEG", transform=coarse)
    listed = "".join(f"<IMAGE_FILE>{name}</IMAGE_FILE>" for name in images)
    offsets = "".join(f'<BOA_ADD_OFFSET band_id="{i}">-1000</BOA_ADD_OFFSET>' for i in range(13))
    (root / "MTD_MSIL2A.xml").write_text(
        '<?xml version="1.0" encoding="UTF-8"?><n1:Level-2A_User_Product xmlns:n1="https://psd-14.sentinel2">'
        f"<PRODUCT_START_TIME>2022-06-01T10:46:29.024Z</PRODUCT_START_TIME><PROCESSING_BASELINE>05.09"
        f"</PROCESSING_BASELINE><Granule_List>{listed}</Granule_List><BOA_QUANTIFICATION_VALUE>10000"
        f"</BOA_QUANTIFICATION_VALUE>{offsets}<Cloud_Coverage_Assessment>12.5</Cloud_Coverage_Assessment>"
        "</n1:Level-2A_User_Product>"
    )
    return root


def safe_zip(folder):
    """The same, zipped."""
    root = safe(folder / "in")
    path = folder / f"{root.name}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(root.rglob("*.*")):
            if file.is_file():
                archive.write(file, f"{root.name}/{file.relative_to(root)}")
    return path


def item(folder):
    """A STAC item of Sentinel-2 with one band beside it."""
    raster(folder / "B02.tif", np.full((1, 4, 4), 2000, np.uint16))
    properties = {"datetime": "2022-06-01", "platform": "Sentinel-2A", "s2:processing_baseline": "05.10"}
    asset = {"href": "B02.tif", "bands": [{"raster:offset": -0.1}]}
    content = {"type": "Feature", "stac_version": "1.0.0", "id": "x", "collection": "sentinel-2-l2a"}
    path = folder / "item.json"
    path.write_text(json.dumps({**content, "properties": properties, "assets": {"B02": asset}}))
    return path


def fields(folder):
    """EuroCrops fields; the list of crops lies beside them."""
    codes = [3_000_000_000, *(3_300_000_000 + 1000 * i for i in range(382)), 3_399_000_000]
    table = "HCAT3_name,HCAT3_code\n" + "".join(f"crop_{i},{code}\n" for i, code in enumerate(codes))
    (folder / "HCAT3.csv").write_text(table)
    geometry = {"type": "Polygon", "coordinates": [SQUARE]}
    feature = {"type": "Feature", "properties": {"EC_hcat_c": "3300000000"}, "geometry": geometry}
    path = folder / "be_2021.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    return path


def roads(folder):
    """A vector tile of the store: OpenStreetMap features in metres of a zone."""
    line = [[499300.0, 5600900.0], [500300.0, 5600900.0], [500300.0, 5600000.0], [499300.0, 5600900.0]]
    shapes = ({"type": "LineString", "coordinates": line}, {"type": "Polygon", "coordinates": [line]})
    features = [
        {"type": "Feature", "properties": {"category": category}, "geometry": shape}
        for category, shape in zip(("highway", "building"), shapes, strict=True)
    ]
    path = folder / "EPSG:32631_195_-2187_10.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def naip(folder):
    """Four bands of aerial photography."""
    return raster(folder / "m_4207162_ne_18_1_20160714.tif", np.full((4, 8, 8), 90, np.uint8))


def canopy(folder):
    """Canopy height as a tile of a web map."""
    place = Affine(1.194, 0, 500000, 0, -1.194, 5600000)
    return raster(folder / "120200321.tif", np.full((1, 16, 16), 7, np.uint8), crs="EPSG:3857", transform=place)


MAKERS = {made.__name__: made for made in (weather, grib, safe, safe_zip, item, fields, roads, naip, canopy)}
"""Name -> function that writes the product into an empty folder and returns its path."""
