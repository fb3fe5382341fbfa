"""Subset, merge and diff: what is kept, in which order, and that the results are data sets."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from olmoearth_core.care.subset import inside
from olmoearth_core.care.verify import verify


def numbers(path):
    return np.load(Path(path, "source_indices.npy")).tolist()


def last(answer):
    assert answer[0] == 0, answer
    return answer[1].splitlines()[-1]


def test_a_subset_by_seed_is_a_whole_set_of_links_and_the_same_twice(make, run, tmp_path, specs):
    path = make(8)
    made = Path(last(run("subset", path, tmp_path / "few", "--number", 3, "--seed", 7)))
    assert made.parts[-3:] == (*path.parts[-3:-1], "3")
    chosen = sorted(np.random.default_rng(7).choice(8, 3, replace=False).tolist())
    assert numbers(made) == chosen
    assert [(made / f"sample_{i}.h5").samefile(path / f"sample_{n}.h5") for i, n in enumerate(chosen)] == [True] * 3
    assert verify(str(made), specs).problems == []
    before = {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in made.iterdir()}
    assert Path(last(run("subset", path, tmp_path / "few", "--number", 3, "--seed", 7))) == made
    assert {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in made.iterdir()} == before
    code, _, err = run("subset", path, tmp_path / "few", "--number", 3, "--seed", 8)
    assert (code, "already exists and was made otherwise" in err) == (2, True)


def test_copies_are_files_of_their_own_and_other_disks_get_copies(make, run, tmp_path, monkeypatch):
    path = make(2)
    made = Path(last(run("subset", path, tmp_path / "few", "--copy")))
    assert (made / "sample_0.h5").stat().st_nlink == 1
    monkeypatch.setattr("os.link", lambda *_: (_ for _ in ()).throw(OSError(18, "other disk")))
    made = Path(last(run("subset", path, tmp_path / "more")))
    assert (made / "sample_0.h5").read_bytes() == (path / "sample_0.h5").read_bytes()


def test_conditions_hold_together(make, run, tmp_path):
    path = make(6)
    np.save(tmp_path / "some.npy", np.array([5, 1, 3, 4]))
    words = ("--indices", tmp_path / "some.npy", "--bbox", "20.5,0,24.5,90", "--time", "2020-02..2020-12")
    assert numbers(last(run("subset", path, tmp_path / "few", *words))) == [1, 3, 4]
    assert "meets all conditions" in run("subset", path, tmp_path / "none", "--time", "2021-01..2021-02")[2]


def test_fewer_modalities_give_smaller_files_that_say_the_same(make, run, tmp_path, specs):
    path = make(4, gaps=True)
    made = Path(last(run("subset", path, tmp_path / "few", "--modalities", "WORLDCOVER,sentinel1")))
    assert made.parent.name == "sentinel1_worldcover"
    assert verify(str(made), specs).problems == []
    with h5py.File(made / "sample_0.h5") as new, h5py.File(path / "sample_0.h5") as old:
        assert sorted(new) == ["latlon", "missing_timesteps_masks", "sentinel1", "timestamps", "worldcover"]
        assert np.array_equal(new["sentinel1"][()], old["sentinel1"][()])
        assert new["sentinel1"].chunks == old["sentinel1"].chunks
    made = Path(last(run("subset", path, tmp_path / "maps", "--modalities", "worldcover")))
    assert numbers(made) == [0, 2]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--number", "9"), "9 samples asked for, 4 meet"),
        (("--percentage", "1.5"), "found 1.5, expected a share"),
        (("--modalities", "srtmm"), "has no srtmm"),
        (("--bbox", "1,2,3"), "expected west,south,east,north"),
        (("--time", "2020-13..2021-01"), "expected two months in order"),
        (("--indices", "{}/no.npy"), "cannot be read as file numbers"),
        (("--number", "2", "--percentage", "0.5"), "not both"),
    ],
)
def test_wishes_that_cannot_be_met_give_one_sentence(make, run, tmp_path, words, message):
    code, out, err = run("subset", make(), tmp_path / "out", *(word.format(tmp_path) for word in words))
    assert (code, out, message in err) == (2, "", True), err


@given(st.floats(-180, 180), st.floats(-180, 180), st.floats(-180, 180))
def test_a_box_over_the_antimeridian_is_the_rest_of_the_belt(west, east, lon):
    assume(west != east)
    within, outside = inside((0, lon), (west, -1, east, 1)), inside((0, lon), (east, -1, west, 1))
    assert within or outside
    assert not (within and outside) or lon in (west, east)


def test_a_killed_subset_leaves_nothing_that_looks_like_a_set_and_goes_on(make, run, tmp_path, monkeypatch):
    from olmoearth_core.care import derive

    path = make(4)
    with monkeypatch.context() as patch:
        patch.setattr(derive, "_tables", lambda *_: (_ for _ in ()).throw(OSError("full")))
        assert "cannot be written (full)" in run("subset", path, tmp_path / "few")[2]
    assert "not a data set" in run("info", tmp_path / "few")[2]
    assert last(run("subset", path, tmp_path / "few")).endswith("/4")
    assert [p.name for p in (tmp_path / "few").rglob(".*")] == []


def test_sets_with_other_columns_are_merged_in_order(make, run, tmp_path, specs):
    a, b = make(2, root="a"), make(3, root="b", names=("sentinel1",), start=(2021, 0))
    made = Path(last(run("merge", a, b, tmp_path / "both")))
    assert made.parts[-2:] == ("sentinel1_srtm_worldcover", "5")
    assert (made / "sample_metadata.csv").read_text().splitlines()[2:4] == ["1,1,1,1", "2,1,0,0"]
    assert numbers(made) == [0, 1, 0, 1, 2]
    assert verify(str(made), specs).problems == []
    assert json.loads((made / "provenance.json").read_text())["from"] == [str(a), str(b)]


def test_duplicates_are_refused_unless_told(make, run, tmp_path):
    a, b = make(2, root="a"), make(3, root="b", seed=1)
    code, _, err = run("merge", a, b, tmp_path / "both")
    assert (code, "2 samples show a place and time" in err) == (2, True)
    assert numbers(last(run("merge", a, b, tmp_path / "one", "--duplicates", "first"))) == [0, 1, 2]
    assert numbers(last(run("merge", a, b, tmp_path / "all", "--duplicates", "keep"))) == [0, 1, 0, 1, 2]
    assert "two or more different data sets" in run("merge", a, a, tmp_path / "same")[2]
    other = make(2, root="other", side=64, start=(2022, 0))
    assert "samples of a data set must be equally large" in run("merge", a, other, tmp_path / "sizes")[2]


def test_equal_sets_are_equal_in_any_order(make, run, tmp_path):
    path = make(4, gaps=True)
    code, out, _ = run("diff", path, make(4, gaps=True, root="again"), "--storage")
    assert (code, out.splitlines()[-1]) == (0, "equal")
    turned = path.parents[3] / "turned" / "4"
    turned.mkdir(parents=True)
    for name in ("sample_metadata.csv", "latlon_distribution.npy"):
        (turned / name).write_bytes((path / name).read_bytes())
    rows = (path / "sample_metadata.csv").read_text().splitlines()
    for i in range(4):
        (turned / f"sample_{3 - i}.h5").write_bytes((path / f"sample_{i}.h5").read_bytes())
    (turned / "sample_metadata.csv").write_text(
        "\n".join([rows[0], *(f"{3 - i}{row[1:]}" for i, row in enumerate(rows[1:]))])
    )
    np.save(turned / "latlon_distribution.npy", np.load(path / "latlon_distribution.npy")[::-1])
    assert run("diff", path, turned)[0] == 0


def test_diff_names_the_first_different_value_types_and_strangers(make, run):
    a, b = make(4, root="a"), make(5, root="b")
    with h5py.File(b / "sample_1.h5", "r+") as file:
        file["srtm"][3, 4, 0, 0] += 1
        was = file["srtm"][3, 4, 0, 0] - 1
    with h5py.File(b / "sample_2.h5", "r+") as file:
        whole = file["srtm"][()]
        del file["srtm"]
        file["srtm"] = whole.astype("i2")
        del file["worldcover"]
    code, out, _ = run("diff", a, b)
    assert code == 1
    assert "pairs       4, 2 of them equal" in out
    assert "only in B   1: samples 4" in out
    assert f"sample 1 / 1, srtm: 1 of 1024 values differ, first at [3, 4, 0, 0]: {was} and {was + 1}" in out
    assert "sample 2 / 2, srtm: int32 and int16" in out
    assert "sample 2 / 2, worldcover: only in A" in out


def test_other_chunks_differ_only_if_asked(make, run):
    a, b = make(1, root="a"), make(1, root="b")
    with h5py.File(b / "sample_0.h5", "r+") as file:
        whole = file["sentinel1"][()]
        del file["sentinel1"]
        file.create_dataset("sentinel1", data=whole)
    assert run("diff", a, b)[0] == 0
    code, out, _ = run("diff", a, b, "--storage")
    assert (code, "contiguous" in out) == (1, True)


def test_nan_and_minus_zero_are_compared_bit_by_bit(make, run):
    a, b = make(1, root="a"), make(1, root="b")
    for path, value in ((a, 0.0), (b, -0.0)):
        with h5py.File(path / "sample_0.h5", "r+") as file:
            file["sentinel1"][0, 0, 0, 0], file["sentinel1"][0, 0, 0, 1] = value, np.nan
    code, out, _ = run("diff", a, b)
    assert (code, "1 of 6144 values differ, first at [0, 0, 0, 0]: 0.0 and -0.0" in out) == (1, True)
