"""MADOS: published scenes become tiles, and tiles become samples."""

import pickle
import shutil

import fsspec
import numpy as np
import pytest
import torch
from olmoearth_benchmarks.dense.images import THIRTEEN
from olmoearth_benchmarks.dense.published_files import Folder
from olmoearth_benchmarks.mados import CLASSES, mados
from olmoearth_benchmarks.mados_scenes.prepare import read
from olmoearth_sentinel1.modality import sentinel1
from olmoearth_sentinel2.l2a import sentinel2_l2a

from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.evaluation import Context

S2 = sentinel2_l2a()
DEFAULT, REFERENCE = Context(), Context(profile="reference-2026.07")


def tiles(folder, *, images=None, labels=None):
    """Write three files of two tiles in the published layout."""
    images = torch.arange(13).float().expand(2, 80, 80, 13).contiguous() if images is None else images
    labels = torch.full((2, 80, 80), -1) if labels is None else labels
    for split in ("train", "val", "test"):
        torch.save({"images": images, "labels": labels}, folder / f"MADOS_{split}.pt")
    return mados(root=str(folder))


def test_published_tiles_come_in_the_order_of_the_models_bands_with_synthetic_ones_absent(tmp_path):
    opened = tiles(tmp_path).open([S2, sentinel1()], context=DEFAULT)
    sample = opened.splits["train"][1].sample
    stored = {band: number for number, band in enumerate(THIRTEEN)}
    seen = [0 if band in ("B06", "B09") else stored[band] for band in S2.band_order]
    assert sample.arrays["sentinel2_l2a"][5, 6, 0].tolist() == seen
    absent = [b for b, p in zip(S2.band_order, sample.presence["sentinel2_l2a"][0, 0, 0], strict=True) if not p]
    assert sorted(absent) == ["B06", "B09"]
    assert sample.timestamps.tolist() == [[1, 6, 2020]]
    assert list(sample.arrays) == ["sentinel2_l2a"]


def test_the_reference_shows_synthetic_bands_and_thinks_that_units_are_its_own(tmp_path):
    benchmark = tiles(tmp_path)
    opened = benchmark.open([S2], context=REFERENCE)
    assert opened.splits["valid"][0].sample.presence["sentinel2_l2a"].all()
    assert opened.splits["valid"][0].sample.arrays["sentinel2_l2a"][0, 0, 0, S2.band_order.index("B09")] == 9
    assert opened.foreign == {}
    assert list(benchmark.open([S2], context=DEFAULT).foreign) == ["sentinel2_l2a"]


def test_statistics_are_by_band(tmp_path):
    table = tiles(tmp_path).open([S2], context=DEFAULT).statistics["sentinel2_l2a"]
    assert table["B12"].mean == 0.017942268401384354
    assert table["B8A"] == table["B09"]
    assert table["B02"].maximum == 0.7967689037322998
    assert set(S2.band_order) <= set(table)


def test_values_that_are_not_finite_are_absent_and_the_tile_stays(tmp_path):
    images = torch.ones(2, 80, 80, 13)
    images[1, 3, 4, 1] = torch.nan
    sample = tiles(tmp_path, images=images).open([S2], context=DEFAULT).splits["test"][1].sample
    values, there = sample.arrays["sentinel2_l2a"], sample.presence["sentinel2_l2a"]
    assert np.argwhere(~there[..., S2.band_order.index("B02")]).tolist() == [[3, 4, 0]]
    assert (values[3, 4, 0, 0], there.shape) == (0, values.shape)


@pytest.mark.parametrize(
    ("images", "labels", "said"),
    [
        (torch.zeros(2, 13, 80, 80), None, "images have their bands first"),
        (torch.zeros(2, 80, 80, 12), None, r"images: has shape \[2, 80, 80, 12\], expected \[N, 80, 80, 13\]"),
        (torch.zeros(2, 80, 80, 13, dtype=torch.bool), None, "images: holds torch.bool"),
        (torch.zeros(3, 80, 80, 13), None, "3 images, but 2 labels"),
        (None, torch.full((2, 80, 80), 15), "labels from 15 to 15, expected -1"),
        (None, torch.zeros(2, 1, 80, 80), "labels: has shape"),
    ],
)
def test_what_is_not_the_published_layout_is_refused_by_name(tmp_path, images, labels, said):
    with pytest.raises(DataError, match=rf"MADOS_train.pt.*{said}"):
        tiles(tmp_path, images=images, labels=labels).open([S2], context=DEFAULT)


def test_a_missing_folder_and_a_blind_model_are_told(tmp_path, monkeypatch):
    monkeypatch.delenv("MADOS_DIR", raising=False)
    with pytest.raises(DataError, match="MADOS_DIR"):
        mados().open([S2], context=DEFAULT)
    with pytest.raises(DataError, match="the model knows sentinel1"):
        tiles(tmp_path).open([sentinel1()], context=DEFAULT)


def test_the_list_of_a_fraction_chooses_training_tiles_only(tmp_path):
    tiles(tmp_path)
    (tmp_path / "0.50x_train_partition.json").write_text("[1]")
    opened = mados(root=str(tmp_path), label_fraction=0.5).open([S2], context=DEFAULT)
    assert [len(opened.splits[split]) for split in ("train", "valid", "test")] == [1, 2, 2]
    assert opened.splits["train"][0].sample.index == 1


def test_scenes_become_tiles_with_labels_moved_down_by_one(published, tmp_path):
    lines = list(mados().prepare(str(published), str(tmp_path / "out")))
    assert lines == ["MADOS_train.pt: 3 tiles", "MADOS_val.pt: 3 tiles", "MADOS_test.pt: 3 tiles"]
    opened = mados(root=str(tmp_path / "out")).open([S2], context=REFERENCE)
    samples = list(opened.splits["train"])
    assert [s.name for s in samples] == ["Scene_0_1 tile 0", "Scene_0_1 tile 5", "Scene_0_1 tile 7"]
    assert {s.group for s in samples} == {"Scene_0"}
    assert [int(s.label.max()) for s in samples] == [0, 14, 6]
    assert samples[1].label[100 - 80, 239 - 160] == len(CLASSES) - 1
    assert sum(int((s.label >= 0).sum()) for s in samples) == 3
    pixel = dict(zip(S2.band_order, samples[0].sample.arrays["sentinel2_l2a"][40, 40, 0].tolist(), strict=True))
    assert pixel["B06"] == pytest.approx((0.0704 + 0.0783) / 2, rel=1e-6)
    assert (pixel["B02"], pixel["B09"]) == (np.float32(0.0492), np.float32(0.0865))


def test_prepared_twice_keeps_what_is_there_and_makes_what_is_missing(published, tmp_path):
    out = tmp_path / "out"
    list(mados().prepare(str(published), str(out)))
    before = (out / "MADOS_test.pt").stat().st_mtime_ns
    (out / "MADOS_val.pt").unlink()
    lines = list(mados().prepare(str(published), str(out)))
    assert lines == ["MADOS_train.pt: is there", "MADOS_val.pt: 3 tiles", "MADOS_test.pt: is there"]
    assert (out / "MADOS_test.pt").stat().st_mtime_ns == before
    assert sorted(p.name for p in out.iterdir()) == ["MADOS_test.pt", "MADOS_train.pt", "MADOS_val.pt"]


def test_the_zip_as_it_is_published_gives_the_same_tiles(published, tmp_path):
    shutil.make_archive(str(tmp_path / "MADOS"), "zip", published)
    list(mados().prepare(str(tmp_path / "MADOS.zip"), str(tmp_path / "a")))
    list(mados().prepare(str(published / "MADOS"), str(tmp_path / "b")))
    a, b = (torch.load(tmp_path / name / "MADOS_test.pt", weights_only=True) for name in "ab")
    assert torch.equal(a["images"], b["images"])
    assert torch.equal(a["labels"], b["labels"])


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda root: (root / "Scene_0/20/Scene_0_L2R_rhorc_704_1.tif").unlink(),
         r"rhorc_704_1.tif is missing \(band B05"),
        (lambda root: (root / "Scene_0/10/Scene_0_L2R_cl_1.tif").write_bytes(b"no"), "cl_1.tif is no readable image"),
        (lambda root: (root / "splits/train_X.txt").write_text("../../etc/passwd\n"), "train_X.txt: found '../../etc"),
        (lambda root: shutil.copy(root / "Scene_0/10/Scene_0_L2R_cl_1.tif",
                                  root / "Scene_0/60/Scene_0_L2R_rhorc_443_1.tif"),
         "rhorc_443_1.tif: has shape"),
    ],
)  # fmt: skip
def test_damaged_scenes_are_refused_by_name_and_leave_no_file(published, tmp_path, harm, said):
    harm(published / "MADOS")
    with pytest.raises(DataError, match=said):
        list(mados().prepare(str(published), str(tmp_path / "out")))
    assert not (tmp_path / "out").exists()


def test_coarse_pixels_are_interpolated_between_their_centres(published):
    from rasterio import open as raster

    with raster(published / "MADOS/Scene_0/20/Scene_0_L2R_rhorc_704_1.tif", "r+") as file:
        file.write(np.arange(120, dtype=np.float32)[None].repeat(120, 0), 1)
    values, _ = read(Folder(str(published / "MADOS")), "Scene_0", "1")
    assert values[4, 0, :5].tolist() == [0, 0.25, 0.75, 1.25, 1.75]


def test_it_works_in_memory_and_goes_to_other_processes(published, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    memory = fsspec.filesystem("memory")
    memory.put(str(published), "/mados-raw", recursive=True)
    list(mados().prepare("memory://mados-raw", "memory://mados-out"))
    monkeypatch.setenv("MADOS_DIR", "memory://mados-out")
    split = pickle.loads(pickle.dumps(mados().open([S2], context=DEFAULT).splits["train"]))
    list(mados().prepare(str(published), str(tmp_path / "out")))
    here = mados(root=str(tmp_path / "out")).open([S2], context=DEFAULT).splits["train"]
    assert np.array_equal(split[-1].sample.arrays["sentinel2_l2a"], here[2].sample.arrays["sentinel2_l2a"])
    assert [s.name for s in split[1:]] == ["Scene_0_1 tile 5", "Scene_0_1 tile 7"]
    with pytest.raises(IndexError):
        split[3]
