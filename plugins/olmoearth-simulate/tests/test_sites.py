"""Real sites: values, units, months and labels as in the source files. Skipped where the samples are not lent."""

from __future__ import annotations

import json
import os
from pathlib import Path

import h5py
import numpy as np
import pytest
import rasterio
from olmoearth_simulate.site_labels import CLASSES
from olmoearth_simulate.sites import sites

from olmoearth_core.convert.dataset_writer import read_records
from olmoearth_core.convert.h5_writer import MASKS, MISSING_VALUE
from olmoearth_core.convert.verify import verify
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.source import Source
from olmoearth_core.kinds import registry
from olmoearth_core.lookup import modalities

SPECS = {s.name: s for s in modalities(["sentinel2_l2a", "sentinel1", "landsat_l2", "srtm"])}
ROOT = Path(os.environ.get("OLMOEARTH_SAMPLES", Path(__file__).parents[4] / "shared" / "samples") or "/nowhere")
lent = pytest.mark.skipif(not (ROOT / "sites").is_dir(), reason=f"no sample sites in {ROOT}")
BELGIUM = ROOT / "sites" / "be_31uds_2018"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return sites(root=str(ROOT)).write(tmp_path_factory.mktemp("sites"), tuple(SPECS.values()))


@pytest.fixture(scope="module")
def by_key(folder) -> dict[str, Path]:
    return {r["key"]: folder / r["file"] for r in read_records(str(folder))}


def raster(name: str, site: Path = BELGIUM) -> np.ndarray:
    with rasterio.open(site / name) as file:
        return file.read()


def test_it_is_a_registered_source():
    made = registry.sources.get("simulate.sites.v1")(root="x")
    assert isinstance(made, Source)
    assert made.writes == "h5"


@lent
def test_all_sites_become_a_clean_data_set(folder):
    findings = verify(str(folder), SPECS)
    assert findings.problems == []
    assert folder.parts[-3:] == (
        "h5py_data_w_missing_timesteps_zstd_3_32_x_64", "landsat_l2_sentinel1_sentinel2_l2a_srtm", "192",
    )  # fmt: skip
    assert dict(findings.steps) == {12: 45, 1: 147}
    assert {n: f.samples for n, f in findings.modalities.items()} == {
        "sentinel2_l2a": 192, "sentinel1": 192, "srtm": 192, "landsat_l2": 9,
    }  # fmt: skip


@lent
def test_optical_bands_come_from_both_resolutions_in_the_order_of_the_modality(by_key):
    order = SPECS["sentinel2_l2a"].band_order
    ten, twenty = raster("sentinel2_l2a_10m.tif"), raster("sentinel2_l2a_20m.tif")
    with h5py.File(by_key["be_31uds_2018_016_032"]) as file:
        stored = file["sentinel2_l2a"][()]
        assert file["timestamps"][0].tolist() == [1, 11, 2017]
    for step in (0, 5, 11):
        np.testing.assert_array_equal(stored[:, :, step, order.index("B08")], ten[step * 4 + 3, 16:48, 32:64])
        np.testing.assert_array_equal(stored[::2, ::2, step, order.index("B8A")], twenty[step * 6 + 3, 8:24, 16:32])
    assert (stored[..., [order.index("B01"), order.index("B09")]] == MISSING_VALUE).all()


@lent
def test_linear_radar_becomes_decibel_on_the_10_m_grid(by_key):
    power = raster("sentinel1_20m.tif")
    with h5py.File(by_key["be_31uds_2018_000_000"]) as file:
        decibel = file["sentinel1"][()]
    np.testing.assert_allclose(decibel[::2, ::2, 3, 1], 10 * np.log10(power[7, :16, :16]), rtol=1e-5)
    np.testing.assert_array_equal(decibel[::2, ::2], decibel[1::2, 1::2])


@lent
def test_six_landsat_scenes_fill_six_of_twelve_months(by_key):
    source = raster("landsat8_sr_10m.tif").reshape(6, 8, 64, 64)
    with h5py.File(by_key["be_31uds_2018_000_000"]) as file:
        stored, mask, stamps = file["landsat_l2"][()], file[f"{MASKS}/landsat_l2"][()], file["timestamps"][()]
    assert stamps[mask, 1].tolist() == [1, 5, 6, 7, 8, 9]
    order = SPECS["landsat_l2"].band_order
    np.testing.assert_array_equal(stored[:, :, 2, order.index("B10")], source[2, 6, :32, :32])
    red = source[1, 2, :32, :32]
    np.testing.assert_array_equal(stored[:, :, 1, order.index("B4")], np.where(red < 0, MISSING_VALUE, red))
    assert (stored[..., order.index("B1")] == MISSING_VALUE).all()


@lent
def test_two_empty_months_are_absent_and_empty_pixels_are_missing(by_key):
    source = raster("sentinel2_l2a_10m.tif", ROOT / "sites" / "be_31ufs_2021").reshape(12, 9, 100, 100)
    stored, gaps = None, 0
    for key, path in by_key.items():
        if key.startswith("be_31ufs_2021"):
            with h5py.File(path) as file:
                stored, mask = file["sentinel2_l2a"][()], file[f"{MASKS}/sentinel2_l2a"][()]
            assert "".join("FT"[int(m)] for m in mask) == "TFFTTTTTTTTT"
            top, left = (int(part) for part in key.split("_")[-2:])
            blue = source[6, 0, top : top + 32, left : left + 32]
            np.testing.assert_array_equal(stored[:, :, 4, 0] == MISSING_VALUE, blue == 0)
            gaps += int((blue == 0).sum())
    assert gaps > 0


@lent
def test_the_elevation_keeps_its_real_source_in_the_records(folder):
    source = json.loads(read_records(str(folder))[0]["source"])
    assert source["srtm"].endswith("worldcerealtraining/dem")


@lent
def test_one_date_sites_use_all_bands_and_do_not_overlap(by_key):
    keys = [k for k in by_key if k.startswith("tm_denmark")]
    assert len(keys) == 49
    with h5py.File(by_key["tm_denmark_032_064"]) as file:
        stored = file["sentinel2_l2a"][()]
        assert file["timestamps"][()].tolist() == [[1, 9, 2017]]
    order = SPECS["sentinel2_l2a"].band_order
    source = raster("sentinel2_l2a_10m.tif", ROOT / "sites" / "tm_denmark")
    np.testing.assert_array_equal(stored[:, :, 0, order.index("B09")], source[9, 32:64, 64:96])


@lent
def test_samples_lie_where_their_pixels_do(folder, by_key):
    with h5py.File(by_key["tm_serengeti_000_000"]) as file:
        latlon = file["latlon"][()]
    assert latlon == pytest.approx([-3.39, 34.06], abs=0.05)
    assert np.load(folder / "latlon_distribution.npy").shape == (192, 2)


@lent
def test_labels_are_given_once_per_place_in_honest_classes(folder, by_key):
    facts = json.loads((folder / "labels" / "classes.json").read_text())
    assert facts["classes"] == list(CLASSES)
    assert set(facts["group"].values()) == {p.name for p in (ROOT / "sites").iterdir()}
    index = {key: path.stem for key, path in by_key.items()}
    labels = np.load(folder / "labels" / f"{index['be_31uds_2018_000_032']}.npy")
    codes = raster("lpis_labels_10m.tif")[0, :32, 32:64]
    assert (labels.dtype, labels.shape) == (np.int16, (32, 32))
    assert ((labels == CLASSES.index("crops")) == (codes == 11)).all()
    assert ((labels == -1) == ~np.isin(codes, [11, 13, 60, 99])).all()
    assert not (folder / "labels" / f"{index['be_31uds_2018_016_032']}.npy").exists()


@lent
def test_writing_again_changes_nothing(folder):
    before = {p: p.stat().st_mtime_ns for p in folder.rglob("*")}
    again = sites(root=str(ROOT / "sites")).write(folder.parents[2], tuple(SPECS.values()))
    assert again == folder
    assert {p: p.stat().st_mtime_ns for p in folder.rglob("*")} == before


def small_site(root: Path, *, units: str = "linear power", size: int = 32) -> None:
    """Write a site of one radar scene."""
    (root / "here").mkdir(parents=True)
    transform = rasterio.Affine(10.0, 0.0, 500000.0, 0.0, -10.0, 5000000.0)
    profile = {"driver": "GTiff", "width": size, "height": size, "count": 2, "dtype": "float32",
               "crs": "EPSG:32631", "transform": transform}  # fmt: skip
    with rasterio.open(root / "here" / "sentinel1_10m.tif", "w", **profile) as file:
        file.write(np.full((2, size, size), 0.1, np.float32))
        file.descriptions = ("2020-05-03:vv", "2020-05-03:vh")
        file.update_tags(units=units)


def test_other_units_than_expected_are_refused(tmp_path):
    small_site(tmp_path, units="dB")
    with pytest.raises(DataError, match=r'sentinel1_10m\.tif: its tags say "dB", expected "linear power"'):
        sites(root=str(tmp_path)).write(tmp_path / "out", [SPECS["sentinel1"]])


def test_a_site_without_a_map_has_no_labels(tmp_path):
    small_site(tmp_path)
    path = sites(root=str(tmp_path)).write(tmp_path / "out", [SPECS["sentinel1"]])
    assert [p.name for p in (path / "labels").iterdir()] == ["classes.json"]
    assert not verify(str(path), SPECS).problems


def test_a_folder_without_sites_is_refused(tmp_path):
    with pytest.raises(DataError, match="no folders with GeoTIFF files"):
        sites(root=str(tmp_path)).write(tmp_path / "out", tuple(SPECS.values()))


def test_a_stride_beyond_the_window_is_refused():
    with pytest.raises(DataError, match="stride 64: expected 1 to tile_size"):
        sites(root="x", stride=64)
