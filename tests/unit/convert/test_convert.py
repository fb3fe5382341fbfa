"""Acceptance checks 11, 12, 34 and 35; conversions that are interrupted, repeated, shared and fed with bad tiles."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import h5py
import hdf5plugin
import numpy as np
import pytest
import rasterio

from olmoearth_core.convert.convert import convert
from olmoearth_core.convert.dataset_writer import DatasetWriter, read_records
from olmoearth_core.convert.grid import Cell
from olmoearth_core.convert.h5_writer import MASKS, Storage
from olmoearth_core.convert.rasters import load
from olmoearth_core.convert.samples import sample_timestamps, tie_break_order
from olmoearth_core.convert.tile_job import Rules, TileJob
from olmoearth_core.convert.tiles import read_table, tile_path
from olmoearth_core.convert.verify import verify
from olmoearth_core.errors import DataError
from olmoearth_core.kinds import registry
from olmoearth_core.lookup import modalities

NEXT = Cell("EPSG:32610", 16, 166, -1968)
COMPATIBLE = Rules("tile", compatible=True)
REFERENCE = Storage(layout="reference")


def read(path) -> dict[str, np.ndarray]:
    with h5py.File(path) as file:
        masks = {f"{MASKS}/{n}": d[()] for n, d in file.get(MASKS, {}).items()}
        return {n: d[()] for n, d in file.items() if n != MASKS} | masks


def change(root, spec, cell, edit) -> None:
    """Rewrite the pixels of a tile's first band set."""
    path = tile_path(root, spec, cell, spec.band_sets[0])
    with rasterio.open(path) as raster:
        profile, pixels = raster.profile, raster.read()
    edit(pixels)
    with rasterio.open(path, "w", **profile) as raster:
        raster.write(pixels)


def test_the_folder_has_the_documented_name_and_files(write_store, tmp_path):
    specs = modalities(["sentinel1", "sentinel2_l2a", "worldcover", "openstreetmap_raster"])
    root = write_store(specs)
    report = convert(root, None, specs, rules=COMPATIBLE, storage=REFERENCE)
    expected = root / "h5py_data_w_missing_timesteps_zstd_3_128_x_4"
    expected = expected / "openstreetmap_raster_sentinel1_sentinel2_l2a_worldcover" / "4"
    assert Path(report.path) == expected
    samples = [f"sample_{i}.h5" for i in range(4)]
    tables = ["sample_metadata.csv", "latlon_distribution.npy", "compression_settings.json"]
    manifests = ["manifest.json", "manifest.jsonl", "manifest.sqlite"]
    assert {p.name for p in expected.iterdir()} == {*samples, *tables, *manifests}
    assert (expected / "sample_metadata.csv").read_bytes() == (
        b"sample_index,sentinel1,sentinel2_l2a,worldcover,openstreetmap_raster\n" + b"".join(
            b"%d,1,1,1,1\n" % i for i in range(4)
        )
    )  # fmt: skip
    assert json.loads((expected / "compression_settings.json").read_text()) == {
        "compression": "zstd", "compression_opts": 3, "shuffle": None,
    }  # fmt: skip
    latlons = np.load(expected / "latlon_distribution.npy")
    assert (latlons.dtype, latlons.shape) == (np.float64, (4, 2))
    assert (latlons == latlons[0]).all()


def test_sample_one_is_the_top_right_quarter(write_store, specs, cell):
    chosen = [specs["optical"], specs["fine"]]
    root = write_store(chosen)
    path = Path(convert(root, None, chosen).path)
    whole = load(root, specs["optical"], read_table(root, specs["optical"]).tiles[cell], cell)
    np.testing.assert_array_equal(read(path / "sample_1.h5")["optical"], whole[:128, 128:])


def test_gzip_with_shuffle_off_is_still_named_shuffle(write_store, specs):
    root = write_store([specs["optical"]])
    path = convert(root, None, [specs["optical"]], storage=Storage("gzip", 3, shuffle=False, layout="reference")).path
    assert path.split("/")[-3] == "h5py_data_w_missing_timesteps_gzip_3_shuffle_128_x_4"


def test_parts_have_their_own_place_unless_the_reference_is_followed(write_store, specs, cell):
    root = write_store([specs["optical"]])
    own = np.load(Path(convert(root, root / "a", [specs["optical"]]).path) / "latlon_distribution.npy")
    np.testing.assert_allclose(own, cell.sub_latlons(2))
    shared = convert(root, root / "b", [specs["optical"]], rules=COMPATIBLE, storage=REFERENCE).path
    np.testing.assert_allclose(np.load(Path(shared) / "latlon_distribution.npy"), [cell.latlon()] * 4)


def test_a_modality_with_four_of_twelve_months_has_four_steps_and_a_mask(write_store, specs):
    chosen = [specs["optical"], specs["radar"]]
    root = write_store(chosen, steps={"radar": [1, 3, 4, 12]})
    sample = read(Path(convert(root, None, chosen).path) / "sample_0.h5")
    assert sample["radar"].shape == (128, 128, 4, 1)
    assert "".join("FT"[int(m)] for m in sample[f"{MASKS}/radar"]) == "TFTTFFFFFFFT"
    assert sample[f"{MASKS}/optical"].all()


def test_sentinel2_of_all_months_and_landsat_of_four_have_the_documented_steps(write_store):
    chosen = modalities(["sentinel2_l2a", "landsat"])
    root = write_store(chosen, steps={"landsat": [1, 3, 4, 12]})
    sample = read(Path(convert(root, None, chosen).path) / "sample_0.h5")
    assert (sample["sentinel2_l2a"].shape, sample["landsat"].shape) == ((128, 128, 12, 12), (128, 128, 4, 11))
    assert "".join("FT"[int(m)] for m in sample[f"{MASKS}/landsat"]) == "TFTTFFFFFFFT"
    assert (sample["timestamps"][0].tolist(), sample["timestamps"][11].tolist()) == ([8, 5, 2018], [4, 4, 2019])


def test_a_fourteen_step_tile_gives_fourteen_timestamps(write_store, specs):
    root = write_store([specs["optical"]], steps={"optical": range(1, 15)})
    sample = read(Path(convert(root, None, [specs["optical"]]).path) / "sample_0.h5")
    assert sample["timestamps"].shape == (14, 3)
    assert sample["timestamps"].dtype == np.int32


def test_among_equal_lists_the_first_upper_case_name_wins():
    names = ["sentinel2_l2a", "sentinel2", "sentinel1", "landsat", "era5l_day_10", "era5_10"]
    specs = modalities(names)
    assert [s.name for s in tie_break_order(specs)] == [
        "era5l_day_10", "era5_10", "landsat", "sentinel1", "sentinel2", "sentinel2_l2a",
    ]  # fmt: skip
    steps = {name: np.full((12, 3), number) for number, name in enumerate(names)}
    assert sample_timestamps(steps, specs)[0, 0] == names.index("landsat")
    steps["sentinel2"] = np.full((13, 3), 99)
    assert sample_timestamps(steps, specs)[0, 0] == 99


def golden(path: Path, arrays: dict, stamps: np.ndarray, latlon: np.ndarray, masks: dict) -> None:
    """Write a sample with h5py alone, as the specification describes it."""
    with h5py.File(path, "w") as file:
        everything = {"latlon": np.float32(latlon), "timestamps": np.int32(stamps), **arrays}
        for name, array in everything.items():
            file.create_dataset(name, data=array, chunks=array.shape, **hdf5plugin.Zstd(clevel=3))
        group = file.create_group("missing_timesteps_masks")
        for name, mask in masks.items():
            group.create_dataset(name, data=np.array(mask))


def facts(path: Path) -> dict:
    def one(dataset):
        plist = dataset.id.get_create_plist()
        filters = [plist.get_filter(i)[:3:2] for i in range(plist.get_nfilters())]
        return dataset.dtype, dataset.chunks, filters, dataset[()].tobytes()

    found = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, thing: found.update({name: one(thing)} if isinstance(thing, h5py.Dataset) else {}))
    return found


def test_the_reference_layout_equals_files_made_by_hand(write_store, specs, cell, tmp_path):
    root = write_store(list(specs.values()), steps={"radar": [2, 3]})
    path = Path(convert(root, None, list(specs.values()), rules=COMPATIBLE, storage=REFERENCE).path)
    tiles = {n: read_table(root, s).tiles[cell] for n, s in specs.items()}
    raw = {n: load(root, s, tiles[n], cell) for n, s in specs.items()}
    power = np.maximum(raw["radar"], 1e-10)
    raw["radar"] = (10 * np.log10(power)).astype(np.float32)
    stamps = np.array([[t.day, t.month - 1, t.year] for t in tiles["optical"].starts])
    for part, (row, col) in enumerate([(0, 0), (0, 128), (128, 0), (128, 128)]):
        cut = {n: a if n == "weather" else a[row : row + 128, col : col + 128] for n, a in raw.items()}
        masks = {"optical": [True] * 12, "radar": [k in (2, 3) for k in range(1, 13)]}
        golden(tmp_path / "golden.h5", cut, stamps, cell.latlon(), masks)
        assert facts(path / f"sample_{part}.h5") == facts(tmp_path / "golden.h5")


def test_two_conversions_agree_bit_for_bit(write_store, specs, cell):
    chosen = [specs["optical"], specs["radar"]]
    root = write_store(chosen, cells=[NEXT, cell])
    first, second = (Path(convert(root, root / d, chosen).path) for d in "ab")
    shas = [[r["sha256"] for r in read_records(str(p))] for p in (first, second)]
    assert shas[0] == shas[1]
    assert len(set(shas[0])) == 8


def test_workers_do_not_change_the_files(write_store, specs, cell):
    root = write_store([specs["cover"], specs["optical"]], cells=[cell, NEXT])
    chosen = [specs["optical"], specs["cover"]]
    pool = registry.engines.get("olmoearth.pool.v1")
    alone, pooled = (Path(convert(root, root / str(n), chosen, engine=pool(workers=n)).path) for n in (0, 2))
    assert [r["sha256"] for r in read_records(str(alone))] == [r["sha256"] for r in read_records(str(pooled))]


def test_nodata_costs_a_quarter_its_radar_and_by_the_tile_rule_all_four(write_store, specs, cell):
    chosen = [specs["optical"], specs["radar"]]
    root = write_store(chosen)
    change(root, specs["radar"], cell, lambda p: p.__setitem__((0, 0, 0), -32768))
    for cleaning, kept in (("sub_tile", "0111"), ("tile", "0000")):
        path = Path(convert(root, root / cleaning, chosen, rules=Rules(cleaning)).path)
        rows = (path / "sample_metadata.csv").read_text().splitlines()[1:]
        assert "".join(row[-1] for row in rows) == kept
    assert read_records(str(path))[0]["dropped"] == {"radar": "any_nodata"}


def test_a_nan_drops_the_modality_and_is_counted(write_store, specs, cell):
    chosen = [specs["optical"], specs["radar"]]
    root = write_store(chosen)
    change(root, specs["radar"], cell, lambda p: p.__setitem__((0, 200, 200), np.nan))
    path = convert(root, None, chosen).path
    assert verify(path, specs).dropped == {("radar", "any_nan"): 1}
    assert "radar" not in read(Path(path) / "sample_3.h5")


def test_too_few_steps_make_no_sample_and_say_so(write_store, specs, cell):
    root = write_store([specs["optical"]], steps={"optical": range(1, 12)})
    with pytest.raises(DataError, match="11 time steps, expected 12"):
        convert(root, None, [specs["optical"]])
    assert convert(root, None, [specs["optical"]], rules=Rules(min_timesteps=1)).num_samples == 4


def test_a_required_modality_that_is_missing_drops_the_sample(write_store, specs, cell):
    root = write_store([specs["optical"]], cells=[cell, NEXT])
    write_store([specs["cover"]], cells=[NEXT])
    report = convert(root, None, [specs["optical"], specs["cover"]], rules=Rules(required=("cover",)))
    assert report.num_samples == 4
    assert "required cover not there" in report.dropped[0]
    assert report.path.split("/")[-2] == "cover_optical_required_cover"


def test_a_bad_tile_is_set_aside_with_its_file_and_reason(write_store, specs, cell):
    root = write_store([specs["optical"]], cells=[cell, NEXT])
    path = Path(tile_path(root, specs["optical"], cell, specs["optical"].band_sets[1]))
    path.write_bytes(path.read_bytes()[:500])
    report = convert(root, None, [specs["optical"]])
    assert report.num_samples == 4
    assert list(report.quarantined) == [cell.window_name]
    assert str(path) in report.quarantined[cell.window_name]
    assert json.loads((Path(report.path) / "manifest.json").read_text())["quarantined"] == report.quarantined


def test_if_every_tile_is_bad_the_conversion_fails(write_store, specs, cell):
    root = write_store([specs["optical"]])
    Path(tile_path(root, specs["optical"], cell, specs["optical"].band_sets[1])).unlink()
    with pytest.raises(DataError, match=r"no sample is left:\n  .*_20\.tif: not found"):
        convert(root, None, [specs["optical"]])


def test_a_killed_conversion_goes_on_where_it_was(write_store, specs, cell, monkeypatch):
    root = write_store([specs["optical"]], cells=[cell, NEXT])
    once = TileJob.__call__

    def killed(job, sample):
        if sample.cell == NEXT:
            raise KeyboardInterrupt
        return once(job, sample)

    monkeypatch.setattr(TileJob, "__call__", killed)
    with pytest.raises(KeyboardInterrupt):
        convert(root, root / "out", [specs["optical"]])
    named = [p for p in (root / "out").rglob("*") if p.name.startswith("sample_") or p.name.isdigit()]
    assert named == []
    monkeypatch.setattr(TileJob, "__call__", once)
    report = convert(root, root / "out", [specs["optical"]])
    assert (report.num_samples, report.reused) == (8, 1)
    assert not verify(report.path, specs).problems
    assert [p.name for p in Path(report.path).parent.iterdir() if p.name != ".converting.lock"] == ["8"]


def test_a_kill_while_files_are_moved_is_healed(write_store, specs, monkeypatch):
    root = write_store([specs["optical"]])
    replace_file, calls = os.replace, []

    def killed(old, new):
        if "whole" in str(new) and str(new).endswith("sample_2.h5"):
            raise KeyboardInterrupt
        calls.append(new)
        replace_file(old, new)

    monkeypatch.setattr("olmoearth_core.convert.dataset_writer.os.replace", killed)
    with pytest.raises(KeyboardInterrupt):
        convert(root, root / "out", [specs["optical"]])
    monkeypatch.undo()
    report = convert(root, root / "out", [specs["optical"]])
    assert report.num_samples == 4
    assert not verify(report.path, specs).problems


def test_a_second_run_finds_the_work_done_and_repairs_a_torn_file(write_store, specs):
    root = write_store([specs["optical"]])
    path = Path(convert(root, None, [specs["optical"]]).path)
    before = (path / "sample_2.h5").read_bytes()
    (path / "sample_2.h5").write_bytes(before[:1000])
    (path / "sample_3.h5").unlink()
    report = convert(root, None, [specs["optical"]])
    assert (report.path, report.reused) == (str(path), 1)
    assert (path / "sample_2.h5").read_bytes() == before
    assert not verify(str(path), specs).problems


def test_shards_together_make_one_data_set(write_store, specs, cell):
    root = write_store([specs["optical"]], cells=[cell, NEXT])
    first = convert(root, root / "out", [specs["optical"]], shard=(1, 2))
    assert (first.path, first.num_tiles) == (None, 1)
    second = convert(root, root / "out", [specs["optical"]], shard=(0, 2))
    assert second.num_samples == 8
    alone = convert(root, root / "alone", [specs["optical"]])
    shas = [[r["sha256"] for r in read_records(r.path)] for r in (second, alone)]
    assert shas[0] == shas[1]


def test_another_data_set_of_the_same_size_is_never_overwritten(write_store, specs):
    root = write_store([specs["optical"]])
    convert(root, root / "out", [specs["optical"]])
    with pytest.raises(DataError, match="already exists and was made from another source or with other options"):
        convert(root, root / "out", [specs["optical"]], rules=Rules(min_timesteps=3))


def test_an_output_that_cannot_be_written_is_a_clear_error(write_store, specs, tmp_path):
    root = write_store([specs["optical"]])
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="cannot be written"):
        convert(root, tmp_path / "file", [specs["optical"]])


@pytest.mark.parametrize("size", [100, 0, 512])
def test_a_tile_size_that_does_not_divide_is_refused(write_store, specs, size):
    root = write_store([specs["optical"]])
    with pytest.raises(DataError, match="does not divide 256"):
        convert(root, None, [specs["optical"]], tile_size=size)


def test_a_url_gets_the_whole_data_set(write_store, specs, tmp_path):
    root = write_store([specs["optical"]])
    out = f"memory://{tmp_path.name}"
    path = convert(root, out, [specs["optical"]], staging=tmp_path / "staging").path
    assert path.startswith(out)
    findings = verify(path, specs)
    assert not findings.problems
    assert findings.modalities["optical"].samples == 4
    assert not (tmp_path / "staging").exists()
    assert convert(root, out, [specs["optical"]], staging=tmp_path / "staging").reused == 1


def test_a_coarser_modality_joins_the_finer_sample_inside_its_tile(write_store, specs):
    fine = replace(
        specs["optical"],
        name="close",
        grid_factor=8,
        band_sets=(replace(specs["radar"].band_sets[0], resolution_factor=8),),
    )
    inside = Cell("EPSG:32610", 8, 331, -3935)
    root = write_store([fine], cells=[inside])
    write_store([specs["cover"]])
    chosen = [fine, specs["cover"]]
    sample = read(Path(convert(root, None, chosen, tile_size=256).path) / "sample_0.h5")
    cell, tile = next(iter(read_table(root, specs["cover"]).tiles.items()))
    whole = load(root, specs["cover"], tile, cell)
    np.testing.assert_array_equal(sample["cover"], whole[128:, 128:])


def test_steps_that_the_timestamps_lack_are_cut_unless_the_reference_is_followed(write_store, specs, cell):
    chosen = [specs["optical"], specs["radar"]]
    root = write_store(chosen, steps={"radar": [12, 13, 14]})
    cut = read(Path(convert(root, root / "a", chosen).path) / "sample_0.h5")
    kept = read(Path(convert(root, root / "b", chosen, rules=COMPATIBLE, storage=REFERENCE).path) / "sample_0.h5")
    assert (cut["radar"].shape[2], kept["radar"].shape[2]) == (1, 3)
    assert cut[f"{MASKS}/radar"].sum() == 1


def test_windows_can_be_written_without_a_tile_store(tmp_path, specs):
    writer = DatasetWriter(tmp_path, [specs["optical"]], tile_size=32)
    writer.open()
    stamps, pixels = np.array([[1, 5, 2021]]), np.ones((32, 32, 1, 3), np.uint16)
    records = [writer.add(k, {"optical": pixels}, stamps, np.zeros(2), {"optical": [True]}) for k in "ab"]
    path = writer.finish(records, beside=lambda folder: (folder / "note").write_text("x"))
    assert path.endswith("h5py_data_w_missing_timesteps_zstd_3_32_x_64/optical/2")
    assert Path(path, "note").exists()
    assert not verify(path, specs).problems


def test_verification_names_the_file_and_what_is_wrong(write_store, specs):
    root = write_store([specs["optical"]])
    path = Path(convert(root, None, [specs["optical"]]).path)
    (path / "sample_0.h5").write_bytes(b"no HDF5")
    with h5py.File(path / "sample_1.h5", "a") as file:
        file[f"{MASKS}/optical"][0] = False
    problems = verify(str(path), specs).problems
    assert any(p.startswith("sample_0.h5: cannot be read") for p in problems)
    assert "sample_1.h5: optical holds 12 steps, but its mask says 11" in problems


def test_a_tile_store_may_lie_behind_a_url(write_store, specs, tmp_path):
    import fsspec

    root = write_store([specs["optical"]])
    url = f"memory://tiles-{tmp_path.name}"
    fsspec.filesystem("memory").put(str(root), url, recursive=True)
    local, remote = (convert(r, tmp_path / n, [specs["optical"]]) for r, n in ((root, "a"), (url, "b")))
    shas = [[r["sha256"] for r in read_records(report.path)] for report in (local, remote)]
    assert shas[0] == shas[1]
