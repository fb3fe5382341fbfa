"""What a contact sheet and a map show, and that they are drawn for any sample."""

from __future__ import annotations

from dataclasses import replace

import h5py
import numpy as np
import pytest

from olmoearth_core.care.sheet import colour_bands, sheet
from olmoearth_core.care.world_map import distribution
from olmoearth_core.data.folder import find
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import BandSet, ModalitySpec
from olmoearth_core.lookup import modalities

COLOUR = ModalitySpec(
    "colour", (BandSet(("n", "b", "r", "g"), 16),), 16, multitemporal=True, dtype="uint16",
    wavelengths_nm={"n": 840, "b": 492, "r": 665, "g": 560},
)  # fmt: skip


def png_size(path):
    content = path.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    return int.from_bytes(content[16:20]), int.from_bytes(content[20:24])


def test_red_green_and_blue_are_found_by_wavelength_alone():
    assert colour_bands(COLOUR) == [2, 3, 1]
    assert colour_bands(replace(COLOUR, wavelengths_nm={"n": 840, "r": 665, "g": 560})) == []
    assert colour_bands(replace(COLOUR, wavelengths_nm={"n": 840, "b": 842, "r": 844, "g": 860})) == []


def test_gaps_are_at_their_months_and_absent_modalities_are_named(make, specs):
    path = make(2, gaps=True, steps=4)
    first, second = (sheet(find(str(path)), i, specs) for i in range(2))
    radar = next(p for p in first.pictures if p.name == "sentinel1")
    assert [image is None for image in radar.images] == [False, True, False, False]
    assert (first.months[1], first.absent, second.absent) == ("2020-02-01", (), ("worldcover",))
    with h5py.File(path / "sample_0.h5") as file:
        assert np.array_equal(radar.images[2], file["sentinel1"][:, :, 1, 0])
    cover = next(p for p in first.pictures if p.name == "worldcover")
    assert (cover.style, cover.varies) == ("classes", False)


def test_missing_values_are_nan_and_do_not_stretch_the_picture(make, specs):
    path = make(1)
    with h5py.File(path / "sample_0.h5", "r+") as file:
        file["srtm"][:4] = -32768
    height = next(p for p in sheet(find(str(path)), 0, specs).pictures if p.name == "srtm")
    assert np.isnan(height.images[0]).sum() == 4 * 32
    assert height.limits[0][0] >= 1


@pytest.mark.parametrize("steps", [1, 12, 30])
def test_any_number_of_months_is_drawn(make, run, tmp_path, steps):
    names = ("sentinel2_l2a", "sentinel1", "era5_10", "openstreetmap_raster", "worldcover")
    code, out, _ = run("show", make(1, names=names, steps=steps, gaps=True), 0, "--out", tmp_path / "s.png")
    assert code == 0
    width, height = png_size(tmp_path / "s.png")
    assert (width, height) < (2000, 3000)
    if steps > 1:
        assert "sentinel1               " + f"{steps - 1} of {steps} steps, none in 2020-02" in out


def test_a_modality_that_nobody_knows_is_drawn_too(make, run, tmp_path):
    path = make(1)
    with h5py.File(path / "sample_0.h5", "r+") as file:
        file["stranger"] = np.full((8, 8, 2, 1), np.nan, "f4")
        file["missing_timesteps_masks/stranger"] = np.array([True, False, True])
    assert run("show", path, 0, "--out", tmp_path / "s.png")[0] == 0


def test_mistakes_give_one_sentence(make, run, tmp_path, monkeypatch):
    path = make(2)
    assert "has the samples 0 to 1, but 2" in run("show", path, 2, "--out", tmp_path / "s.png")[2]
    assert "give a name that ends in .png" in run("show", path, 0, "--out", tmp_path / "s.jpg")[2]
    assert "there is no folder" in run("map", path, "--out", tmp_path / "no" / "s.png")[2]
    assert "expected 0.5 to 90 that divide 180" in run("map", path, "--degrees", 7, "--out", tmp_path / "m.png")[2]
    (path / "sample_0.h5").write_bytes(b"x")
    assert "cannot be read as HDF5" in run("show", path, 0, "--out", tmp_path / "s.png")[2]
    monkeypatch.setattr("olmoearth_core.care.drawing.find_spec", lambda name: None)
    assert "needs matplotlib, which is not installed. pip install matplotlib" in run("show", path, 1)[2]


def test_the_map_counts_each_sample_once_also_at_the_edges(make, run, tmp_path):
    path = make(4)
    np.save(path / "latlon_distribution.npy", np.array([[90, 180], [-90, -180], [0, 0], [-0.1, 0]]))
    found = distribution(find(str(path)), 30)
    assert (found.counts.sum(), found.counts[5, 11], found.counts[0, 0]) == (4, 1, 1)
    assert (found.counts[3, 6], found.counts[2, 6]) == (1, 1)
    assert found.zones == {"90-60 N": 1, "30-0 N": 1, "0-30 S": 1, "60-90 S": 1}
    code, out, _ = run("map", path, "--out", tmp_path / "m.png")
    assert (code, out.splitlines()[0]) == (0, "samples     4 at 4 places, in 4 cells of 5 degrees")
    assert png_size(tmp_path / "m.png") == (1300, 700)


def test_places_outside_the_world_are_refused(make):
    path = make(2)
    np.save(path / "latlon_distribution.npy", np.array([[91.0, 0], [np.nan, 0]]))
    with pytest.raises(DataError, match="lat/lon outside the world"):
        distribution(find(str(path)))


def test_all_known_modalities_have_a_way_to_be_shown():
    from olmoearth_core.kinds import registry

    known = modalities(sorted(registry.modalities.components()))
    coloured = {spec.name for spec in known if colour_bands(spec)}
    assert {"landsat", "sentinel2_l2a", "naip_10"} <= coloured
