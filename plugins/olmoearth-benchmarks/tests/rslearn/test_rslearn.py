"""The format of rslearn: layers, dates, labels and splits."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime

import fsspec
import numpy as np
import pytest
from olmoearth_benchmarks.rslearn import from_september, modality_of, rslearn
from olmoearth_benchmarks.windows.layout import folder_of
from olmoearth_benchmarks.windows.pixels import axis
from olmoearth_benchmarks.windows.split import divided, share

from olmoearth_core import modalities
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.evaluate.profile import REFERENCE
from olmoearth_core.interfaces.evaluation import Context

SPECS = modalities(["sentinel2_l2a", "sentinel1", "landsat"])


def opened(root, profile="default", specs=SPECS, **options):
    chosen = {"label_layer": "label_raster", "classes": ["a", "b"], **options}
    return rslearn(root=root, **chosen).open(specs, context=Context(profile=profile))


def test_windows_go_where_their_options_say(made, tmp_path):
    found = opened(made(tmp_path))
    names = {split: [one.name for one in part] for split, part in found.splits.items()}
    assert names["train"] == ["default/w00", "default/w01", "default/w02"]
    assert names["valid"] == ["default/w03", "default/w04"]
    assert names["test"] == ["default/w05"]
    assert found.classes == ("a", "b")


def test_images_of_all_band_sets_are_brought_to_the_grid_of_the_window(made, tmp_path):
    one = opened(made(tmp_path)).splits["train"][1].sample
    spec, array = SPECS[0], one.arrays["sentinel2_l2a"]
    there = one.presence["sentinel2_l2a"]
    assert array.shape == (8, 8, 3, 12)
    assert array[5, 5, :, spec.band_order.index("B04")].tolist() == [202, 1202, 2202]
    assert array[7, 7, :, spec.band_order.index("B09")].tolist() == [102, 1102, 2102]
    assert not there[..., spec.band_order.index("B05")].any()
    assert not there[0, 0].any(), "0 in all bands is no measurement"
    assert there[0, 1, 0, spec.band_order.index("B02")]
    assert not there[1, 1, 0, spec.band_order.index("B01")], "a pixel of 60 m covers four of 10 m, as its corner"


def test_radar_becomes_decibels(made, tmp_path):
    radar = opened(made(tmp_path)).splits["test"][0].sample.arrays["sentinel1"]
    assert radar[3, 3, :, 0].tolist() == pytest.approx([0, -10, -20])


def test_dates_are_those_of_the_items(made, tmp_path):
    stamps = opened(made(tmp_path)).splits["test"][0].sample.timestamps
    assert stamps.tolist() == [[3, 4, 2021], [5, 5, 2021], [9, 6, 2021]]


def test_without_items_the_time_range_is_cut_into_equal_parts(made, tmp_path):
    stamps = opened(made(tmp_path, days=())).splits["test"][0].sample.timestamps
    assert stamps.tolist() == [[1, 0, 2021], [31, 0, 2021], [2, 2, 2021]]


def test_images_are_put_in_order_of_their_dates(made, tmp_path):
    root = made(tmp_path, days=("2021-07-09", "2021-05-03", "2021-06-05"))
    one = opened(root, input_modalities=["sentinel2_l2a"]).splits["train"][0].sample
    assert one.arrays["sentinel2_l2a"][5, 5, :, 0].tolist() == [1001, 2001, 1]


def test_the_reference_gives_every_window_the_months_from_september_2022(made, tmp_path):
    """Check 20: T = 3 -> months 8, 9, 10 of 2022."""
    one = opened(made(tmp_path), REFERENCE).splits["test"][0].sample
    assert one.timestamps.tolist() == [[1, 8, 2022], [1, 9, 2022], [1, 10, 2022]]
    assert one.presence["sentinel2_l2a"][0, 0, 0, 0], "the reference shows 0"
    assert from_september(6)[-1].tolist() == [1, 1, 2023]


def test_labels_per_pixel_are_classes_or_numbers_and_unknown_where_there_are_none(made, tmp_path):
    root = made(tmp_path)
    label = opened(root).splits["train"][1].label
    assert label.dtype == np.int64
    assert label[0].tolist() == [-1, -1, 1, 1, 1, 1, 1, 1]
    height = opened(root, task_type="regression", label_layer="height", classes=None).splits["train"][0].label
    assert height.dtype == np.float32
    assert np.isnan(height[0, :2]).all()
    assert height[1, 1] == 2.5


def test_labels_per_window_lie_in_a_property(made, tmp_path):
    root = made(tmp_path)
    part = opened(root, task_type="classification", label_layer="label").splits["train"]
    assert [int(one.label) for one in part] == [0, 1, 0]
    sizes = opened(root, task_type="scalar_regression", label_layer="label", label_property="size", classes=None)
    assert [float(one.label) for one in sizes.splits["train"]] == [0, 0.5, 1]


@pytest.mark.parametrize(
    ("words", "sizes"),
    [
        ([None] * 10, (8, 1, 1)), (["train"] * 10, (8, 1, 1)), (["train"] * 6 + ["val"] * 10, (6, 5, 5)),
        (["train"] * 6 + ["test"] * 9, (6, 4, 5)), (["val"] * 5 + ["test"] * 5, (8, 1, 1)),
        (["train", "val", "test", "other"], (1, 1, 1)),
    ],
)  # fmt: skip
def test_missing_splits_are_made_from_what_is_there(words, sizes):
    """Check 30: 10 pooled windows -> 8 / 1 / 1."""
    assert tuple(len(rows) for rows in divided(words).values()) == sizes


def test_splits_that_are_made_are_those_of_the_reference():
    pooled = divided([None] * 10)
    assert [rows.tolist() for rows in pooled.values()] == [[7, 3, 2, 8, 5, 6, 9, 4], [0], [1]]
    halved = divided(["train"] * 6 + ["val"] * 10)
    assert [rows.tolist() for rows in halved.values()][1:] == [[13, 9, 8, 14, 11], [12, 15, 10, 6, 7]]
    assert divided(["train"] * 6 + ["test"] * 9)["valid"].tolist() == [9, 12, 13, 10]


def test_fewer_labels_are_the_first_of_a_shuffle():
    """Check 30: 0.01 of 8 -> 1."""
    assert share(np.arange(10), 0.5).tolist() == [2, 6, 1, 8, 4]
    assert len(share(np.arange(8), 0.01)) == 1


def test_layers_are_known_by_the_beginning_of_their_names():
    found = {name: modality_of(name) for name in ("pre_sentinel2", "sentinel1_descending", "landsat_x_y", "worldcover")}
    assert found == {
        "pre_sentinel2": "sentinel2_l2a", "sentinel1_descending": "sentinel1", "landsat_x_y": "landsat",
        "worldcover": None,
    }  # fmt: skip


def test_a_long_list_of_bands_lies_in_a_folder_named_by_its_hash():
    bands = [f"B{i:03d}" for i in range(40)]
    assert folder_of(bands) == hashlib.sha256("_".join(bands).encode()).hexdigest()
    assert folder_of(bands[:12]) == "_".join(bands[:12])


def test_windows_know_where_they_are(made, tmp_path):
    lat, lon = opened(made(tmp_path)).splits["test"][0].sample.latlon
    assert (round(float(lat)), round(float(lon))) == (45, 15)


def test_a_window_without_label_or_image_is_left_out(made, tmp_path):
    root = made(tmp_path)
    (tmp_path / "windows/default/w00/layers/label_raster/class/geotiff.tif").unlink()
    for path in (tmp_path / "windows/default/w01/layers").glob("sentinel*/*/geotiff.tif"):
        path.unlink()
    assert [one.name for one in opened(root).splits["train"]] == ["default/w02"]


def test_the_same_comes_from_memory(made, tmp_path):
    root = made(tmp_path)
    fsspec.filesystem("memory").put(root, "/rslearn", recursive=True)
    here, there = opened(root), opened("memory://rslearn")
    for split, part in here.splits.items():
        for a, b in zip(part, there.splits[split], strict=True):
            assert a.name == b.name
            assert np.array_equal(a.label, b.label)
            assert all(np.array_equal(a.sample.arrays[n], b.sample.arrays[n]) for n in a.sample.arrays)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("config.json", "{}", "is not the config of a data set"), ("config.json", None, "no such file"),
        ("windows/default/w00/metadata.json", '{"bounds": [0, 0, 1]}', "is not that of a window"),
        ("windows/default/w00/metadata.json", "[" * 100_000, "is not that of a window"),
        ("windows/default/w00/items.json", '[{"layer_name": 1}, 2]', "does not say when images were taken"),
        ("windows/default/w00/layers/sentinel2_l2a/B02_B03_B04_B08/geotiff.tif", "nothing", "no readable image"),
        ("windows/default/w00/layers/label_raster/class/geotiff.tif", "nothing", "no readable image"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_named(made, tmp_path, file, text, message):
    root = made(tmp_path)
    (tmp_path / file).unlink() if text is None else (tmp_path / file).write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        opened(root).splits["train"][0]
    assert file.rpartition("/")[2] in str(caught.value)


def test_what_is_wrong_is_said(made, tmp_path, monkeypatch):
    monkeypatch.delenv("RSLEARN_EVAL_DIR", raising=False)
    with pytest.raises(DataError, match="RSLEARN_EVAL_DIR"):
        opened(None)
    with pytest.raises(ConfigError, match="two different ones or more"):
        rslearn(classes=["a", "a"])
    with pytest.raises(ConfigError, match="task_type is"):
        rslearn(task_type="detection")
    root = made(tmp_path)
    with pytest.raises(ConfigError, match="Give `classes`"):
        opened(root, classes=None)
    with pytest.raises(DataError, match="needs a vector layer label_raster"):
        opened(root, task_type="classification")
    with pytest.raises(DataError, match="expected one of c, d"):
        opened(root, task_type="classification", label_layer="label", classes=["c", "d"]).splits["train"][0]
    with pytest.raises(DataError, match="but the model knows landsat"):
        opened(root, specs=SPECS[2:])
    (tmp_path / "config.json").write_text(json.dumps({"layers": {"label_raster": {"type": "raster"}}}))
    with pytest.raises(DataError, match="no layer is one of"):
        opened(root)


def test_modalities_of_different_length_share_the_axis_of_the_longest():
    days = [datetime(2021, month, 1) for month in (1, 2, 3, 4)]
    longest, places = axis([[datetime(2021, 2, 3), datetime(2021, 3, 30)], days])
    assert longest == 1
    assert [at.tolist() for at in places] == [[1, 3], [0, 1, 2, 3]]


def test_layers_of_one_modality_are_put_one_after_the_other(made, tmp_path):
    root = made(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["layers"]["post_sentinel2"] = config["layers"]["sentinel2_l2a"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    for path in sorted((tmp_path / "windows" / "default").iterdir()):
        (path / "layers" / "sentinel2_l2a.2").rename(path / "layers" / "post_sentinel2")
    one = opened(root, input_modalities=["sentinel2_l2a"]).splits["train"][0].sample
    assert one.arrays["sentinel2_l2a"][5, 5, :, 0].tolist() == [2001, 1, 1001]
    assert one.timestamps[:, 1].tolist() == [0, 4, 5], "a layer without items has the dates of the time range"
