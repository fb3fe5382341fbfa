"""BreizhCrops in the layout of its package, made up."""

from __future__ import annotations

import pickle

import fsspec
import h5py
import numpy as np
import pytest
from olmoearth_benchmarks.breizhcrops import BANDS, COLUMNS, NAMES, REGIONS, breizhcrops, monthly

from olmoearth_core import modalities
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.evaluate.profile import REFERENCE
from olmoearth_core.interfaces.evaluation import Context

SPECS = modalities(["sentinel2_l2a", "sentinel2"])
MAPPING = ",code,id,classname\n0,ORH,0,barley\n1,BTH,1,wheat\n2,BTP,1,wheat\n3,CZH,2,rapeseed\n"


def series(days, scale=1.0):
    """Return one observation per day; a band holds its place in the order times 100, plus the number of the row."""
    values = np.zeros((len(days), len(COLUMNS)))
    values[:, :13] = scale * (100 * np.arange(13) + np.arange(len(days))[:, None])
    values[:, -1] = np.array(days, dtype="datetime64[ns]").astype(np.int64)
    return values


DAYS = ("2017-01-05", "2017-01-15", "2017-03-02", "2018-01-01")


def write(root, region_rows=(("csv/0.csv", "ORH"), ("csv/1.csv", "XXX"), ("csv/2.csv", "BTP"))):
    (root / "2017" / "L1C").mkdir(parents=True)
    (root / "classmapping.csv").write_text(MAPPING)
    for number, region in enumerate(sum(REGIONS.values(), ())):
        rows = [f"{i},{code},{path},0.1,{100 + i},4" for i, (path, code) in enumerate(region_rows)]
        table = "idx,CODE_CULTU,path,meanQA60,id,sequencelength\n" + "\n".join(rows)
        (root / "2017" / "L1C" / f"{region}.csv").write_text(table)
        with h5py.File(root / "2017" / "L1C" / f"{region}.h5", "w") as file:
            for i, (path, _) in enumerate(region_rows):
                file[path] = series(DAYS[: 2 + i], scale=number + 1)
    return str(root)


def opened(root, profile="default", **options):
    return breizhcrops(root=root, **options).open(SPECS, context=Context(profile=profile))


def test_fields_of_known_crops_are_listed_by_region(tmp_path):
    found = opened(write(tmp_path))
    assert {name: len(part) for name, part in found.splits.items()} == {"train": 4, "valid": 2, "test": 2}
    assert found.classes == ("barley", "wheat", "rapeseed")
    assert [int(one.label) for one in found.splits["train"]] == [0, 1, 0, 1]
    assert [one.group for one in found.splits["train"]] == ["frh01", "frh01", "frh02", "frh02"]


def test_bands_are_found_by_the_order_of_the_columns(tmp_path):
    one = opened(write(tmp_path)).splits["valid"][0]
    array, spec = one.sample.arrays["sentinel2_l2a"], SPECS[0]
    assert array.shape == (1, 1, 1, 12)
    for at, band in enumerate(spec.band_order):
        assert array[0, 0, 0, at] == 3 * (100 * NAMES.index(band) + 0.5)
    assert one.sample.presence["sentinel2_l2a"].all()
    assert NAMES[:5] == ("B01", "B10", "B11", "B12", "B02")


def test_months_have_their_own_year_and_the_reference_has_one_for_all(tmp_path):
    root = write(tmp_path)
    stamps = opened(root).splits["test"][1].sample.timestamps
    assert stamps.tolist() == [[1, 0, 2017], [1, 2, 2017], [1, 0, 2018]]
    old = opened(root, REFERENCE).splits["test"][1].sample
    assert old.timestamps.tolist() == [[1, 0, 2017], [1, 2, 2017]]
    assert old.arrays["sentinel2_l2a"][0, 0, 0, SPECS[0].band_order.index("B01")] == pytest.approx(4 * (0 + 1 + 3) / 3)


def test_samples_have_as_many_steps_as_months():
    values, stamps = monthly(series(DAYS), "here")
    assert values[:, 0].tolist() == [0.5, 2.0, 3.0]
    shuffled, again = monthly(series(DAYS)[::-1], "here")
    assert np.array_equal(values, shuffled)
    assert np.array_equal(stamps, again)


def test_extremes_are_counts_and_fractions_only_in_the_reference(tmp_path):
    """Defect 14: the published table of extremes is in another unit than the values."""
    root = write(tmp_path)
    table, old = (opened(root, profile).statistics["sentinel2_l2a"] for profile in ("default", REFERENCE))
    assert table["B01"].mean == old["B01"].mean == 3254.1433
    assert table["B10"].mean == 288.4604
    assert table["B02"].maximum == pytest.approx(8805.046)
    assert old["B02"].maximum == pytest.approx(0.8805046)


def test_the_top_of_the_atmosphere_can_be_shown_as_what_it_is(tmp_path):
    one = opened(write(tmp_path), input_modality="sentinel2").splits["train"][0]
    assert one.sample.arrays["sentinel2"].shape == (1, 1, 1, 13)
    assert one.sample.presence["sentinel2"].all()
    assert len(BANDS) == 13


def test_the_same_comes_from_memory_and_goes_to_other_processes(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    root = write(tmp_path / "data")
    fsspec.filesystem("memory").put(root, "/breizh", recursive=True)
    here, there = opened(root), opened("memory://breizh")
    for part in here.splits:
        first = here.splits[part][1]
        again = pickle.loads(pickle.dumps(there.splits[part]))[1]
        assert np.array_equal(first.sample.arrays["sentinel2_l2a"], again.sample.arrays["sentinel2_l2a"])


def test_links_to_other_files_are_not_followed(tmp_path):
    root = write(tmp_path)
    with h5py.File(tmp_path / "2017" / "L1C" / "frh03.h5", "a") as file:
        del file["csv/0.csv"]
        file["csv/0.csv"] = h5py.ExternalLink(str(tmp_path / "2017" / "L1C" / "frh04.h5"), "csv/0.csv")
    with pytest.raises(DataError, match=r"csv/0\.csv is not there"):
        opened(root).splits["valid"][0]


def test_what_is_wrong_is_said(tmp_path, monkeypatch):
    monkeypatch.delenv("BREIZHCROPS_DIR", raising=False)
    with pytest.raises(DataError, match="BREIZHCROPS_DIR"):
        opened(None)
    with pytest.raises(ConfigError, match="expected 1"):
        breizhcrops(patch_size=4)
    root = write(tmp_path)
    (tmp_path / "2017" / "L1C" / "frh04.h5").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"frh04\.h5.* cannot be read"):
        opened(root).splits["test"][0]
    (tmp_path / "2017" / "L1C" / "frh03.csv").write_text("idx,path\n0,csv/0.csv\n")
    with pytest.raises(DataError, match=r"frh03\.csv: has no column CODE_CULTU"):
        opened(root)
    (tmp_path / "classmapping.csv").unlink()
    with pytest.raises(DataError, match=r"classmapping\.csv: there is no such file"):
        opened(root)
    with pytest.raises(DataError, match="holds no dates"):
        monthly(np.full((1, 17), np.nan), "here")
