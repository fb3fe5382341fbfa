"""`.SAFE` products: hand-computed values of synthetic ones, and damage of every kind."""

import zipfile
from multiprocessing.reduction import ForkingPickler

import numpy as np
import pytest
from olmoearth_sentinel2.safe import safe

from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.ingest.local import scan
from olmoearth_core.readers.contract import check

GRANULE = "GRANULE/L2A_T31UFS_A036259_20220601T104817"


def zipped(product, path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(p for p in product.rglob("*") if p.is_file()):
            archive.write(file, f"{product.name}/{file.relative_to(product)}")
    return path


def edited(product, old, new):
    (main,) = product.glob("MTD_*.xml")
    text = main.read_text("utf-8")
    assert old in text
    main.write_text(text.replace(old, new), "utf-8")
    return str(product)


def test_bands_come_in_the_order_of_the_specification_at_their_place_and_time(product, l2a):
    array = safe().read(str(product("2A")), l2a)
    assert tuple(array["band"].values) == l2a.band_order
    assert array.shape == (1, 12, 12, 12)
    assert array.rio.crs.to_string() == "EPSG:32631"
    assert str(array["time"].values[0]) == "2022-06-01T10:46:29.024000000"
    assert (float(array["x"][0]), float(array["y"][-1])) == (500005.0, 5599885.0)
    assert (array.attrs["quantity"], array.attrs["cloud_cover"]) == ("reflectance_x10000", 12.5)
    assert array.attrs["units"] == "surface reflectance x 10000"


def test_the_offset_is_removed_and_only_nodata_becomes_nothing(product, l2a):
    b02 = safe().read(str(product("2A")), l2a).sel(band="B02").values[0]
    # DN 0, 1, 999, 1000, 1001, 1500, then 2100.
    assert b02.dtype == np.float32
    assert np.array_equal(b02[0, :7], [np.nan, 1, 1, 1, 1, 500, 1100], equal_nan=True)
    assert b02[11].tolist() == [1111] * 12


def test_before_baseline_4_digital_numbers_are_left_alone(product, l2a):
    b02 = safe().read(str(product("2A old")), l2a).sel(band="B02").values[0]
    assert np.array_equal(b02[0, :7], [np.nan, 1, 999, 1000, 1001, 1500, 2100], equal_nan=True)


def test_each_band_is_read_at_its_native_resolution_and_repeated(product, l2a):
    array = safe().read(str(product("2A")), l2a)
    # 2000 + 100 x place + row - 1000: rows of 20 m are repeated twice, those of 60 m six times.
    assert array.sel(band="B8A").values[0, :, 0].tolist() == [1800 + row // 2 for row in range(12)]
    assert array.sel(band="B09").values[0, :, 5].tolist() == [1900] * 6 + [1901] * 6
    alone = safe().read(str(product("1C")), _l1c(), bands=["B11"])
    assert alone.shape == (1, 1, 6, 6)


def _l1c():
    from olmoearth_core import modalities

    return modalities(["sentinel2"])[0]


def test_level_1c_has_all_13_bands_in_its_own_order(product, l1c):
    array = safe().read(str(product("1C")), l1c)
    assert tuple(array["band"].values) == l1c.band_order
    assert float(array.sel(band="B10")[0, 0, 0]) == 2000
    assert array.attrs["units"] == "top-of-atmosphere reflectance x 10000"


@pytest.mark.parametrize("kind", ["2A", "1C", "2A old"])
def test_a_zip_gives_what_the_folder_gives_without_being_unpacked(product, l2a, l1c, tmp_path, kind):
    folder, spec = product(kind), l1c if kind == "1C" else l2a
    archive = zipped(folder, tmp_path / "a b.SAFE.zip")
    before = sorted(tmp_path.iterdir())
    assert safe().recognises(str(archive))
    assert np.array_equal(
        safe().read(str(archive), spec).values, safe().read(str(folder), spec).values, equal_nan=True
    )  # fmt: skip
    one, other = safe().clear(str(archive), spec), safe().clear(str(folder), spec)
    assert np.array_equal(one.values, other.values)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("tag", ["IMAGE_FILE_2A", "IMAGE_FILE"])
def test_image_lists_of_old_and_of_others_are_understood(new_safe, tmp_path, l2a, tag):
    suffix = ".jp2" if tag == "IMAGE_FILE" else ""
    root = new_safe(tmp_path, baseline="02.05", offsets=(), bands=("B02",), suffix=suffix)
    edited(root, "IMAGE_FILE>", f"{tag}>")
    assert float(safe().read(str(root), l2a)[0, 0, 11, 0]) == 2111


def test_the_ground_is_seen_where_no_class_of_cloud_shadow_or_damage_is(product, l2a):
    clear = safe().clear(str(product("2A")), l2a)
    assert (clear.dtype, clear.dims, clear.shape) == (bool, ("time", "y", "x"), (1, 12, 12))
    # Rows of 20 m hold classes 0-5, 6-11 and vegetation.
    assert clear.values[0, 0, ::2].tolist() == [False, False, True, False, True, True]
    assert clear.values[0, 3, 1::2].tolist() == [True, True, False, False, False, True]
    assert clear.values[0, 4:].all()


def test_classes_that_hide_the_ground_can_be_chosen(product, l2a):
    clear = safe(not_clear=[11]).clear(str(product("2A")), l2a)
    assert np.argwhere(~clear.values[0]).tolist() == [[2, 10], [2, 11], [3, 10], [3, 11]]
    with pytest.raises(ConfigError, match="12 is no class"):
        safe(not_clear=[12])


def test_level_1c_is_clear_where_neither_opaque_cloud_nor_cirrus_is(product, l1c):
    clear = safe().clear(str(product("1C")), l1c).values[0]
    # The mask's quarters are cloud, cirrus, snow and nothing.
    assert [bool(clear[row, col]) for row, col in ((0, 0), (5, 11), (6, 0), (11, 11))] == [False, False, True, True]


def test_level_1c_is_not_clear_where_nothing_was_measured(product, l1c, raster):
    root = product("1C")
    (b01,) = root.rglob("*_B01.jp2")
    raster(b01, np.array([[1500, 1500], [1500, 0]], np.uint16), 60)
    clear = safe().clear(str(root), l1c).values[0]
    assert (clear[6, 0], clear[6, 6]) == (True, False)


def test_old_level_1c_does_not_say_where_it_is_clear(product, l1c):
    assert safe().clear(str(product("1C old")), l1c) is None


@pytest.mark.parametrize("kind", ["2A", "1C"])
def test_the_modality_of_the_other_level_is_refused_by_name(product, l2a, l1c, kind):
    wrong, right = (l1c, "sentinel2_l2a") if kind == "2A" else (l2a, "sentinel2")
    path = str(product(kind))
    for ask in (safe().read, safe().clear):
        with pytest.raises(DataError, match=rf"holds Sentinel-2 Level-{kind}.*Ask for {right},"):
            ask(path, wrong)


def test_a_missing_band_file_is_named_and_the_others_can_still_be_asked_for(product, l2a):
    root = product("2A")
    (root / GRANULE / "IMG_DATA/R20m/T31UFS_20220601T104629_B11_20m.jp2").unlink()
    with pytest.raises(DataError, match=r"B11_20m\.jp2 \(band B11\) is listed but missing"):
        safe().read(str(root), l2a)
    assert safe().read(str(root), l2a, bands=["B12", "B02"])["band"].values.tolist() == ["B02", "B12"]


def test_a_band_that_the_modality_or_the_product_lacks_is_named(product, new_safe, tmp_path, l2a):
    with pytest.raises(DataError, match="sentinel2_l2a has no band B10"):
        safe().read(str(product("2A")), l2a, bands=["B10"])
    few = new_safe(tmp_path / "few", bands=("B02", "B03"))
    assert safe().read(str(few), l2a)["band"].values.tolist() == ["B02", "B03"]
    with pytest.raises(DataError, match="has no band B04, only B02, B03"):
        safe().read(str(few), l2a, bands=["B04"])


FAULTS = {
    "disagreeing": (
        'band_id="3">-1000<',
        'band_id="3">0<',
        "BOA_ADD_OFFSET is -1000, 0, expected 0 or -1000, the same",
    ),
    "strange": (">-1000<", ">-500<", "BOA_ADD_OFFSET is -500"),
    "no number": (">-1000<", ">nan<", "BOA_ADD_OFFSET is nan"),
    "no tags": ("BOA_ADD_OFFSET", "OTHER", 'baseline "05.09" without BOA_ADD_OFFSET'),
    "scale": (">10000<", ">5000<", 'quantification value is "5000"'),
    "time": (">2022-06-01T10:46:29.024Z<", ">yesterday<", 'PRODUCT_START_TIME is "yesterday"'),
    "escape": ("GRANULE/L2A", "../../L2A", "lists an image .*expected one inside"),
    "absolute": ("GRANULE/L2A_T31UFS_A036259_20220601T104817/IMG_DATA/R10m", "/etc", "expected one inside"),
    "tiles": ("A036259_20220601T104817/IMG_DATA/R60m", "B/IMG_DATA/R60m", "expected one folder GRANULE"),
    "level": ("Level-2A_User", "Level-1C_User", "content is of the other level|quantification value"),
    "root": ("Level-2A_User_Product", "Thing", 'root is "Thing"'),
    "torn": ("</n1:General_Info>", "", "cannot be read as XML"),
    "entity": ("?><n1", '?><!DOCTYPE a [<!ENTITY b "c">]><n1', "declares a document type"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_metadata_that_is_not_understood_is_refused_with_what_was_found(product, l2a, fault):
    old, new, message = FAULTS[fault]
    root = product("2A")
    path = edited(root, old, new)
    with pytest.raises(DataError, match=message) as error:
        safe().read(path, l2a)
    assert root.name in str(error.value)


def test_an_xml_bomb_is_refused_before_it_grows(product, l2a):
    layers = "".join(f'<!ENTITY l{i + 1} "{f"&l{i};" * 10}">' for i in range(9))
    root = product("2A")
    bomb = f'<?xml version="1.0"?>\n<!doctype x [<!ENTITY l0 "lol">{layers}]><x>&l9;</x>'
    for content in (bomb.encode(), bomb.replace("doctype", "DOCTYPE").encode("utf-16"), b"<a>" * 100_000, b"\x00"):
        (root / "MTD_MSIL2A.xml").write_bytes(content)
        with pytest.raises(DataError, match=r"declares a document type|cannot be read as XML"):
            safe().read(str(root), l2a)


def test_metadata_of_many_megabytes_is_not_read(product, l2a, tmp_path):
    root = product("2A")
    (root / "MTD_MSIL2A.xml").write_bytes(b"<a>" + b" " * (9 * 2**20) + b"</a>")
    for path in (root, zipped(root, tmp_path / "bomb.zip")):
        with pytest.raises(DataError, match="more than 8 MiB"):
            safe().read(str(path), l2a)


@pytest.mark.parametrize("keep", [0.2, 0.9])
def test_a_truncated_image_is_named(product, l2a, keep):
    root = product("2A")
    image = root / GRANULE / "IMG_DATA/R10m/T31UFS_20220601T104629_B03_10m.jp2"
    content = image.read_bytes()
    image.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(DataError, match=r"B03_10m\.jp2: cannot be read"):
        _ = safe().read(str(root), l2a).values


def test_an_image_of_another_resolution_size_or_crs_is_named(product, l2a, raster):
    root = product("2A")
    image = root / GRANULE / "IMG_DATA/R10m/T31UFS_20220601T104629_B03_10m.jp2"
    good = np.full((12, 12), 1500, np.uint16)
    for values, meters, crs, message in (
        (good[::2, ::2], 20, "EPSG:32631", "its pixels are 20 x 20 in EPSG:32631, expected 10 m"),
        (good[:8, :8], 10, "EPSG:32631", r"8 x 8 pixels .* do not nest"),
        (good, 10, "EPSG:32632", "lies in EPSG:32632, but .* in EPSG:32631"),
        (good, 10, "EPSG:4326", "lies in EPSG:4326, expected a UTM zone"),
    ):
        raster(image, values, meters, crs=crs)
        with pytest.raises(DataError, match=message):
            _ = safe().read(str(root), l2a).values


def test_what_is_no_product_is_neither_recognised_nor_read(tmp_path, l2a, product):
    both = product("2A")
    (both / "MTD_MSIL1C.xml").write_text("<x/>")
    archive = zipped(product("1C"), tmp_path / "torn.zip")
    archive.write_bytes(archive.read_bytes()[:1000])
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.zip").write_bytes(b"PK")
    for path in (both, archive, tmp_path / "empty", tmp_path / "a.zip", tmp_path / "missing.SAFE"):
        assert not safe().recognises(str(path))
        with pytest.raises(DataError, match=path.name):
            safe().read(str(path), l2a)


def test_a_flipped_byte_of_a_zip_ends_in_a_data_error_or_in_the_same_values(product, l2a, tmp_path):
    archive = zipped(product("2A"), tmp_path / "flip.zip")
    good, reader, said = archive.read_bytes(), safe(), []
    whole = reader.read(str(archive), l2a).values
    for place in np.random.default_rng(7).integers(0, len(good), 40):
        archive.write_bytes(good[:place] + bytes([good[place] ^ 0x55]) + good[place + 1 :])
        reader.recognises(str(archive))
        try:
            assert reader.read(str(archive), l2a).values.shape == whole.shape
        except DataError as error:
            said.append(str(error))
    assert len(said) > 10
    assert [text for text in said if "flip.zip" not in text] == []


def test_pixels_are_read_only_when_used_and_elsewhere_too(product, l2a):
    root = product("2A")
    array = safe().read(str(root), l2a)
    (root / GRANULE / "IMG_DATA/R60m/T31UFS_20220601T104629_B01_60m.jp2").unlink()
    assert float(array.sel(band="B02")[0, 11, 3]) == 1111
    ForkingPickler.dumps(array)


def test_the_contract_passes_what_was_read(product, l2a, l1c):
    check(safe().read(str(product("2A")), l2a), l2a)
    check(safe().read(str(product("1C")), l1c), l1c)


def test_a_scan_of_a_folder_knows_place_time_clouds_and_bands(product, l2a):
    root = product("2A")
    finders, faults = scan(root.parent, [l2a], [safe()])
    (scene,) = finders["sentinel2_l2a"].scenes
    assert faults == ()
    assert (scene.cloud_cover, scene.bands, str(scene.start)[:19]) == (12.5, l2a.band_order, "2022-06-01 10:46:29")
    assert scene.bounds == pytest.approx((3.0, 50.550, 3.0017, 50.551), abs=1e-3)
    assert scene.open(["B02"]).shape == (1, 1, 12, 12)
    assert scene.clear().shape == (1, 12, 12)
