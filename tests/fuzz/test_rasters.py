"""An image cannot point elsewhere, and what its header declares is judged before anything is allocated."""

import struct

import numpy as np
import pytest
from fuzz_products import grib, raster
from fuzzing import QUIET, readers

from olmoearth_core.convert.rasters import _opened as opened_tile
from olmoearth_core.errors import DataError
from olmoearth_core.kinds import registry
from olmoearth_core.lookup import modalities
from olmoearth_core.readers.layers import opened

pytestmark = QUIET


def tiff(path, width, height, tile=None):
    """A GeoTIFF header of 8-bit pixels with hardly any data behind it."""
    tags = [(256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 1), (262, 3, 1), (277, 3, 1)]
    tags += [(322, 4, tile), (323, 4, tile), (324, 4, 8), (325, 4, 64)] if tile else [(273, 4, 8), (279, 4, 64)]
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in sorted(tags))
    path.write_bytes(b"II*\0" + struct.pack("<I", 72) + bytes(64) + struct.pack("<H", len(tags)) + entries + bytes(4))
    return str(path)


@pytest.mark.parametrize("open_it", [opened, opened_tile])
def test_a_list_of_other_files_is_no_geotiff_whatever_its_name(tmp_path, open_it):
    secret = raster(tmp_path / "secret.tif", np.full((1, 2, 2), 7, np.uint8))
    path = tmp_path / "image.tif"
    path.write_text(
        '<VRTDataset rasterXSize="2" rasterYSize="2"><VRTRasterBand dataType="Byte" band="1"><SimpleSource>'
        f"<SourceFilename>{secret}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"
    )
    with pytest.raises(DataError, match=r"image\.tif: cannot be read"), open_it(str(path)):
        pass


@pytest.mark.parametrize(("side", "tile", "said"), [(2**31 - 1, None, "are declared"), (100_000, 65_536, "blocks of")])
def test_a_huge_declared_image_is_refused_before_it_is_read(tmp_path, side, tile, said):
    path = tiff(tmp_path / "huge.tif", side, side, tile)
    with pytest.raises(DataError, match=rf"huge\.tif: .*{said}"), opened(path):
        pass


def test_a_huge_declared_jp2_is_refused_before_it_is_read(tmp_path):
    path = raster(tmp_path / "huge.jp2", np.full((1, 8, 8), 7, np.uint8), driver="JP2OpenJPEG")
    content = bytearray(path.read_bytes())
    siz, header = content.index(b"\xff\x51"), content.index(b"ihdr")
    for tile in (False, True):
        struct.pack_into(">II", content, siz + 6, 2**31 - 1, 2**31 - 1)
        struct.pack_into(">II", content, header + 4, 2**31 - 1, 2**31 - 1)
        if tile:
            struct.pack_into(">II", content, siz + 22, 2**31 - 1, 2**31 - 1)
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"huge\.jp2: "), opened(str(path)) as found:
            found.read(1, window=((0, 8), (0, 8)))


def test_a_huge_declared_grib_is_refused_before_it_is_read(tmp_path):
    path = grib(tmp_path)
    content = path.read_bytes()
    # Points along a row and rows of the first message, two bytes each.
    path.write_bytes(content.replace(b"\x00\x04\x00\x03", b"\xff\xf0\xff\xf0"))
    with pytest.raises(DataError, match=r"weather\.grib: "), opened(str(path)) as found:
        found.read(1, window=((0, 2), (0, 2)))


NEIGHBOURS = {
    ".aux.xml": "<PAMDataset><SRS>EPSG:4326</SRS><PAMRasterBand band='1'><NoDataValue>7</NoDataValue></PAMRasterBand>"
    "</PAMDataset>",
    ".msk": None,
    ".ovr": None,
}


@pytest.mark.parametrize("driver", ["GTiff", "JP2OpenJPEG"])
@pytest.mark.parametrize("ending", NEIGHBOURS)
def test_files_beside_an_image_change_nothing(tmp_path, driver, ending):
    path = raster(
        tmp_path / f"a.{'tif' if driver == 'GTiff' else 'jp2'}", np.full((1, 64, 64), 7, np.uint8), driver=driver
    )
    beside = path.with_name(path.name + ending)
    if text := NEIGHBOURS[ending]:
        beside.write_text(text)
    else:
        raster(tmp_path / "b.tif", np.zeros((1, 32, 32), np.uint8)).rename(beside)
    with opened(str(path)) as found:
        assert (found.crs.to_epsg(), found.nodata, found.overviews(1)) == (32631, None, [])
        assert found.read_masks(1).all()
        assert (found.read(1, out_shape=(32, 32)) == 7).all()


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY f SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize(
    "name",
    ["S1A_IW_GRDH_1SDV_20210614T054053_20210614T054118_038331_0485F3_C8B5.SAFE/annotation/s1a-iw-grd-vv-20210614t054053-20210614t054118-038331-0485f3-001.xml",
     "S2A_MSIL2A_20220601T104629_N0509_R051_T31UFS_20220601T170000.SAFE/MTD_MSIL2A.xml",
     "LC08_L2SP_198024_20200101_20200101_02_T1/LC08_L2SP_198024_20200101_20200101_02_T1_MTL.xml"],
)  # fmt: skip
def test_xml_that_declares_entities_is_refused_by_every_reader(tmp_path, name, coding):
    path = tmp_path / name
    product = tmp_path / name.split("/")[0]
    path.parent.mkdir(parents=True)
    path.write_bytes(f'<?xml version="1.0"?>{BOMB}<x>&b;&f;</x>'.encode(coding))
    for image in ("B2.TIF", "B3.TIF", "QA_PIXEL.TIF"):
        raster(path.parent / f"{path.parent.stem}_{image}", np.ones((1, 4, 4), np.uint16))
    raster(product / "measurement" / f"{path.stem}.tiff", np.ones((1, 4, 4), np.uint16))
    (product / "manifest.safe").write_text("<x/>")
    asked = 0
    # Without this word the radar's reader looks no further than the name.
    radar = registry.readers.get("sentinel1.grd_safe.v1")(accept_uncorrected=True)
    for reader in (*readers().values(), radar):
        assert not reader.recognises(str(product)) or reader.name.startswith(("sentinel", "landsat"))
        for place in (product, path):
            for spec in modalities(reader.modalities):
                with pytest.raises(DataError) as refused:
                    reader.read(str(place), spec).values  # noqa: B018
                asked += any(said in str(refused.value) for said in ("document type", "as XML", "is no text"))
                assert any(part in str(refused.value) for part in (path.name, product.name))
    assert asked
