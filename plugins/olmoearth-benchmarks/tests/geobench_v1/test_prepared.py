"""The layout without pickles gives what the published files give."""

import json

import h5py
import numpy as np
import pytest
from olmoearth_benchmarks.m_bigearthnet import m_bigearthnet
from olmoearth_benchmarks.m_cashew_plant import m_cashew_plant
from olmoearth_benchmarks.m_eurosat import m_eurosat
from olmoearth_sentinel2.l2a import sentinel2_l2a

from olmoearth_core.errors import DataError
from olmoearth_core.evaluate.profile import REFERENCE
from olmoearth_core.interfaces.evaluation import Context

from .conftest import DAY, SENTINEL2

S2 = sentinel2_l2a()


def same(one, other):
    for profile in ("default", REFERENCE):
        a, b = (found.open([S2], context=Context(profile=profile)) for found in (one, other))
        assert (a.classes, a.statistics, a.source) == (b.classes, b.statistics, b.source)
        for split in ("train", "valid", "test"):
            assert len(a.splits[split]) == len(b.splits[split])
            for x, y in zip(a.splits[split], b.splits[split], strict=True):
                assert (x.name, x.label.tolist(), x.label.dtype) == (y.name, y.label.tolist(), y.label.dtype)
                for part in ("arrays", "presence"):
                    np.testing.assert_array_equal(
                        getattr(x.sample, part)["sentinel2_l2a"], getattr(y.sample, part)["sentinel2_l2a"]
                    )
                np.testing.assert_array_equal(x.sample.timestamps, y.sample.timestamps)


CASES = [
    (m_eurosat, "m-eurosat", "classification", lambda n: n, 10),
    (m_bigearthnet, "m-bigearthnet", "classification", lambda n: [int(k == n) for k in range(43)], 43),
    (m_cashew_plant, "m-cashew-plant", "segmentation", lambda n: np.full((8, 8), n, np.uint8), 7),
]


@pytest.mark.parametrize(("factory", "name", "kind", "label", "classes"), CASES, ids=[case[1] for case in CASES])
@pytest.mark.parametrize("scheme", ["", "memory://"])
def test_prepared_files_give_the_same_samples(make, tmp_path, scheme, factory, name, kind, label, classes):
    bands = SENTINEL2 if name == "m-eurosat" else tuple(b for b in SENTINEL2 if not b.startswith("10"))
    make.dataset(name, label, kind=kind, classes=classes, bands=bands, date=DAY, stamp="_2018-03-09")
    out = f"{scheme}{tmp_path}/out"
    lines = list(factory().prepare(str(make.root), out))
    assert lines[-1].endswith("manifest.json: 1 partitions")
    same(factory(root=str(make.root)), factory(root=out))


def prepared(make, tmp_path):
    make.dataset("m-eurosat", lambda n: n)
    list(m_eurosat().prepare(str(make.root), str(tmp_path / "out")))
    return tmp_path / "out" / "classification_v1.0" / "m-eurosat"


def test_what_is_whole_is_kept_and_leaves_nothing_else_behind(make, tmp_path):
    folder = prepared(make, tmp_path)
    assert sorted(file.name for file in folder.iterdir()) == ["manifest.json", "samples.h5"]
    before = (folder / "samples.h5").stat().st_mtime_ns
    assert list(m_eurosat().prepare(str(make.root), str(tmp_path / "out"))) == [
        f"{folder}: 4 samples, already prepared"
    ]
    assert (folder / "samples.h5").stat().st_mtime_ns == before
    (folder / "samples.h5").write_bytes(b"torn")
    assert len(list(m_eurosat().prepare(str(make.root), str(tmp_path / "out")))) == 2
    same(m_eurosat(root=str(make.root)), m_eurosat(root=str(folder)))


def test_a_partition_that_was_added_later_is_prepared_too(make, tmp_path):
    prepared(make, tmp_path)
    raw = make.root / "classification_v1.0" / "m-eurosat"
    (raw / "0.01x_train_partition.json").write_text('{"train": ["id_2"], "valid": ["id_3"], "test": ["id_4"]}')
    list(m_eurosat().prepare(str(make.root), str(tmp_path / "out")))
    small = m_eurosat(root=str(tmp_path / "out"), label_fraction=0.01).open([S2], context=Context())
    assert [one.name for one in small.splits["train"]] == ["id_2"]


def test_the_prepared_files_are_preferred_where_both_are(make, tmp_path):
    folder = make.dataset("m-eurosat", lambda n: n)
    list(m_eurosat().prepare(str(make.root), str(make.root)))
    for file in (*folder.glob("*.hdf5"), folder / "task_specs.pkl"):
        file.write_bytes(b"not read any more")
    assert m_eurosat(root=str(make.root)).open([S2], context=Context()).splits["test"][0].label == 3


def test_the_manifest_holds_no_pickle_and_a_checksum(make, tmp_path):
    folder = prepared(make, tmp_path)
    table = json.loads((folder / "manifest.json").read_text())
    assert table["bytes"] == (folder / "samples.h5").stat().st_size
    assert len(table["sha256"]) == 64
    with h5py.File(folder / "samples.h5") as file:
        assert dict(file.attrs) == {}
        assert file["images"].chunks == (1, 8, 8, 13)
        assert file["images"].dtype == np.int16


def test_an_archive_with_missing_files_is_not_prepared(make, tmp_path):
    folder = make.dataset("m-eurosat", lambda n: n)
    (folder / "id_3.hdf5").unlink()
    with pytest.raises(DataError, match="1 of 4 samples are missing, for example id_3"):
        list(m_eurosat().prepare(str(make.root), str(tmp_path / "out")))
    assert not (tmp_path / "out").exists()


def test_a_sample_unlike_the_first_stops_the_conversion_and_leaves_nothing(make, tmp_path):
    folder = make.dataset("m-eurosat", lambda n: n)
    make.sample(folder, "id_3", {band: np.ones((16, 16), np.int16) for band in SENTINEL2}, 1)
    with pytest.raises(DataError, match="id_3: its arrays or its label are not as large"):
        list(m_eurosat().prepare(str(make.root), str(tmp_path / "out")))
    assert [file for file in (tmp_path / "out").rglob("*") if file.is_file()] == []


@pytest.mark.parametrize("change", [
    {"format": "x"}, {"dataset": "m-so2sat"}, {"samples": "x"}, {"bands": [1]}, {"partitions": []}, {"bytes": 7},
    {"classes": []}, {"partitions": {}}, {"statistics": []}, {"samples": ["id_1", "id_1"]},
])  # fmt: skip
def test_a_manifest_that_does_not_fit_is_refused(make, tmp_path, change):
    folder = prepared(make, tmp_path)
    table = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**table, **change}))
    with pytest.raises(DataError, match=str(folder)):
        m_eurosat(root=str(folder)).open([S2], context=Context())


def test_a_file_of_samples_that_does_not_fit_its_manifest_is_refused(make, tmp_path):
    folder = prepared(make, tmp_path)
    table = json.loads((folder / "manifest.json").read_text())
    table["samples"].append("id_9")
    table["partitions"]["default"]["train"] = ["id_9"]
    (folder / "manifest.json").write_text(json.dumps(table))
    found = m_eurosat(root=str(folder)).open([S2], context=Context())
    with pytest.raises(DataError, match=r"images is \[4, 8, 8, 13\], which is not what manifest\.json says"):
        found.splits["train"][0]
