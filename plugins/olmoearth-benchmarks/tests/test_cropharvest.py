"""CropHarvest in the layout of its release, made up."""

from __future__ import annotations

import datetime
import json

import fsspec
import h5py
import numpy as np
import pytest
from olmoearth_benchmarks.cropharvest import cropharvest, months_before
from olmoearth_benchmarks.pixels.series import CHANNELS

from olmoearth_core import modalities
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.interfaces.evaluation import Context

SPECS = modalities(["sentinel2_l2a", "sentinel1", "srtm"])
TOGO, CHINA = (8.0, 1.0), (30.0, 110.0)


def label(index, dataset, place, *, crop=True, test=False):
    lat, lon = place
    facts = {"index": index, "dataset": dataset, "is_crop": int(crop), "is_test": test, "lat": lat, "lon": lon}
    geometry = {"type": "Point", "coordinates": [lon, lat]}
    return {"type": "Feature", "geometry": geometry, "properties": {**facts, "export_end_date": "2020-02-01T00:00:00"}}


def write(root, *, features=None):
    (root / "features" / "arrays").mkdir(parents=True)
    (root / "test_features").mkdir()
    found = [label(i, "togo", (TOGO[0] + i % 5 * 0.6, TOGO[1] - i % 3 * 0.3), crop=bool(i % 2)) for i in range(12)]
    found += [label(i, "geowiki", (CHINA[0] + i, CHINA[1])) for i in range(10)]
    found += [label(99, "togo", TOGO), label(0, "togo-eval", TOGO, test=True), label(0, "mali", (15.0, -5.0))]
    (root / "labels.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features or found}))
    for feature in found:
        facts = feature["properties"]
        if facts["index"] != 99:
            with h5py.File(root / "features" / "arrays" / f"{facts['index']}_{facts['dataset']}.h5", "w") as file:
                file["array"] = np.arange(12 * 18.0).reshape(12, 18) + 1000 * facts["index"]
    with h5py.File(root / "test_features" / "togo-eval.h5", "w") as file:
        file["x"] = np.arange(4 * 12 * 18.0).reshape(4, 12, 18)
        file["y"], file["lats"], file["lons"] = [0, -1, 1, 1], np.full(4, TOGO[0]), np.full(4, TOGO[1])
    return str(root)


def opened(root, specs=SPECS, **options):
    return cropharvest(root=root, **options).open(specs, context=Context())


def test_togo_is_tested_on_the_published_points_and_validated_on_whole_squares(tmp_path):
    splits = opened(write(tmp_path)).splits
    rows = [one for part in ("train", "valid") for one in splits[part]]
    assert sorted(one.name for one in rows) == sorted(f"{i}_togo.h5" for i in range(12))
    assert not {one.group for one in splits["train"]} & {one.group for one in splits["valid"]}
    assert [(one.name, int(one.label)) for one in splits["test"]] == [
        ("togo-eval.h5 row 0", 0), ("togo-eval.h5 row 2", 1), ("togo-eval.h5 row 3", 1),
    ]  # fmt: skip
    values = splits["test"][1].sample.arrays["sentinel1"]
    assert values[0, 0, 0].tolist() == [2 * 216, 2 * 216 + 1]


def test_china_is_cut_into_squares_as_nobody_published_test_points(tmp_path):
    splits = opened(write(tmp_path), task="prc").splits
    groups = [{one.group for one in part} for part in splits.values()]
    assert sum(map(len, splits.values())) == 10
    assert not groups[0] & groups[1]
    assert not groups[2] & (groups[0] | groups[1])


def test_bands_come_from_their_channels_and_the_label_from_its_point(tmp_path):
    one = opened(write(tmp_path)).splits["train"][0]
    index = int(one.name.split("_")[0])
    assert int(one.label) == index % 2
    assert list(one.sample.arrays) == ["sentinel2_l2a", "sentinel1"]
    array, spec = one.sample.arrays["sentinel2_l2a"], SPECS[0]
    assert array[0, 0, 1, spec.band_order.index("B8A")] == 1000 * index + 18 + CHANNELS.index("B8A")
    assert not one.sample.presence["sentinel2_l2a"][..., spec.band_order.index("B01")].any()
    assert opened(str(tmp_path), input_modalities=["srtm"]).splits["train"][0].sample.arrays["srtm"].shape == (
        1,
        1,
        1,
        1,
    )


def test_months_end_before_the_date_of_the_export():
    stamps = months_before(datetime.date(2020, 2, 1))
    assert stamps[0].tolist() == [1, 1, 2019]
    assert stamps[-1].tolist() == [1, 0, 2020]
    assert len(stamps) == 12


def test_the_same_comes_from_memory(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    root = write(tmp_path / "data")
    fsspec.filesystem("memory").put(root, "/harvest", recursive=True)
    here, there = opened(root), opened("memory://harvest")
    for split, part in here.splits.items():
        for a, b in zip(part, there.splits[split], strict=True):
            assert a.name == b.name
            assert np.array_equal(a.sample.arrays["sentinel1"], b.sample.arrays["sentinel1"])


@pytest.mark.parametrize(
    ("change", "message"),
    [({"export_end_date": "soon"}, "not the list of labels"), ({"lat": None}, "not the list of labels"),
     ({"dataset": "../../etc/passwd"}, "no array of a label in togo")],
)  # fmt: skip
def test_labels_that_are_none_are_refused(tmp_path, change, message):
    one = label(0, "togo", TOGO)
    one["properties"].update(change)
    with pytest.raises(DataError, match=message):
        opened(write(tmp_path, features=[one]))


def test_what_is_wrong_is_said(tmp_path, monkeypatch):
    monkeypatch.delenv("CROPHARVEST_DIR", raising=False)
    with pytest.raises(DataError, match="CROPHARVEST_DIR"):
        opened(None)
    with pytest.raises(ConfigError, match="task is"):
        cropharvest(task="kenya")
    with pytest.raises(DataError, match="knows srtm"):
        opened(write(tmp_path), SPECS[2:])
    for path in (tmp_path / "features" / "arrays").glob("*_togo.h5"):
        path.write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"_togo\.h5: array cannot be read"):
        opened(str(tmp_path)).splits["train"][0]
    (tmp_path / "test_features" / "togo-eval.h5").unlink()
    with pytest.raises(DataError, match=r"no togo-eval\*\.h5"):
        opened(str(tmp_path))
