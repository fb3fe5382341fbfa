"""One file per band: what names say, what must be declared, and which files belong together."""

import shutil

import numpy as np
import pytest
from olmoearth_landsat.band_files import band_files

from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.ingest.local import products

L1_ID = "LC08_L1TP_017033_20140502_20200911_02_T1"


@pytest.fixture
def loose(bundle):
    """Takes a level and returns its files without their metadata."""

    def made(level):
        root = bundle(level)
        next(root.glob("*_MTL.txt")).unlink()
        return root

    return made


def test_a_folder_one_of_its_files_and_what_names_begin_with_are_the_same_image(loose, l1):
    root = loose("l1")
    arrays = [band_files().read(str(p), l1) for p in (root, root / f"{L1_ID}_B4.TIF", root / f"{L1_ID}_")]
    assert all(np.array_equal(arrays[0].values, array.values, equal_nan=True) for array in arrays)
    assert (arrays[0].shape, str(arrays[0]["time"].values[0])[:19]) == ((1, 11, 7, 11), "2014-05-02T00:00:00")


def test_files_of_level_2_are_rescaled_and_their_names_say_so(loose, l2):
    root = loose("l2")
    array = band_files().read(str(root), l2)
    assert array["band"].values.tolist() == ["B1", "B2", "B3", "B4", "B5", "B6", "B7", "B10"]
    # 14012 x 0.275 - 2000.
    assert float(array.sel(band="B4")[0, 1, 2]) == pytest.approx(1853.3, abs=0.01)
    assert band_files().clear(str(root), l2).values[0, 0].tolist() == [False, True, True, False, False, True]


def test_files_of_two_levels_in_one_image_are_refused(loose, l2):
    root = loose("l2")
    shutil.copy(root / f"{root.name}_SR_B4.TIF", root / f"{root.name}_B9.TIF")
    with pytest.raises(DataError, match=r"_B9\.TIF is not named as a file of Level-2"):
        band_files().read(str(root), l2)


def test_a_bundle_with_its_metadata_is_left_to_the_reader_of_bundles(bundle):
    root = bundle("l1")
    assert not band_files().recognises(str(root))
    next(root.glob("*_MTL.txt")).unlink()
    assert band_files().recognises(str(root))


def test_a_walk_meets_each_image_once(loose, tmp_path):
    one, two = loose("l1"), loose("l2")
    found = [path for path, _ in products(tmp_path, [band_files()])]
    assert found == [str(one), str(two)]
    for file in two.iterdir():
        shutil.move(file, one / file.name)
    found = [path for path, _ in products(one, [band_files()])]
    assert found == [str(one / f"{name}_B1.TIF") for name in (one.name, f"{two.name}_SR")]


def test_names_of_sentinel_2_and_of_older_landsats_are_not_taken(raster, tmp_path, l1):
    for name in ("S2A_MSIL2A_20220601_B4.tif", "HLS.L30.B4.tif"):
        raster(tmp_path / name[:3] / name, np.ones((2, 2), np.uint16))
        assert not band_files(level="l1").recognises(str(tmp_path / name[:3]))
    raster(tmp_path / "LE07" / f"{L1_ID.replace('LC08', 'LE07')}_B4.TIF", np.ones((2, 2), np.uint16))
    with pytest.raises(DataError, match=r"LE07_.* is of another Landsat"):
        band_files().read(str(tmp_path / "LE07"), l1)


def test_a_declared_level_that_names_contradict_is_refused(loose, l1):
    with pytest.raises(DataError, match=r"L1TP.* is Level-1 .*but level = 'l2' is declared"):
        band_files(level="l2").read(str(loose("l1")), l1)
    with pytest.raises(ConfigError, match=r"level = 'L1'"):
        band_files(level="L1")
    with pytest.raises(ConfigError, match=r'time = "soon"'):
        band_files(time="soon")


def test_several_images_in_a_folder_must_be_told_apart(loose, l1):
    root = loose("l1")
    shutil.copy(root / f"{L1_ID}_B4.TIF", root / f"{L1_ID.replace('017033', '018033')}_B4.TIF")
    with pytest.raises(DataError, match=r"2 images begin so"):
        band_files().read(str(root), l1)


def test_a_missing_path_is_named(tmp_path, l1):
    with pytest.raises(DataError, match=r"nowhere/LC08_B4\.TIF: not found"):
        band_files().read(str(tmp_path / "nowhere" / "LC08_B4.TIF"), l1)
