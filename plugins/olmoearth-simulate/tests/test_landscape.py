"""The simulated landscape: valid values, honest gaps, the same every time, and land cover that can be learned."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import rasterio
from olmoearth_simulate.landscape import MADE, landscape

from olmoearth_core.convert.convert import convert
from olmoearth_core.convert.rasters import load
from olmoearth_core.convert.samples import plan
from olmoearth_core.convert.tiles import read_table
from olmoearth_core.convert.verify import verify
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import BandSet, ModalitySpec
from olmoearth_core.interfaces.source import Source
from olmoearth_core.kinds import registry
from olmoearth_core.lookup import modalities

SPECS = {spec.name: spec for spec in modalities(MADE)}


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    """Two tiles of two regions, each at its own place and time."""
    return landscape(seed=3, tiles=2, gaps=False).write(tmp_path_factory.mktemp("tiles"), tuple(SPECS.values()))


@pytest.fixture(scope="module")
def samples(store) -> list[dict[str, np.ndarray]]:
    planned = plan({n: read_table(store, s) for n, s in SPECS.items()}, tuple(SPECS.values()))
    return [{n: load(store, SPECS[n], t, p.cell) for n, t in p.tiles.items()} for p in planned]


def test_it_is_a_registered_source():
    made = registry.sources.get("simulate.landscape.v1")(seed=1)
    assert isinstance(made, Source)
    assert made.writes == "tiles"


def test_all_modalities_have_their_shapes_and_types(samples):
    found = {n: (a.shape, a.dtype.name) for n, a in samples[0].items()}
    assert found == {
        "sentinel2_l2a": ((256, 256, 12, 12), "uint16"), "sentinel1": ((256, 256, 12, 2), "float32"),
        "landsat": ((256, 256, 12, 11), "uint16"), "srtm": ((256, 256, 1, 1), "int32"),
        "worldcover": ((256, 256, 1, 1), "uint8"), "openstreetmap_raster": ((256, 256, 1, 30), "uint8"),
    }  # fmt: skip


@pytest.mark.parametrize("name", MADE)
def test_values_lie_in_the_valid_range_and_are_never_nodata(samples, name):
    low, high = SPECS[name].valid_range
    for sample in samples:
        assert low <= sample[name].min() <= sample[name].max() <= high
        if SPECS[name].nodata is not None:
            assert (sample[name] != SPECS[name].nodata).all()


def test_reflectance_is_in_the_range_of_the_published_statistics(samples):
    for name in ("sentinel2_l2a", "landsat"):
        statistics = [SPECS[name].statistics[band] for band in SPECS[name].band_order]
        mean = np.mean([s[name].mean((0, 1, 2)) for s in samples], axis=0)
        away = (mean - [s.mean for s in statistics]) / [s.std for s in statistics]
        assert np.abs(away).max() < 1.2


def test_radar_power_is_linear_and_about_as_bright_as_the_published_statistics(samples):
    power = np.stack([s["sentinel1"] for s in samples])
    assert power.min() > 0
    decibel = 10 * np.log10(power).mean((0, 1, 2, 3))
    assert decibel == pytest.approx([-11.6, -17.7], abs=3)


def test_leaves_come_in_spring_and_go_in_autumn(samples, store):
    red, nir = (SPECS["sentinel2_l2a"].band_order.index(b) for b in ("B04", "B08"))
    planned = plan({n: read_table(store, s) for n, s in SPECS.items()}, tuple(SPECS.values()))
    for sample, place in zip(samples, planned, strict=True):
        months = place.tiles["sentinel2_l2a"].timestamps[:, 1]
        optical = sample["sentinel2_l2a"].astype(float)
        index = (optical[..., nir] - optical[..., red]) / (optical[..., nir] + optical[..., red])
        woods = np.median(index[sample["worldcover"][..., 0, 0] == 10], axis=0)
        assert woods[np.isin(months, [5, 6, 7])].max() > woods[np.isin(months, [11, 0, 1])].max() + 0.05


def test_water_is_dark_in_radar_and_in_near_infrared(samples):
    for sample in samples:
        water = sample["worldcover"][..., 0, 0] == 80
        if water.sum() > 100:
            nir = np.median(sample["sentinel2_l2a"][..., 3], axis=2)
            radar = sample["sentinel1"][..., 0].mean(2)
            assert np.median(nir[water]) < 0.5 * np.median(nir[~water])
            assert np.median(radar[water]) < 0.3 * np.median(radar[~water])


def test_several_classes_occur_on_each_tile(samples):
    assert all(len(np.unique(s["worldcover"])) >= 5 for s in samples)


def test_the_map_has_roads_and_houses(samples):
    order = SPECS["openstreetmap_raster"].band_order
    drawn = np.stack([s["openstreetmap_raster"] for s in samples]).any((0, 1, 2, 3))
    assert {"highway", "building", "river"} <= {name for name, there in zip(order, drawn, strict=True) if there}


def features(sample: dict[str, np.ndarray], steps: list[int]) -> np.ndarray:
    optical = np.log(sample["sentinel2_l2a"][:, :, steps].astype(np.float32)).reshape(256 * 256, -1)
    radar = np.log(sample["sentinel1"][:, :, steps]).reshape(256 * 256, -1)
    return np.concatenate([optical, radar], axis=1)[::7]


def nearest_class(train: np.ndarray, labels: np.ndarray, test: np.ndarray) -> np.ndarray:
    codes = np.unique(labels)
    scale = train.std(0)
    centres = np.stack([train[labels == code].mean(0) for code in codes]) / scale
    return codes[((test[:, None] / scale - centres[None]) ** 2).sum(-1).argmin(1)]


def balanced(answer: np.ndarray, truth: np.ndarray) -> float:
    return float(np.mean([(answer[truth == code] == code).mean() for code in np.unique(truth)]))


def test_land_cover_is_learnable_from_a_year_but_not_from_one_date(samples):
    """Nearest class mean over pixels, trained on the left half of a tile and tested on the right half."""
    year, single = [], []
    for sample in samples:
        truth = sample["worldcover"].reshape(-1)[::7]
        left = (np.arange(256 * 256)[::7] % 256) < 128
        known = np.isin(truth, np.unique(truth[left]))
        for steps, scores in (([*range(12)], year), *(([t], single) for t in range(12))):
            values = features(sample, steps)
            answer = nearest_class(values[left], truth[left], values[~left & known])
            scores.append(balanced(answer, truth[~left & known]))
    assert np.mean(year) > np.mean(single) + 0.05
    assert 0.35 < np.mean(year) < 0.95


def test_the_same_seed_gives_the_same_files_whatever_else_is_asked_for(tmp_path):
    def digests(root: Path) -> dict[str, str]:
        files = [p for p in sorted(root.rglob("*")) if p.is_file()]
        return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}

    few = (SPECS["srtm"], SPECS["worldcover"])
    first = digests(landscape(seed=5, tiles=1).write(tmp_path / "a", few))
    assert first == digests(landscape(seed=5, tiles=1).write(tmp_path / "b", few[::-1]))
    other = digests(landscape(seed=6, tiles=1).write(tmp_path / "c", few))
    assert set(first.values()).isdisjoint(other.values())


def test_gaps_leave_months_out_but_every_tile_has_one_whole_year(tmp_path):
    dated = ("sentinel1", "sentinel2_l2a")
    root = landscape(seed=4, tiles=2, gaps=True).write(tmp_path, [SPECS[n] for n in dated])
    tables = {n: read_table(root, SPECS[n]) for n in dated}
    cells = {cell for table in tables.values() for cell in table.tiles}
    steps = {cell: [len(t.tiles[cell].starts) for t in tables.values() if cell in t.tiles] for cell in cells}
    assert len(cells) == 2
    assert all(max(found) == 12 for found in steps.values())
    assert any(min(found) < 12 for found in steps.values())
    assert not any(table.faults for table in tables.values())


def test_it_becomes_a_clean_data_set(store):
    specs = tuple(SPECS.values())
    report = convert(store, None, specs)
    findings = verify(report.path, SPECS)
    assert (report.num_samples, findings.problems, report.quarantined) == (8, [], {})
    assert all(facts.outside == 0 for facts in findings.modalities.values())


def test_files_lie_on_the_grid_they_name(store):
    for path in sorted(store.rglob("*.tif"))[:20]:
        crs, col, row, meters = path.stem.split("_")
        with rasterio.open(path) as raster:
            assert raster.crs.to_string() == crs
            assert raster.res == (float(meters), float(meters))
            assert (raster.bounds.left, raster.bounds.top) == (int(col) * 2560, -int(row) * 2560)


def test_what_cannot_be_simulated_is_said():
    other = ModalitySpec("other", (BandSet(("a",), 16),), 16, multitemporal=True)
    with pytest.raises(DataError, match="none of the modalities can be simulated; choose from sentinel2_l2a"):
        landscape().write("/nowhere", [other])


def test_an_output_that_cannot_be_written_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="cannot be written"):
        landscape(tiles=1).write(tmp_path / "file", [SPECS["srtm"]])
