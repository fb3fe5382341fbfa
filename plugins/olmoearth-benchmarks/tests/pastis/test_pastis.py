"""PASTIS: published patches become monthly tiles, and tiles become samples."""

import json
import pickle
import shutil

import fsspec
import numpy as np
import pytest
import torch
from olmoearth_benchmarks.pastis import pastis
from olmoearth_benchmarks.pastis_r import months
from olmoearth_sentinel1.modality import sentinel1
from olmoearth_sentinel2.l2a import sentinel2_l2a

from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.interfaces.evaluation import Context

S1, S2 = sentinel1(), sentinel2_l2a()
DEFAULT, REFERENCE = Context(), Context(profile="reference-2026.07")
KEPT = [201809, 201811, 201812, *range(201901, 201910)]


def tiles(folder, count=8, side=64, *, table=None, **parts):
    """Write tiles in the published layout, which does not say how they were made."""
    table = torch.tensor(KEPT).expand(count, 12).contiguous() if table is None else table
    targets = parts.get("targets", torch.zeros(count, side, side, dtype=torch.int64))
    for split in ("train", "valid", "test"):
        place = folder / f"pastis_r_{split}"
        for kind, bands in (("s2_images", 13), ("s1_images", 2)):
            (place / kind).mkdir(parents=True)
            for n in range(count):
                torch.save(parts.get(kind, torch.full((12, bands, side, side), float(n))), place / kind / f"{n}.pt")
        torch.save(table, place / "months.pt")
        torch.save(targets, place / "targets.pt")
    return str(folder)


def prepared(raw, out, **options):
    list(pastis(**options).prepare(str(raw), str(out)))
    return pastis(root=str(out), **options)


def test_a_month_is_the_first_day_of_it():
    """Acceptance check 20."""
    assert months.timestamps(np.array([201809]), "here").tolist() == [[1, 8, 2018]]


def test_twelve_of_thirteen_months_are_kept_and_the_second_tile_is_the_lower_left(patches, tmp_path):
    """Acceptance check 37, first half."""
    out = tmp_path / "out"
    prepared(patches, out)
    table = torch.load(out / "pastis_r_train" / "months.pt", weights_only=True)
    assert table.shape == (12, 12)
    assert table[1].tolist() == KEPT
    assert sorted(p.name for p in (out / "pastis_r_test" / "s2_images").iterdir()) == [f"{n}.pt" for n in range(4)]
    targets = torch.load(out / "pastis_r_valid" / "targets.pt", weights_only=True)
    assert [t.unique().tolist() for t in targets] == [[0], [1], [18], [-1]]
    lower_left = torch.load(out / "pastis_r_valid" / "s2_images" / "1.pt", weights_only=True)
    # B05 is the fourth of the ten bands and the fifth of the thirteen; the second month kept is November.
    assert lower_left.shape == (12, 13, 64, 64)
    assert lower_left[1, 4].unique().tolist() == [11 + 300 + 1000]


def test_radar_lies_in_the_months_of_its_own_days_and_gaps_are_absent(patches, tmp_path):
    """Defect 2 of section 9.1 is not repeated."""
    opened = prepared(patches, tmp_path / "out").open([S1, S2], context=DEFAULT)
    sample = opened.splits["train"][0].sample
    there = sample.presence["sentinel1"]
    assert [bool(there[:, :, step].all()) for step in range(12)] == [False] + [True] * 11
    assert not there[:, :, 0].any()
    assert sample.arrays["sentinel1"][0, 0, :, 1].tolist() == [0, *(m % 100 + 100 for m in KEPT[1:])]
    assert sample.timestamps[:2].tolist() == [[1, 8, 2018], [1, 10, 2018]]


def test_the_references_radar_is_one_month_early_where_radar_began_late(patches, tmp_path):
    benchmark = prepared(patches, tmp_path / "out", s1_dates="s2")
    for context in (DEFAULT, REFERENCE):
        sample = benchmark.open([S1], context=context).splits["train"][0].sample
        assert sample.arrays["sentinel1"][0, 0, :3, 0].tolist() == [10, 11, 12]
        assert sample.presence["sentinel1"].all()


def test_folds_one_to_three_train_in_order_and_a_patch_is_a_group(patches, tmp_path):
    opened = prepared(patches, tmp_path / "out").open([S2], context=DEFAULT)
    assert {split: len(samples) for split, samples in opened.splits.items()} == {"train": 12, "valid": 4, "test": 4}
    assert [x.group for x in opened.splits["train"]][::4] == ["patch 10", "patch 40", "patch 20"]
    assert opened.splits["test"][2].name == "patch 50 tile 2"


def test_whole_patches_are_one_tile(patches, tmp_path):
    benchmark = prepared(patches, tmp_path / "out", size=128)
    assert (benchmark.name, benchmark.about.variable) == ("pastis128", "PASTIS_DIR_ORIG")
    opened = benchmark.open([S2], context=DEFAULT)
    assert [len(samples) for samples in opened.splits.values()] == [3, 1, 1]
    assert opened.splits["test"][0].label[[0, 127, 0, 127], [0, 0, 127, 127]].tolist() == [0, 1, 18, -1]


def test_copied_bands_are_absent_but_in_the_reference(tmp_path):
    benchmark = pastis(root=tiles(tmp_path), input_modalities=["sentinel2_l2a"])
    default, reference = (benchmark.open([S1, S2], context=c).splits["valid"][3].sample for c in (DEFAULT, REFERENCE))
    there = dict(zip(S2.band_order, default.presence["sentinel2_l2a"][0, 0, 0], strict=True))
    assert [band for band, present in there.items() if not present] == ["B01", "B09"]
    assert reference.presence["sentinel2_l2a"].all()
    assert reference.arrays["sentinel2_l2a"].shape == (64, 64, 12, 12)
    assert (reference.arrays["sentinel2_l2a"] == 3).all()


def test_radar_of_published_tiles_is_refused_unless_it_is_asked_for(tmp_path):
    root = tiles(tmp_path)
    with pytest.raises(DataError, match="by the days of s2, expected s1"):
        pastis(root=root).open([S1, S2], context=DEFAULT)
    assert len(pastis(root=root, s1_dates="s2").open([S1, S2], context=DEFAULT).splits["test"]) == 8
    assert len(pastis(root=root).open([S1, S2], context=REFERENCE).splits["test"]) == 8
    assert pastis(root=root).open([S2], context=DEFAULT).splits["test"][5].group == "test patch 1"


def test_radar_by_its_own_days_is_not_what_the_reference_had(patches, tmp_path):
    with pytest.raises(DataError, match="by the days of s1, expected s2"):
        prepared(patches, tmp_path / "out").open([S1], context=REFERENCE)


def test_the_list_of_a_fraction_lies_in_a_folder_of_its_own(tmp_path, monkeypatch):
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "0.20x_train_partition.json").write_text("[5, 0]")
    benchmark = pastis(root=tiles(tmp_path / "data"), input_modalities=["sentinel2_l2a"], label_fraction=0.2)
    monkeypatch.delenv("PASTIS_DIR_PARTITION", raising=False)
    with pytest.raises(DataError, match="PASTIS_DIR_PARTITION"):
        benchmark.open([S2], context=DEFAULT)
    monkeypatch.setenv("PASTIS_DIR_PARTITION", str(tmp_path / "lists"))
    opened = benchmark.open([S2], context=DEFAULT)
    assert [x.sample.index for x in opened.splits["train"]] == [5, 0]
    assert len(opened.splits["valid"]) == 8


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"table": torch.full((8, 12), 201813)}, "months.pt, row 0: found"),
        ({"table": torch.zeros(8, 11, dtype=torch.int64)}, "months.pt: has shape"),
        ({"table": torch.zeros(8, 12)}, r"months.pt: holds torch.float32, expected whole numbers"),
        ({"targets": torch.full((8, 64, 64), 19)}, "targets.pt: labels from 19 to 19"),
        ({"targets": torch.zeros(7, 64, 64)}, "8 rows of months, 7 labels"),
        ({"s2_images": torch.zeros(12, 64, 64, 13)}, r"s2_images/0.pt: has shape"),
        ({"s2_images": {"a": 1}}, r"s2_images/0.pt: found a dict"),
    ],
)
def test_other_layouts_are_refused_by_name(tmp_path, parts, said):
    benchmark = pastis(root=tiles(tmp_path, **parts), input_modalities=["sentinel2_l2a"])
    with pytest.raises(DataError, match=said):
        benchmark.open([S2], context=DEFAULT).splits["train"][0]


def test_a_second_run_makes_only_what_is_missing_and_mixes_nothing(patches, tmp_path):
    out = tmp_path / "out"
    prepared(patches, out)
    before = {p: p.stat().st_mtime_ns for p in out.rglob("*") if p.is_file()}
    (out / "pastis_r_valid" / "targets.pt").unlink()
    (out / "pastis_r_valid" / "s1_images" / "2.pt").unlink()
    lines = list(pastis().prepare(str(patches), str(out)))
    assert lines == ["pastis_r_train: is there", "pastis_r_valid: 1 patches, all", "pastis_r_test: is there"]
    after = {p: p.stat().st_mtime_ns for p in out.rglob("*") if p.is_file()}
    assert set(after) == set(before)
    assert {p.parts[-3] for p in after if after[p] != before[p]} <= {"pastis_r_valid", "out"}
    with pytest.raises(DataError, match="made with other settings"):
        list(pastis(s1_dates="s2").prepare(str(patches), str(out)))
    with pytest.raises(DataError, match="unknown making"):
        list(pastis().prepare(str(patches), tiles(tmp_path / "published")))


def change(root, edit):
    place = root / "PASTIS-R" / "metadata.geojson"
    table = json.loads(place.read_text())
    edit(table["features"][0]["properties"])
    place.write_text(json.dumps(table))


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda facts: facts["dates-S2"].update({"0": 20180803}), "an image of 201808, expected 201809 to 201910"),
        (lambda facts: facts["dates-S2"].update({"0": 20181303}), "found '20181303'"),
        (lambda facts: facts["dates-S2"].pop("0"), "dates-S2: expected a day for each image"),
        (lambda facts: facts["dates-S1A"].popitem(), r"S1A_10.npy: has shape \[26, 3, 128, 128\], expected \[25,"),
        (lambda facts: facts.update(Fold=6), "fold 6"),
        (lambda facts: facts.update(Fold=2), "fold 1 has no whole patch"),
        (lambda facts: facts.update(ID_PATCH="../7"), "without ID_PATCH"),
    ],
)
def test_damaged_tables_are_refused_by_name(published, tmp_path, edit, said):
    change(published, edit)
    with pytest.raises(DataError, match=said):
        list(pastis().prepare(str(published), str(tmp_path / "out")))


def test_more_optical_days_than_radar_images_fail_in_the_reference_only(published, tmp_path):
    place = published / "PASTIS-R" / "DATA_S1A" / "S1A_10.npy"
    np.save(place, np.load(place)[:20])
    change(published, lambda facts: [facts["dates-S1A"].pop(str(n)) for n in range(20, 26)])
    with pytest.raises(DataError, match=r"S1A_10.npy: has shape \[20"):
        list(pastis(s1_dates="s2").prepare(str(published), str(tmp_path / "a")))
    assert len(prepared(published, tmp_path / "b").open([S1], context=DEFAULT).splits["train"]) == 12


def test_a_patch_without_a_file_is_left_out(published, tmp_path):
    place = published / "PASTIS-R" / "metadata.geojson"
    table = json.loads(place.read_text())
    table["features"].insert(0, {"properties": {**table["features"][0]["properties"], "ID_PATCH": 99}})
    place.write_text(json.dumps(table))
    opened = prepared(published, tmp_path / "out", size=128).open([S2], context=DEFAULT)
    assert [x.group for x in opened.splits["train"]] == ["patch 10", "patch 40", "patch 20"]


def test_the_zip_in_memory_gives_what_the_folder_gives(patches, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    archive = shutil.make_archive(str(tmp_path / "PASTIS-R"), "zip", patches.parent, "PASTIS-R")
    fsspec.filesystem("memory").put(archive, "/pastis/PASTIS-R.zip")
    list(pastis(size=128).prepare("memory://pastis/PASTIS-R.zip", "memory://pastis/out"))
    here = prepared(patches, tmp_path / "out", size=128).open([S1, S2], context=DEFAULT).splits["valid"]
    monkeypatch.setenv("PASTIS_DIR_ORIG", "memory://pastis/out")
    there = pastis(size=128).open([S1, S2], context=DEFAULT).splits["valid"]
    a, b = here[0], pickle.loads(pickle.dumps(there))[0]
    assert all(np.array_equal(a.sample.arrays[m], b.sample.arrays[m]) for m in ("sentinel1", "sentinel2_l2a"))
    assert (a.name, a.label.tolist()) == (b.name, b.label.tolist())


@pytest.mark.parametrize("options", [{"size": 32}, {"s1_dates": "s3"}, {"label_fraction": 0.3}])
def test_arguments_are_checked_before_anything_is_read(options):
    with pytest.raises(ConfigError, match="pastis"):
        pastis(**options)


def test_modalities_are_named_once_and_must_be_known(tmp_path):
    for wanted in ([], ["landsat"], ["sentinel1", "sentinel1"]):
        with pytest.raises(ConfigError, match="input_modalities"):
            pastis(root="/nowhere", input_modalities=wanted).open([S1, S2], context=DEFAULT)
    with pytest.raises(DataError, match="has sentinel1, but the model knows sentinel2_l2a"):
        pastis(root="/nowhere", input_modalities=["sentinel2_l2a", "sentinel1"]).open([S2], context=DEFAULT)
