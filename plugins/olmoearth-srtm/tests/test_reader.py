"""Tiles of elevation: edges, voids, mixed spacings and faults in small files; spot values of the real samples."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import rasterio
from olmoearth_srtm.height_file import HeightFile
from olmoearth_srtm.modality import srtm
from olmoearth_srtm.reader import srtm_tiles
from rasterio.transform import Affine

from olmoearth_core.errors import DataError
from olmoearth_core.readers.contract import check

SAMPLES = Path(os.environ.get("OLMOEARTH_SAMPLES", Path(__file__).parents[4] / "shared" / "samples") or "/nowhere")
real = pytest.mark.skipif(not SAMPLES.is_dir(), reason="no real samples on this machine")
READER = srtm_tiles()


def hgt(path, heights=100, posts=1201):
    """An SRTM3 tile: big-endian int16, rows from north to south."""
    values = np.broadcast_to(np.asarray(heights, dtype=">i2"), (posts, posts))
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(values.tobytes())
    return path


def geotiff(path, values, left=10.0, top=50.0, step=0.01, **profile):
    values = np.asarray(values)
    options = {"crs": "EPSG:4326", "transform": Affine(step, 0, left, 0, -step, top)} | profile
    with rasterio.open(
        path, "w", driver="GTiff", width=values.shape[1], height=values.shape[0], count=1, dtype=values.dtype, **options
    ) as raster:
        raster.write(values, 1)
    return path


def at(array, lon, lat):
    return array.sel(x=lon, y=lat, method="nearest").values.item()


def test_a_tile_is_big_endian_and_centred_on_its_posts(tmp_path):
    heights = np.zeros((1201, 1201), dtype=np.int16)
    heights[0, 0], heights[1200, 1200], heights[600, 300] = 258, -3, -32768
    array = READER.read(str(hgt(tmp_path / "S01W073.hgt", heights)), srtm())
    assert (array.dims, array.shape, array.dtype) == (("time", "band", "y", "x"), (1, 1, 1201, 1201), np.float32)
    assert (at(array, -73, 0), at(array, -72, -1)) == (258, -3)
    assert float(array.x[0]) == pytest.approx(-73, abs=1e-9)
    assert float(array.y[-1]) == pytest.approx(-1, abs=1e-9)
    assert np.isnan(array.values).sum() == 1
    assert np.isnan(array.values[0, 0, 600, 300])


def test_a_folder_is_one_map_across_the_shared_edge(tmp_path):
    west, east = np.full((1201, 1201), 1, np.int16), np.full((1201, 1201), 2, np.int16)
    west[:, -1] = -32768  # what the western tile does not know on the shared meridian, the eastern one does
    west[5, -1] = 7
    hgt(tmp_path / "N42E001.hgt", west)
    hgt(tmp_path / "N42E002.hgt", east)
    array = READER.read(str(tmp_path), srtm())
    assert array.shape[2:] == (1201, 2401)
    assert array.values[0, 0, 5, 1199:1202].tolist() == [1, 7, 2]
    assert array.values[0, 0, 6, 1199:1202].tolist() == [1, 2, 2]


def test_only_tiles_under_the_window_are_opened(tmp_path, monkeypatch):
    for name in ("N42E001", "N42E002", "N43E001"):
        hgt(tmp_path / f"{name}.hgt", int(name[-1]) * 10 + int(name[2]))
    array = READER.read(str(tmp_path), srtm())
    opened = []
    whole = HeightFile.read
    monkeypatch.setattr(HeightFile, "read", lambda file, *a: opened.append(file.path) or whole(file, *a))
    assert at(array, 2.5, 42.5) == 22
    assert {os.path.basename(path) for path in opened} == {"N42E002.hgt"}


def test_a_missing_tile_is_nothing_measured(tmp_path):
    hgt(tmp_path / "N00E000.hgt", 5)
    hgt(tmp_path / "S01W001.hgt", 6)
    array = READER.read(str(tmp_path), srtm())
    assert (at(array, 0.5, 0.5), at(array, -0.5, -0.5)) == (5, 6)
    assert np.isnan(at(array, 0.5, -0.5))


def test_one_second_is_preferred_and_three_seconds_fill_by_the_nearest_post(tmp_path):
    coarse = np.arange(1201, dtype=np.int16)[None, :].repeat(1201, 0)
    hgt(tmp_path / "N10E010.hgt", coarse)
    hgt(tmp_path / "N10E011.hgt", 1)
    hgt(tmp_path / "N10E011.SRTMGL1.hgt", 2, posts=3601).rename(tmp_path / "x")
    with zipfile.ZipFile(tmp_path / "N10E011.SRTMGL1.hgt.zip", "w") as archive:
        archive.write(tmp_path / "x", "N10E011.hgt")
    (tmp_path / "x").unlink()
    array = READER.read(str(tmp_path), srtm())
    assert array.shape[2:] == (3601, 7201)
    assert array[0, 0, 100, :6].values.tolist() == [0, 0, 1, 1, 1, 2]
    assert at(array, 11.5, 10.5) == 2


def test_geotiffs_of_both_spacings_are_told_by_name(tmp_path):
    step = 3 / 3600
    path = geotiff(
        tmp_path / "SRTM3S10W070V2.tif", np.full((1201, 1201), 321, np.int16), -70 - step / 2, -9 + step / 2, step
    )
    assert READER.recognises(str(path))
    assert at(READER.read(str(path), srtm()), -69.5, -9.5) == 321


def test_a_geotiff_that_lies_elsewhere_than_its_name_is_refused(tmp_path):
    path = geotiff(tmp_path / "SRTM3S10W070V2.tif", np.zeros((1201, 1201), np.int16), step=3 / 3600)
    with pytest.raises(DataError, match=r"SRTM3S10W070V2\.tif.*\(10, 48\.999167\).*by its name .* \(-70\.000417"):
        READER.read(str(path), srtm())


def test_heights_of_another_type_are_refused(tmp_path):
    step = 3 / 3600
    path = geotiff(
        tmp_path / "SRTM3S10W070V2.tif", np.zeros((1201, 1201), np.float32), -70 - step / 2, -9 + step / 2, step
    )
    with pytest.raises(DataError, match="values are float32, expected int16 or int32"):
        READER.read(str(path), srtm())


def test_a_truncated_tile_is_named_with_its_size(tmp_path):
    path = hgt(tmp_path / "N42E001.hgt")
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(DataError, match=r"N42E001\.hgt: 2,884,800 bytes of heights, expected 25,934,402.*truncated"):
        READER.read(str(path), srtm())


@pytest.mark.parametrize(
    ("member", "size", "found"),
    [("../N42E001.hgt", 2884802, "holds"), ("N42E001.hgt", 10, "10 bytes"), ("readme", 9, "holds readme, expected")],
)
def test_an_archive_gives_only_its_own_tile(tmp_path, member, size, found):
    path = tmp_path / "N42E001.hgt.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, bytes(size))
    with pytest.raises(DataError, match=rf"N42E001\.hgt\.zip: {found}"):
        READER.read(str(path), srtm())
    assert [p.name for p in tmp_path.iterdir()] == ["N42E001.hgt.zip"]


def test_a_torn_archive_is_named(tmp_path):
    (tmp_path / "N42E001.hgt.zip").write_bytes(b"PK\3\4 and no end")
    with pytest.raises(DataError, match=r"N42E001\.hgt\.zip: no readable archive"):
        READER.read(str(tmp_path / "N42E001.hgt.zip"), srtm())


def test_a_folder_of_other_things_is_no_map_of_elevation(tmp_path):
    hgt(tmp_path / "N42E001.hgt")
    (tmp_path / "readme.txt").write_text("notes do not matter")
    assert READER.recognises(str(tmp_path))
    (tmp_path / "andorra.osm.pbf").write_bytes(b"")
    assert not READER.recognises(str(tmp_path))
    assert at(READER.read(str(tmp_path), srtm()), 1.5, 42.5) == 100


def test_places_that_do_not_exist_are_no_tiles(tmp_path):
    assert not READER.recognises(str(hgt(tmp_path / "N90E001.hgt")))
    assert not READER.recognises(str(hgt(tmp_path / "N42E180.hgt")))


def test_another_model_needs_to_be_named(tmp_path):
    path = str(geotiff(tmp_path / "cop_dem.tif", np.array([[1.5, -32768], [2, 3]], np.float32)))
    with pytest.raises(DataError, match=r'cop_dem\.tif: no SRTM by its name.*source = "copernicus_dem"'):
        READER.read(path, srtm())
    reader = srtm_tiles(source="copernicus_dem")
    array = reader.read(path, srtm())
    assert (array.attrs["origin"], str(array.time.values[0])[:10]) == ("copernicus_dem", "2011-01-01")
    assert np.array_equal(array.values[0, 0], [[1.5, np.nan], [2, 3]], equal_nan=True)
    assert reader.recognises(path)
    assert not READER.recognises(path)


def test_feet_are_refused(tmp_path):
    path = geotiff(tmp_path / "dem.tif", np.zeros((2, 2), np.float32))
    with rasterio.open(path, "r+") as raster:
        raster.units = ("ft",)
    with pytest.raises(DataError, match='heights in "ft", expected metres'):
        srtm_tiles(source="dem").read(str(path), srtm())


def test_an_origin_that_does_not_exist_is_refused():
    with pytest.raises(DataError, match='source "lidar", expected one of srtm, copernicus_dem, dem'):
        srtm_tiles(source="lidar")


@real
def test_the_tile_of_andorra_has_its_voids_and_heights():
    path = str(SAMPLES / "andorra" / "N42E001.hgt.zip")
    array = READER.read(path, srtm())
    assert READER.recognises(path)
    assert int(np.isnan(array.values).sum()) == 7652
    assert (at(array, 1, 43), at(array, 1.5, 42.5)) == (838, 1095)
    assert (np.nanmin(array.values), np.nanmax(array.values)) == (349, 3100)
    assert array.rio.bounds() == pytest.approx((0.99958333, 41.99958333, 2.00041667, 43.00041667))
    assert (array.attrs["units"], array.attrs["quantity"], str(array.time.values[0])[:4]) == (
        "metres",
        "meters",
        "2000",
    )
    check(array, srtm())


OTHERS = {
    "sao_tome/cop_dem_30m.tif": ((1510, 1188), -8, 1976, 174.1067, "EPSG:4326"),
    "sites/be_31uds_2018/dem_20m.tif": ((32, 32), 35, 47, 41.6602, "EPSG:32631"),
    "sites/be_31ufs_2021/dem_10m.tif": ((100, 100), 142, 172, 156.1665, "EPSG:32631"),
    "sites/tm_serengeti/dem_10m.tif": ((224, 224), 1192, 1218, 1205.1189, "EPSG:32736"),
    "sites/tm_denmark/dem_10m.tif": ((224, 224), 3, 14, 5.2087, "EPSG:32632"),
    "sites/tm_brazil_coast/dem_10m.tif": ((224, 224), 0, 16, 2.5961, "EPSG:32722"),
}


@real
@pytest.mark.parametrize(("name", "facts"), OTHERS.items())
def test_copernicus_samples_are_read_when_their_origin_is_said(name, facts):
    path = str(SAMPLES / name)
    assert not READER.recognises(path)
    with pytest.raises(DataError, match="no SRTM by its name"):
        READER.read(path, srtm())
    reader = srtm_tiles(source="copernicus_dem")
    array = reader.read(path, srtm())
    values = array.values[0, 0].astype(np.float64)
    assert reader.recognises(path)
    assert (values.shape, values.min(), values.max(), round(values.mean(), 4), array.rio.crs.to_string()) == facts
    check(array, srtm())


@real
def test_only_the_tile_of_andorra_is_taken_for_srtm():
    assert [path.name for path in sorted(SAMPLES.rglob("*")) if READER.recognises(str(path))] == ["N42E001.hgt.zip"]


def test_a_damaged_archive_is_named_instead_of_ending_the_process(tmp_path):
    """GDAL's own driver of this format crashes here."""
    path = tmp_path / "N42E001.hgt.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        heights = np.random.default_rng(0).integers(0, 3000, (1201, 1201)).astype(">i2")
        archive.writestr("N42E001.hgt", heights.tobytes())
    content = bytearray(path.read_bytes())
    content[1_000_000] ^= 0x10
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"N42E001\.hgt\.zip: its archive is damaged"):
        _ = READER.read(str(path), srtm()).values
