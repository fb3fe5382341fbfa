"""Sen1Floods11: chips as published, the tiles made of them, and the tiles of the reference."""

import json
import os
import pickle
from pathlib import Path

import fsspec
import numpy as np
import pytest
import rasterio
import torch
from olmoearth_benchmarks.dense.images import THIRTEEN
from olmoearth_benchmarks.sen1floods11 import sen1floods11
from olmoearth_sentinel1.modality import sentinel1
from olmoearth_sentinel2.l2a import sentinel2_l2a

from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.interfaces.evaluation import Context

S1, S2 = sentinel1(), sentinel2_l2a()
DEFAULT, REFERENCE = Context(), Context(profile="reference-2026.07")
SAMPLES = Path(os.environ.get("OLMOEARTH_SAMPLES", Path(__file__).parents[5] / "shared" / "samples") or "/nowhere")
BOTH = ["sentinel1", "sentinel2_l2a"]


def tiles(folder, count=4, **parts):
    """Write the tiles of the reference: three splits of `count`."""
    s1 = torch.arange(count * 2.0).reshape(count, 2, 1, 1).expand(count, 2, 64, 64).contiguous()
    table = {"s1": s1, "s2": torch.ones(count, 13, 64, 64), "labels": torch.zeros(count, 1, 64, 64), **parts}
    for split in ("train", "valid", "test"):
        torch.save(table, folder / f"flood_{split}_data.pt")
    return str(folder)


def same(a, b):
    """Whether two sequences hold the same samples."""
    assert [x.name for x in a] == [x.name for x in b]
    return all(
        np.array_equal(x.label, y.label)
        and all(np.array_equal(x.sample.arrays[m], y.sample.arrays[m]) for m in x.sample.arrays)
        for x, y in zip(a, b, strict=True)
    )


def test_radar_of_the_references_tiles_is_given_as_it_is(tmp_path):
    opened = sen1floods11(root=tiles(tmp_path)).open([S2, S1], context=DEFAULT)
    sample = opened.splits["test"][2].sample
    assert list(sample.arrays) == ["sentinel1"]
    assert sample.arrays["sentinel1"][7, 8, 0].tolist() == [4, 5]
    assert sample.presence["sentinel1"].all()
    assert sample.timestamps.tolist() == [[1, 6, 2020]]
    assert (opened.classes, opened.foreign) == (("dry", "water"), {})
    assert opened.statistics["sentinel1"]["vh"].std == 5.79660676


def test_optical_images_are_shown_without_the_cirrus_band_where_asked_for(tmp_path):
    s2 = torch.arange(1.0, 14).reshape(1, 13, 1, 1).repeat(4, 1, 64, 64)
    s2[1, :, 0, 0] = 0
    opened = sen1floods11(root=tiles(tmp_path, s2=s2), input_modalities=BOTH).open([S2, S1], context=DEFAULT)
    sample = opened.splits["train"][1].sample
    assert sample.arrays["sentinel2_l2a"][9, 9, 0].tolist() == [THIRTEEN.index(b) + 1 for b in S2.band_order]
    there = sample.presence["sentinel2_l2a"]
    assert not there[0, 0].any()
    assert there.sum() == (64 * 64 - 1) * 12
    with pytest.raises(ConfigError, match="radar alone"):
        sen1floods11(root=str(tmp_path), input_modalities=BOTH).open([S2, S1], context=REFERENCE)


def test_pixels_without_radar_are_absent_and_only_the_reference_drops_their_tile(tmp_path):
    s1 = torch.ones(4, 2, 64, 64)
    s1[0, 0, 3, 4], s1[2, 1, 5, 6] = torch.nan, -torch.inf
    benchmark = sen1floods11(root=tiles(tmp_path, s1=s1))
    default, reference = (benchmark.open([S1], context=c).splits["valid"] for c in (DEFAULT, REFERENCE))
    assert (len(default), [x.sample.index for x in reference]) == (4, [1, 3])
    there = default[0].sample.presence["sentinel1"]
    assert np.argwhere(~there).tolist() == [[3, 4, 0, 0]]
    assert default[0].sample.arrays["sentinel1"][3, 4, 0].tolist() == [0, 1]


@pytest.mark.parametrize("context", [DEFAULT, REFERENCE])
def test_lists_of_a_fraction_count_the_tiles_that_the_reference_keeps(tmp_path, context):
    s1 = torch.ones(4, 2, 64, 64)
    s1[1] = torch.nan
    (tmp_path / "0.02x_train_partition.json").write_text("[2, 1]")
    opened = sen1floods11(root=tiles(tmp_path, s1=s1), label_fraction=0.02).open([S1], context=context)
    assert [x.sample.index for x in opened.splits["train"]] == [3, 2]


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"s1": torch.zeros(4, 64, 64, 2)}, r"s1: has shape \[4, 64, 64, 2\], expected \[N, 2, 64, 64\]"),
        ({"s1": torch.zeros(5, 2, 64, 64)}, "5 images, but 4 labels"),
        ({"labels": torch.full((4, 1, 64, 64), 2)}, "labels from 2 to 2, expected -1"),
        ({"labels": [1, 2]}, "labels: found a list"),
        ({"labels": torch.zeros(0, 1, 64, 64), "s1": torch.zeros(0, 2, 64, 64)}, "0 labels"),
    ],
)
def test_other_layouts_are_refused_by_name(tmp_path, parts, said):
    with pytest.raises(DataError, match=rf"flood_train_data.pt.*{said}"):
        sen1floods11(root=tiles(tmp_path, **parts)).open([S1], context=DEFAULT)


def test_chips_and_the_tiles_made_of_them_are_the_same_samples(published, tmp_path):
    lines = list(sen1floods11().prepare(str(published), str(tmp_path / "out")))
    assert lines[:2] == ["flood_train_data.pt: 4 tiles", "flood_valid_data.pt: 2 tiles"]
    for test in ("test", "bolivia"):
        a, b = (
            sen1floods11(root=str(root), test=test, input_modalities=BOTH).open([S1, S2], context=DEFAULT).splits
            for root in (published, tmp_path / "out")
        )
        assert {split: len(a[split]) for split in a} == {"train": 4, "valid": 2, "test": 2}
        assert all(same(a[split], b[split]) for split in a)
    assert [x.name for x in a["test"]] == ["Bolivia_5 at 0, 0", "Bolivia_5 at 64, 64"]
    assert [x.group for x in b["train"]] == ["Ghana_1 nw", "Ghana_1 se", "Spain_22 nw", "Spain_22 se"]
    assert a["train"][1].sample.arrays["sentinel1"][0, 0, 0, 0] == np.float32((64 * 128 + 64) / 128**2 - 20)


def test_prepared_twice_makes_only_what_is_missing(published, tmp_path):
    list(sen1floods11().prepare(str(published), str(tmp_path / "out")))
    (tmp_path / "out" / "flood_test_data.pt").unlink()
    lines = list(sen1floods11().prepare(str(published), str(tmp_path / "out")))
    assert [line for line in lines if "is there" not in line] == ["flood_test_data.pt: 2 tiles"]
    assert len(list((tmp_path / "out").iterdir())) == 4


def test_days_are_those_of_the_publishers_table_except_in_the_reference(published, tmp_path):
    facts = [{"properties": {"location": "Spain", "s1_date": "2019-09-17", "s2_date": "2019-09-18"}}]
    (published / "Sen1Floods11_Metadata.geojson").write_text(json.dumps({"features": facts}))
    list(sen1floods11().prepare(str(published), str(tmp_path / "out")))
    for root in (published, tmp_path / "out"):
        opened = sen1floods11(root=str(root)).open([S1], context=DEFAULT)
        days = [x.sample.timestamps.tolist()[0] for x in opened.splits["train"]]
        assert days == [[1, 6, 2020], [1, 6, 2020], [17, 8, 2019], [17, 8, 2019]]
        opened = sen1floods11(root=str(root)).open([S1], context=REFERENCE)
        assert opened.splits["train"][3].sample.timestamps.tolist() == [[1, 6, 2020]]


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda root: (root / "s1/Ghana_1_S1Hand.tif").unlink(), "there is no Ghana_1_S1Hand.tif"),
        (lambda root: (root / "LabelHand/Ghana_1_LabelHand.tif").unlink(), "flood_train_data.csv names Ghana_1"),
        (lambda root: (root / "LabelHand/Ghana_1_LabelHand.tif").write_bytes(b"II*"), "is no readable image"),
        (lambda root: (root / "flood_valid_data.csv").unlink(), r"no flood_valid_data.csv"),
        (lambda root: (root / "flood_valid_data.csv").write_text("a,b\n"), "flood_valid_data.csv names no chip"),
    ],
)
def test_incomplete_chips_are_refused_by_name(published, harm, said):
    harm(published)
    with pytest.raises(DataError, match=said):
        sen1floods11(root=str(published)).open([S1], context=DEFAULT)


def test_a_damaged_image_is_refused_when_it_is_read(published):
    opened = sen1floods11(root=str(published)).open([S1], context=DEFAULT)
    (published / "s1" / "India_3_S1Hand.tif").write_bytes(b"II*\0")
    with pytest.raises(DataError, match=r"India_3_S1Hand\.tif is no readable image"):
        opened.splits["valid"][0]


def test_it_works_in_memory_and_goes_to_other_processes(published, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    fsspec.filesystem("memory").put(str(published), "/floods-raw", recursive=True)
    list(sen1floods11().prepare("memory://floods-raw", "memory://floods-out"))
    here = sen1floods11(root=str(published)).open([S1], context=DEFAULT).splits["train"]
    for root in ("memory://floods-raw", "memory://floods-out"):
        monkeypatch.setenv("FLOODS_DIR", root)
        split = sen1floods11().open([S1], context=DEFAULT).splits["train"]
        assert same(pickle.loads(pickle.dumps(split)), here)


@pytest.mark.skipif(not (SAMPLES / "eval/sen1floods11").is_dir(), reason="no flood chips (OLMOEARTH_SAMPLES)")
@pytest.mark.parametrize("context", [DEFAULT, REFERENCE])
def test_real_chips_without_lists_are_one_split_in_twelve_blocks(context):
    folder = SAMPLES / "eval/sen1floods11"
    opened = sen1floods11(root=str(folder)).open([S1], context=context)
    assert list(opened.splits) == ["all"]
    samples = list(opened.splits["all"])
    assert (len(samples), len({x.group for x in samples})) == (46, 12)
    assert sum(int((x.label == 1).sum()) for x in samples) == 34800 + 15707 + 6755
    one = next(x for x in samples if x.name == "Spain_7370579sw at 64, 128")
    with rasterio.open(folder / "Spain_7370579sw_S1Hand.tif") as file:
        values = file.read()[:, 64:128, 128:192]
    assert np.array_equal(one.sample.arrays["sentinel1"][:, :, 0], values.transpose(1, 2, 0))
    with pytest.raises(ConfigError, match="lists of splits"):
        sen1floods11(root=str(folder), label_fraction=0.5).open([S1], context=context)


def test_arguments_are_checked_before_anything_is_read():
    with pytest.raises(ConfigError, match=r"expected one of 0\.01"):
        sen1floods11(label_fraction=0.3)
    with pytest.raises(ConfigError, match="bolivia"):
        sen1floods11(test="spain")
    with pytest.raises(ConfigError, match="input_modalities"):
        sen1floods11(input_modalities=["landsat"]).open([S1], context=DEFAULT)
