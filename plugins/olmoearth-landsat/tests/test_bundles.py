"""Level-1 and Level-2 bundles: values, places and masks; level and scene are what the metadata says."""

from multiprocessing.reduction import ForkingPickler

import numpy as np
import pytest
from olmoearth_landsat.level1_bundle import level1_bundle
from olmoearth_landsat.level2_bundle import level2_bundle

from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.ingest.local import products, scan
from olmoearth_core.readers.contract import check

L1_ID = "LC08_L1TP_017033_20140502_20200911_02_T1"
L2_ID = "LC08_L2SP_017033_20140502_20200911_02_T1"
READERS = {"l1": level1_bundle(), "l2": level2_bundle()}


def test_level_1_gives_raw_numbers_of_all_bands_in_the_order_of_the_specification(bundle, l1, numbers):
    root = bundle("l1")
    array = level1_bundle().read(str(root), l1)
    assert tuple(array["band"].values) == l1.band_order
    assert array.shape == (1, 11, 7, 11)
    assert array.rio.crs.to_string() == "EPSG:32617"
    assert str(array["time"].values[0]) == "2014-05-02T15:51:41.646728000"
    assert (array.attrs["quantity"], array.attrs["units"]) == ("digital_number", "Level-1 digital numbers")
    assert array.attrs["cloud_cover"] == 12.5
    b8 = array.sel(band="B8").values[0]
    assert np.isnan(b8[0, 0])
    assert np.array_equal(np.nan_to_num(b8), numbers("B8"))


def test_bands_of_30_m_alone_lie_exactly_on_their_own_grid(bundle, l1, numbers):
    array = level1_bundle().read(str(bundle("l1")), l1, bands=["B10", "B1"])
    assert array["band"].values.tolist() == ["B1", "B10"]
    assert (array.shape, float(array["x"][0]), float(array["y"][0])) == ((1, 2, 4, 6), 500025, 4199985)
    assert np.array_equal(np.nan_to_num(array.values[0, 1]), numbers("B10"))


def test_the_panchromatic_band_keeps_its_grid_and_others_give_what_is_under_its_centres(bundle, l1):
    array = level1_bundle().read(str(bundle("l1")), l1, bands=["B8", "B5"])
    # The centres of the upper left pixels of both grids are one point.
    assert (float(array["x"][0]), float(array["y"][0])) == (500025, 4199985)
    assert (float(array["x"][1]), float(array["y"][1])) == (500040, 4199970)
    b5 = array.sel(band="B5").values[0]
    # B5 is 15000 + 10 x row + column; a centre on the border of two pixels takes the right and lower one.
    assert b5[1].tolist() == [15010, 15011, 15011, 15012, 15012, 15013, 15013, 15014, 15014, 15015, 15015]
    assert b5[:, 10].tolist() == [15005, 15015, 15015, 15025, 15025, 15035, 15035]
    assert np.isnan(b5[0, 0])
    assert b5[0, 1] == 15001
    assert set(np.unique(b5[np.isfinite(b5)])) <= {15000 + 10 * row + col for row in range(4) for col in range(6)}


def test_windows_of_the_scene_are_parts_of_the_whole(bundle, l1):
    array = level1_bundle().read(str(bundle("l1")), l1, bands=["B8", "B5"])
    whole = array.values
    for rows, cols in ((slice(2, 5), slice(3, 4)), (slice(6, 7), slice(10, 11)), (slice(0, 7, 3), slice(1, 11, 4))):
        assert np.array_equal(array[:, :, rows, cols].values, whole[:, :, rows, cols], equal_nan=True)


def test_level_2_is_rescaled_to_the_units_of_the_modality(bundle, l2):
    array = level2_bundle().read(str(bundle("l2")), l2)
    assert tuple(array["band"].values) == ("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B10")
    assert array.shape == (1, 8, 4, 6)
    assert array.attrs["quantity"] == "reflectance_x10000_and_kelvin_x10"
    # 14012 x 0.275 - 2000 and 20012 x 0.0341802 + 1490.
    assert float(array.sel(band="B4")[0, 1, 2]) == pytest.approx(1853.3, abs=0.01)
    assert float(array.sel(band="B10")[0, 1, 2]) == pytest.approx(2174.0142, abs=0.01)
    assert np.isnan(array.values[0, :, 0, 0]).all()


def test_what_level_2_measured_below_zero_is_one_and_no_gap(bundle, l2, raster):
    root = bundle("l2")
    values = np.full((4, 6), 7273, np.uint16)
    values[0, :4] = [0, 1, 7272, 7277]
    raster(root / f"{L2_ID}_SR_B1.TIF", values)
    top = level2_bundle().read(str(root), l2, bands=["B1"]).values[0, 0, 0]
    # 7273 is reflectance 0.000075 and 7277 is 0.001175.
    assert np.allclose(top[:5], [np.nan, 1, 1, 1.175, 1], equal_nan=True, atol=0.001)


@pytest.mark.parametrize("level", ["l1", "l2"])
def test_both_levels_keep_the_contract_and_go_to_other_processes(bundle, l1, l2, level):
    spec = {"l1": l1, "l2": l2}[level]
    array = READERS[level].read(str(bundle(level)), spec)
    check(array, spec)
    ForkingPickler.dumps(array)


@pytest.mark.parametrize("suffix", ["txt", "xml", "json"])
@pytest.mark.parametrize("product", [L1_ID, L2_ID])
def test_each_format_of_the_metadata_says_the_same(new_bundle, tmp_path, l1, l2, suffix, product):
    reader, spec = (READERS["l1"], l1) if product == L1_ID else (READERS["l2"], l2)
    root = new_bundle(tmp_path, product, suffix)
    array = reader.read(str(root), spec)
    assert str(array["time"].values[0]) == "2014-05-02T15:51:41.646728000"
    assert (array.sizes["band"], array.attrs["cloud_cover"]) == (11 if product == L1_ID else 8, 12.5)
    assert reader.recognises(str(root))


@pytest.mark.parametrize("prefix", ["", "./", f"{L1_ID}/"])
def test_a_tar_gives_what_the_folder_gives_without_being_unpacked(bundle, tarred, tmp_path, l1, prefix):
    root = bundle("l1")
    archive = tarred(root, tmp_path / "a b.tar", prefix)
    before = sorted(tmp_path.iterdir())
    assert level1_bundle().recognises(str(archive))
    one, other = (level1_bundle().read(str(p), l1).values for p in (archive, root))
    assert np.array_equal(one, other, equal_nan=True)
    one, other = (level1_bundle().clear(str(p), l1).values for p in (archive, root))
    assert np.array_equal(one, other)
    assert sorted(tmp_path.iterdir()) == before


def test_the_ground_is_seen_where_no_flag_of_cloud_shadow_or_fill_is_set(bundle, l2):
    clear = level2_bundle().clear(str(bundle("l2")), l2)
    assert (clear.dtype, clear.dims, clear.shape) == (bool, ("time", "y", "x"), (1, 4, 6))
    # Fill, clear, water, cloud, shadow, snow; cirrus, dilated cloud.
    assert clear.values[0, 0].tolist() == [False, True, True, False, False, True]
    assert clear.values[0, 1].tolist() == [False, False, True, True, True, True]
    assert clear.values[0, 2:].all()
    assert clear.attrs["not_clear"] == "fill, dilated_cloud, cirrus, cloud, cloud_shadow"


def test_flags_that_hide_the_ground_can_be_chosen(bundle, l2):
    path = str(bundle("l2"))
    hidden = np.argwhere(~level2_bundle(not_clear=["snow", "water"]).clear(path, l2).values[0]).tolist()
    assert hidden == [[0, 0], [0, 2], [0, 5]]
    assert np.argwhere(~level2_bundle(not_clear=[]).clear(path, l2).values[0]).tolist() == [[0, 0]]
    with pytest.raises(ConfigError, match="'haze' is no flag of QA_PIXEL, expected some of fill, dilated_cloud"):
        level1_bundle(not_clear=["haze"])


def test_the_mask_of_level_1_lies_on_the_panchromatic_grid(bundle, l1):
    root = bundle("l1")
    clear, array = level1_bundle().clear(str(root), l1), level1_bundle().read(str(root), l1)
    assert np.array_equal(clear["x"], array["x"])
    assert np.array_equal(clear["y"], array["y"])
    assert clear.values[0, 0].tolist() == [False, *[True] * 4, *[False] * 4, True, True]
    (root / f"{L1_ID}_B8.TIF").unlink()
    assert level1_bundle().clear(str(root), l1).shape == (1, 4, 6)


def test_a_product_without_quality_band_does_not_say_where_it_is_clear(bundle, l2):
    root = bundle("l2")
    edited(root, "FILE_NAME_QUALITY_L1_PIXEL", "FILE_NAME_OTHER")
    assert level2_bundle().clear(str(root), l2) is None


def edited(root, old, new):
    (mtl,) = root.glob("*_MTL.*")
    text = mtl.read_text("utf-8")
    assert old in text
    mtl.write_text(text.replace(old, new), "utf-8")
    return str(root)


def test_levels_are_never_confused_whichever_reader_or_modality_is_named(bundle, l1, l2):
    one, two = str(bundle("l1")), str(bundle("l2"))
    assert not level1_bundle().recognises(two)
    assert not level2_bundle().recognises(one)
    for ask in (level1_bundle().read, level1_bundle().clear):
        with pytest.raises(DataError, match=r"L2SP.* is Level-2 .*expected Level-1 .*landsat\.level2\.v1 as"):
            ask(two, l1)
        with pytest.raises(DataError, match=r"is the modality landsat, but landsat_l2 was asked for"):
            ask(one, l2)
    with pytest.raises(DataError, match=r"L1TP.* is Level-1 .*landsat\.level1\.v1 as landsat"):
        level2_bundle().read(one, l2)


def test_a_missing_band_file_is_named_and_the_others_can_still_be_asked_for(bundle, tarred, tmp_path, l1):
    root = bundle("l1")
    (root / f"{L1_ID}_B5.TIF").unlink()
    for path in (root, tarred(root, tmp_path / "few.tar")):
        with pytest.raises(DataError, match=r"_B5\.TIF \(band B5\) is listed in .*_MTL\.txt, but missing"):
            level1_bundle().read(str(path), l1)
        assert level1_bundle().read(str(path), l1, bands=["B6", "B4"])["band"].values.tolist() == ["B4", "B6"]


def test_level_2_says_which_bands_it_does_not_have(bundle, l2, new_bundle, tmp_path):
    root = bundle("l2")
    with pytest.raises(DataError, match="has no band B11, only B1, B2, B3, B4, B5, B6, B7, B10"):
        level2_bundle().read(str(root), l2, bands=["B11"])
    with pytest.raises(DataError, match="landsat_l2 has no band B8"):
        level2_bundle().read(str(root), l2, bands=["B8"])
    few = new_bundle(tmp_path / "few", L2_ID.replace("L2SP", "L2SR"))
    edited(few, "FILE_NAME_BAND_ST_B10", "FILE_NAME_NONE")
    assert level2_bundle().read(str(few), l2)["band"].values.tolist() == ["B1", "B2", "B3", "B4", "B5", "B6", "B7"]


def test_level_1_of_one_instrument_alone_is_refused_unless_bands_are_named(new_bundle, tmp_path, l1):
    root = new_bundle(tmp_path, L1_ID.replace("LC08", "LO08"))
    for band in ("10", "11"):
        edited(root, f"FILE_NAME_BAND_{band} ", f"FILE_NAME_NONE_{band} ")
    with pytest.raises(DataError, match=r"LO08_.* is of one instrument alone .*name the bands"):
        level1_bundle().read(str(root), l1)
    assert level1_bundle().read(str(root), l1, bands=["B2"]).shape == (1, 1, 4, 6)


FAULTS = {
    "another scene": (L1_ID, L1_ID.replace("017033", "018033"), "content is of LC08_L1TP_018033.*, another scene"),
    "another image": (f"{L1_ID}_B4", f"{L1_ID.replace('017033', '018033')}_B4", "of another scene"),
    "level": ('PROCESSING_LEVEL = "L1TP"', 'PROCESSING_LEVEL = "L2SP"', 'PROCESSING_LEVEL is "L2SP", but'),
    "older": ("LC08_L1TP", "LE07_L1TP", "LE07_.* is of another Landsat"),
    "collection": ("_02_T1", "_01_T1", "is of Collection 1"),
    "first collection": ("LANDSAT_METADATA_FILE", "L1_METADATA_FILE", 'group is "L1_METADATA_FILE".*Collection 1'),
    "escape": (f"{L1_ID}_B4.TIF", "../../etc/B4.TIF", r'lists an image "../../etc/B4\.TIF"'),
    "date": ("2014-05-02", "yesterday", 'taken at "yesterdayT15'),
    "other date": ("2014-05-02", "2014-05-03", "taken on 2014-05-03, but its product is"),
    "no product": ("LANDSAT_PRODUCT_ID", "NOTHING", "no Landsat product"),
    "no group": ("IMAGE_ATTRIBUTES", "OTHERS", "has no group IMAGE_ATTRIBUTES"),
    "no bands": ("FILE_NAME_BAND", "FILE_NAME", "lists no file of a band"),
    "torn": ("END_GROUP = IMAGE_ATTRIBUTES", "", "ends a group LANDSAT_METADATA_FILE that is not open"),
    "garbage": ("  GROUP = IMAGE_ATTRIBUTES", "\x01\x02", "expected KEY = value"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_metadata_that_is_not_understood_is_refused_with_what_was_found(bundle, l1, fault):
    old, new, message = FAULTS[fault]
    root = bundle("l1")
    path = edited(root, old, new)
    with pytest.raises(DataError, match=message) as error:
        level1_bundle().read(path, l1)
    assert root.name in str(error.value)
    assert not level1_bundle().recognises(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "REFLECTANCE_ADD_BAND_4 = -0.2",
            "REFLECTANCE_ADD_BAND_4 = 0",
            "B4 is declared with scale 2.75e-05 and offset 0",
        ),
        ("ST_B10 = 149.0", "ST_B10 = many", r"scale and offset of B10 are \['0.00341802', 'many'\]"),
        ("LEVEL2_SURFACE_TEMPERATURE", "OTHER", "has no group LEVEL2_SURFACE_TEMPERATURE_PARAMETERS"),
    ],
)
def test_scales_of_level_2_must_be_those_of_the_collection(bundle, l2, old, new, message):
    with pytest.raises(DataError, match=message):
        level2_bundle().read(edited(bundle("l2"), old, new), l2)


@pytest.mark.parametrize(
    ("suffix", "content", "message"),
    [
        ("txt", b"\xff\xfe\x00", "is no text"),
        ("txt", b"GROUP = LANDSAT_METADATA_FILE\n A = 1", "ends inside the group"),
        ("txt", b"A" * (4 * 2**20 + 1), "more than 4 MiB"),
        ("xml", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "declares a document type"),
        ("xml", b"<a><b></a>", "cannot be read as XML"),
        ("json", b"[" * 100_000, "is no JSON"),
        ("json", b"[]", "expected one object"),
        ("json", b'{"LANDSAT_METADATA_FILE": 3}', "has no group PRODUCT_CONTENTS"),
    ],
)
def test_metadata_that_is_garbage_is_refused_by_name(bundle, l1, suffix, content, message):
    root = bundle("l1")
    (root / f"{L1_ID}_MTL.txt").unlink()
    (root / f"{L1_ID}_MTL.{suffix}").write_bytes(content)
    with pytest.raises(DataError, match=rf"_MTL\.{suffix}.*{message}"):
        level1_bundle().read(str(root), l1)
    assert not level1_bundle().recognises(str(root))


def test_an_image_that_is_torn_or_not_of_the_scene_is_named(bundle, l1, raster):
    root = bundle("l1")
    image, good = root / f"{L1_ID}_B4.TIF", np.full((4, 6), 9000, np.uint16)
    for values, place, message in (
        (good, {"meters": 15}, r"_B4\.TIF: its pixels are 15 x 15 .* expected 30 m"),
        (good, {"crs": "EPSG:32618"}, r"_B4\.TIF, band 1: .* EPSG:32618 .*_B8\.TIF"),
        (good, {"corner": (500040, 4200000)}, r"_B4\.TIF, band 1: .* from \(500040, 4200000\)"),
        (good[:3], {}, r"_B4\.TIF, band 1: 6 x 3 pixels"),
        (good.astype(np.float32), {}, r"_B4\.TIF: 1 bands of float32, expected one of whole numbers"),
        (np.stack([good] * 3), {}, r"_B4\.TIF: 3 bands of uint16"),
    ):
        raster(image, values, **place)
        with pytest.raises(DataError, match=message):
            level1_bundle().read(str(root), l1)
    image.write_bytes(image.read_bytes()[:200])
    with pytest.raises(DataError, match=r"_B4\.TIF: cannot be read"):
        _ = level1_bundle().read(str(root), l1).values


def test_a_mask_that_holds_no_flags_is_refused(bundle, l2, raster):
    root = bundle("l2")
    raster(root / f"{L2_ID}_QA_PIXEL.TIF", np.zeros((4, 6), np.uint8))
    with pytest.raises(DataError, match=r"_QA_PIXEL\.TIF: 1 bands of uint8, expected one of uint16"):
        level2_bundle().clear(str(root), l2)


def test_level_1_numbers_with_a_scale_in_their_header_are_refused(bundle, l1):
    import rasterio

    root = bundle("l1")
    with rasterio.open(root / f"{L1_ID}_B4.TIF", "r+") as file:
        file.scales, file.offsets = (2e-5,), (-0.1,)
    with pytest.raises(DataError, match=r"declares scale 2e-05 and offset -0\.1, but digital numbers of Level-1 have"):
        level1_bundle().read(str(root), l1)


def test_a_walk_meets_each_product_once_in_one_folder_or_in_several(bundle, tmp_path, metadata_text, tarred):
    import shutil

    one, two = bundle("l1"), bundle("l2")
    (one / f"{L1_ID}_MTL.json").write_text(metadata_text(L1_ID, "json"))
    tarred(two, tmp_path / "z.tar")
    found = [path.removeprefix(str(tmp_path)) for path, _ in products(tmp_path, list(READERS.values()))]
    assert found == [f"/{L1_ID}", f"/{L2_ID}", "/z.tar"]
    shutil.copytree(two, one, dirs_exist_ok=True)
    found = [path.removeprefix(str(one)) for path, _ in products(one, list(READERS.values()))]
    assert found == [f"/{L1_ID}_MTL.txt", f"/{L2_ID}_MTL.txt"]
    with pytest.raises(DataError, match=r"found .* and .*one product at a time"):
        level1_bundle().read(str(one), None)


def test_a_scan_of_a_folder_knows_place_time_clouds_and_bands(bundle, l1, l2):
    root = bundle("l2")
    bundle("l1")
    finders, faults = scan(root.parent, [l1, l2], list(READERS.values()))
    assert faults == ()
    (one,), (two,) = finders["landsat"].scenes, finders["landsat_l2"].scenes
    assert (one.bands, len(two.bands), two.cloud_cover) == (l1.band_order, 8, 12.5)
    assert str(two.start) == "2014-05-02 15:51:41.646728+00:00"
    assert one.open(["B8"]).shape == (1, 1, 7, 11)
    assert two.clear().shape == (1, 4, 6)
