"""One file per band: what names say, what must be declared, and which files belong together."""

import numpy as np
import pytest
from olmoearth_sentinel2.band_files import band_files

from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.ingest.local import products

NAME = "S2A_MSIL2A_20220601T104629_"
BANDS = {"B01": 60, "B02": 10, "B8A": 20, "B11": 20}


@pytest.fixture
def image(tmp_path, raster, dn):
    """Takes what file names begin with and how they end, and returns the folder."""

    def made(stem=NAME, ending=".tif", folder="scene", bands=tuple(BANDS)):
        for band in bands:
            raster(tmp_path / folder / f"{stem}{band}{ending}", dn(band, BANDS[band]), BANDS[band])
        return tmp_path / folder

    return made


def test_a_folder_one_of_its_files_and_what_names_begin_with_are_the_same_image(image, l2a):
    folder = image()
    arrays = [band_files().read(str(p), l2a) for p in (folder, folder / f"{NAME}B11.tif", folder / f"{NAME}")]
    assert all(np.array_equal(arrays[0].values, array.values, equal_nan=True) for array in arrays)
    assert arrays[0]["band"].values.tolist() == ["B02", "B8A", "B11", "B01"]
    assert str(arrays[0]["time"].values[0])[:19] == "2022-06-01T10:46:29"


def test_the_offset_is_what_is_declared_and_never_told_from_values(image, l2a):
    folder = str(image())
    top = [band_files(offset=o).read(folder, l2a, bands=["B02"]).values[0, 0, 0, :7] for o in (0, -1000)]
    assert np.array_equal(top[0], [np.nan, 1, 999, 1000, 1001, 1500, 2100], equal_nan=True)
    assert np.array_equal(top[1], [np.nan, 1, 1, 1, 1, 500, 1100], equal_nan=True)


@pytest.mark.parametrize(("ending", "stem"), [(".jp2", "T31UFS_20220601T104629_"), ("_10m.TIF", "a-2022-06-01.")])
def test_other_endings_and_names_are_understood(image, l2a, ending, stem):
    folder = image(stem, ending, bands=("B02",))
    array = band_files(level="l2a").read(str(folder), l2a)
    assert float(array[0, 0, 11, 0]) == 2111
    assert str(array["time"].values[0])[:10] == "2022-06-01"


def test_files_named_by_the_band_alone_take_level_and_time_from_their_folder(image, l2a):
    folder = image("", folder="S2B_31UFS_20220601_0_L2A")
    assert str(band_files().read(str(folder), l2a)["time"].values[0])[:19] == "2022-06-01T00:00:00"


def test_the_native_resolution_is_taken_where_a_band_has_several(image, raster, l2a):
    folder = image(ending="_10m.tif", bands=("B02",))
    raster(folder / f"{NAME}B02_20m.tif", np.full((6, 6), 77, np.uint16), 20)
    assert band_files().read(str(folder), l2a).shape == (1, 1, 12, 12)


def test_what_names_do_not_say_must_be_declared(image, l2a, l1c):
    folder = str(image("thing_"))
    with pytest.raises(DataError, match=r"does not say L2A or L1C\. Declare it: level"):
        band_files().read(folder, l2a)
    with pytest.raises(DataError, match=r"holds no date\. Declare it: time"):
        band_files(level="l2a").read(folder, l2a)
    array = band_files(level="l1c", time="2021-07-23T13:22:41+02:00").read(folder, l1c)
    assert str(array["time"].values[0])[:19] == "2021-07-23T11:22:41"


def test_declarations_against_the_name_or_without_meaning_are_refused(image, l1c):
    with pytest.raises(DataError, match=r"its name says Level-2A .* level = 'l1c' is declared"):
        band_files(level="l1c").read(str(image()), l1c)
    with pytest.raises(DataError, match="Ask for sentinel2_l2a"):
        band_files().read(str(image()), l1c)
    for options in ({"offset": 1000}, {"offset": True}, {"level": "L2A"}, {"time": "soon"}, {"not_clear": [-1]}):
        with pytest.raises(ConfigError, match=next(iter(options))):
            band_files(**options)


def test_a_walk_through_folders_meets_each_image_once(image, raster):
    image(folder="a")
    image("S2A_MSIL2A_20220601T104629_x_", folder="b")
    image("S2A_MSIL2A_20220601T104629_y_", folder="b")
    folder = image("S2A_MSIL2A_20220602T104629_", folder="c", bands=("B8A", "B11"))
    raster(folder / "other.tif", np.zeros((2, 2), np.uint8), 60)
    found = [path.removeprefix(str(folder.parent)) for path, _ in products(folder.parent, [band_files()])]
    assert found == [
        "/a",
        "/b/S2A_MSIL2A_20220601T104629_x_B01.tif",
        "/b/S2A_MSIL2A_20220601T104629_y_B01.tif",
        "/c/S2A_MSIL2A_20220602T104629_B8A.tif",
    ]


def test_a_folder_of_several_images_must_be_told_apart(image, l2a):
    image()
    folder = image("S2B_MSIL2A_20220602T104629_")
    with pytest.raises(DataError, match=r"2 images begin so .* Give one of their files"):
        band_files().read(str(folder), l2a)


@pytest.mark.parametrize("stem", ["LC08_L1TP_199024_20180207_", "HLS.S30.T31UFS.2022152T104629.v2.0."])
def test_names_of_other_products_with_the_same_bands_are_not_taken(image, l2a, stem):
    folder = image(stem, bands=("B02", "B11"))
    assert not band_files().recognises(str(folder))
    with pytest.raises(DataError, match="no Sentinel-2 image with one file per band"):
        band_files(level="l2a").read(str(folder), l2a)


def test_files_beside_a_stac_item_are_left_to_it(image):
    folder = image()
    assert band_files().recognises(str(folder))
    (folder / "item.json").write_text('{"type": "Feature", "stac_version": "1.0.0"}')
    assert not band_files().recognises(str(folder))
    assert not band_files().recognises(str(folder / f"{NAME}B01.tif"))


def test_a_scene_classification_beside_the_bands_says_where_it_is_clear(image, raster, l2a):
    folder = image()
    assert band_files().clear(str(folder), l2a) is None
    classes = np.full((6, 6), 4, np.uint8)
    classes[0, :2] = [9, 5]
    raster(folder / f"{NAME}SCL.tif", classes, 20)
    clear = band_files().clear(str(folder), l2a).values[0]
    assert clear.shape == (12, 12)
    assert np.argwhere(~clear).tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]


def test_fractions_and_stacks_are_not_taken_for_digital_numbers(image, raster, l2a):
    folder = image()
    for values, message in (
        (np.full((12, 12), 0.2, np.float32), "1 bands of float32"),
        (np.zeros((3, 12, 12), np.uint16), "3 bands"),
    ):
        raster(folder / f"{NAME}B02.tif", values, 10)
        with pytest.raises(DataError, match=rf"B02\.tif: {message}"):
            band_files().read(str(folder), l2a)


def test_an_offset_in_the_header_must_be_the_declared_one(image, l2a):
    import rasterio

    folder = image(bands=("B02",))
    with rasterio.open(folder / f"{NAME}B02.tif", "r+") as file:
        file.scales, file.offsets = (1e-4,), (-0.1,)
    with pytest.raises(DataError, match=r"declares an offset of -0\.1 .* Give offset = -1000"):
        band_files().read(str(folder), l2a)
    assert float(band_files(offset=-1000).read(str(folder), l2a)[0, 0, 11, 0]) == 1111


def test_a_band_of_another_scene_or_a_torn_one_is_named(image, raster, dn, l2a):
    folder = image()
    raster(folder / f"{NAME}B11.tif", dn("B11", 20), 20, crs="EPSG:32632")
    with pytest.raises(DataError, match=r"B11\.tif.*lies in EPSG:32632"):
        band_files().read(str(folder), l2a)
    (folder / f"{NAME}B11.tif").write_bytes(b"II*\x00torn")
    with pytest.raises(DataError, match=r"B11\.tif: cannot be read"):
        band_files().read(str(folder), l2a)
    assert band_files().read(str(folder), l2a, bands=["B02"]).shape == (1, 1, 12, 12)


def test_a_declared_size_beyond_all_images_is_refused_before_memory_is_taken(image, raster, l2a):
    folder = image(bands=("B02",))
    raster(folder / f"{NAME}B02.tif", np.zeros((1, 100_001), np.uint16), 10)
    with pytest.raises(DataError, match=r"100001 x 1 pixels are declared, expected at most 100000"):
        band_files().read(str(folder), l2a)
