"""Damage of every sort is found, named, and can be mended or set aside."""

from __future__ import annotations

import json
import os
import resource

import h5py
import numpy as np
import pytest

from olmoearth_core.care.verify import verify
from olmoearth_core.data.folder import find


def change(path, deed):
    with h5py.File(path, "r+") as file:
        deed(file)


def put(name, array, **options):
    def deed(file):
        if name in file:
            del file[name]
        file.create_dataset(name, data=array, **options)

    return deed


def link_out(file):
    del file["srtm"]
    file["srtm"] = h5py.ExternalLink("/etc/hostname", "/x")


def huge(file):
    del file["srtm"]
    file.create_dataset("srtm", shape=(2**20, 2**20, 1, 1), dtype="int32", chunks=(64, 64, 1, 1))


def huge_steps(file):
    del file["timestamps"]
    file.create_dataset("timestamps", shape=(2**40, 3), dtype="int32", chunks=(64, 3))


DAMAGE = {
    "truncated": (lambda p: p.write_bytes(p.read_bytes()[:2000]), "cannot be read as HDF5"),
    "empty": (lambda p: p.write_bytes(b""), "cannot be read as HDF5"),
    "a picture": (lambda p: p.write_bytes(b"\x89PNG" * 500), "cannot be read as HDF5"),
    "missing": (lambda p: p.unlink(), "no such file"),
    "huge": (lambda p: change(p, huge), "declares [1048576, 1048576, 1, 1] int32"),
    "huge timestamps": (lambda p: change(p, huge_steps), "timestamps declares [1099511627776, 3] int32"),
    "wrong dtype": (lambda p: change(p, put("srtm", np.zeros((32, 32, 1, 1)))), "srtm as float64"),
    "wrong shape": (lambda p: change(p, put("srtm", np.zeros((31, 32, 1, 1), "i4"))), "srtm [31, 32, 1, 1]"),
    "no latlon": (lambda p: change(p, lambda f: f.__delitem__("latlon")), "no latlon"),
    "latlon nowhere": (lambda p: change(p, put("latlon", np.array([99, 0], "f4"))), "latlon 99.0, 0.0"),
    "month 12": (lambda p: change(p, put("timestamps", np.array([[1, 12, 2020]] * 3, "i4"))), "outside the calendar"),
    "short mask": (
        lambda p: change(p, put("missing_timesteps_masks/sentinel1", np.ones(2, bool))),
        "mask of sentinel1 bool (2,)",
    ),
    "steps lost": (
        lambda p: change(p, put("missing_timesteps_masks/sentinel1", np.array([True, True, False]))),
        "sentinel1 [32, 32, 3, 2]",
    ),
    "link out": (lambda p: change(p, link_out), "is a link to another place"),
    "text": (lambda p: change(p, put("srtm", np.array([b"x" * 9] * 4))), "expected an array of numbers"),
}


@pytest.mark.parametrize("sort", DAMAGE)
@pytest.mark.parametrize("manifest", [True, False])
def test_each_sort_of_damage_is_named_with_and_without_a_manifest(make, specs, sort, manifest):
    path = make()
    if not manifest:
        (path / "manifest.jsonl").unlink()
    deed, words = DAMAGE[sort]
    deed(path / "sample_2.h5")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    verdict = verify(str(path), specs)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000
    assert verdict.damaged == [2]
    assert all(p.file == "sample_2.h5" and p.expected and p.todo for p in verdict.problems)
    bytes_only = manifest and len(verdict.problems) == 1 and "as in the manifest" in verdict.problems[0].expected
    assert bytes_only or any(words in str(p) for p in verdict.problems)


def test_a_whole_set_has_no_problem(make, specs):
    verdict = verify(str(make(gaps=True)), specs)
    assert (verdict.problems, verdict.notes, verdict.decoded) == ([], [], 4)


def test_types_of_the_original_pass_and_fractions_where_counts_belong_do_not(make, run):
    path = make(1, names=("worldcereal", "srtm", "sentinel2_l2a"))
    (path / "manifest.jsonl").unlink()
    change(path / "sample_0.h5", put("worldcereal", np.zeros((32, 32, 1, 8), "u1")))
    change(path / "sample_0.h5", put("srtm", np.zeros((32, 32, 1, 1), "i2")))
    assert run("verify", path)[0] == 0
    change(path / "sample_0.h5", put("sentinel2_l2a", np.zeros((32, 32, 3, 12), "f4")))
    assert "sentinel2_l2a as float32; expected whole numbers as uint16" in run("verify", path)[1]


@pytest.mark.parametrize("manifest", [True, False])
def test_flipped_bits_never_crash_and_are_found_where_a_hash_is_known(make, specs, manifest):
    path = make(1)
    if not manifest:
        (path / "manifest.jsonl").unlink()
    content = (path / "sample_0.h5").read_bytes()
    rng = np.random.default_rng(5)
    for _ in range(40):
        torn = bytearray(content)
        for at in rng.integers(0, len(torn), 8):
            torn[at] ^= 1 << int(rng.integers(8))
        (path / "sample_0.h5").write_bytes(torn)
        found = verify(str(path), specs).damaged
        assert not manifest or found == [0]


def test_tables_that_differ_from_the_files_are_found_and_written_anew(make, run):
    path = make(gaps=True)
    good = [(path / name).read_bytes() for name in ("sample_metadata.csv", "latlon_distribution.npy")]
    lines = (path / "sample_metadata.csv").read_text().splitlines()
    (path / "sample_metadata.csv").write_text("\n".join([*lines[:2], "1,1,1,1", *lines[3:]]) + "\n")
    np.save(path / "latlon_distribution.npy", np.zeros((4, 2)))
    code, out, _ = run("verify", path)
    assert code == 1
    assert "sample_metadata.csv: found sentinel1, srtm, worldcover for sample_1.h5; expected sentinel1, srtm" in out
    assert "latlon_distribution.npy: found 0.00000, 0.00000 for sample_0.h5; expected 10.00000, 20.00000" in out
    code, out, _ = run("verify", path, "--repair")
    assert (code, out.splitlines()[-1]) == (0, "no problems")
    assert [(path / name).read_bytes() for name in ("sample_metadata.csv", "latlon_distribution.npy")] == good


@pytest.mark.parametrize("content", ["", "sample_index,srtm\n0,1\n", "a,b\nx,y\n", None])
def test_a_metadata_table_that_cannot_be_used_is_a_problem_not_the_end(make, run, content):
    path = make()
    (path / "sample_metadata.csv").write_text(content) if content is not None else os.remove(
        path / "sample_metadata.csv"
    )
    code, out, err = run("verify", path)
    assert (code, err) == (1, "")
    assert "wrong       sample_metadata.csv: found" in out
    assert run("verify", path, "--repair")[0] == 0
    assert set(find(str(path)).columns()) == {"sentinel1", "srtm", "worldcover"}


def test_a_folder_with_too_many_or_too_few_files_or_another_name_is_found(make, run):
    path = make()
    (path / "sample_9.h5").write_bytes((path / "sample_0.h5").read_bytes())
    (path / "notes.txt").write_text("mine")
    code, out, _ = run("verify", path)
    assert code == 1
    assert "sample_9.h5: found a foreign file; expected sample_0.h5 to sample_3.h5" in out
    assert "note        notes.txt: not a file of the format" in out
    (path / "sample_9.h5").unlink()
    path = path.rename(path.with_name("mine"))
    assert "mine: found another folder name; expected 4" in run("verify", path)[1]


def test_quarantine_leaves_a_set_that_loads_and_is_whole(make, run, specs):
    path = make(5, gaps=True)
    (path / "sample_1.h5").write_bytes(b"x")
    (path / "sample_3.h5").unlink()
    code, out, _ = run("verify", path, "--quarantine")
    new = path.with_name("3")
    assert (code, out.splitlines()[-1]) == (0, "no problems")
    assert np.load(new / "source_indices.npy").tolist() == [0, 2, 4]
    assert find(str(path.parents[2])).url == str(new)
    assert find(str(new)).latlons()[:, 0].tolist() == [10, 12, 14]
    aside = path.parent / "quarantine" / "5"
    assert sorted(p.name for p in aside.glob("*.h5")) == ["sample_1.h5"]
    assert set(json.loads((aside / "reasons.json").read_text())) == {"sample_1.h5", "sample_3.h5"}
    assert verify(str(new), specs).problems == []


def test_quarantine_that_was_killed_before_the_old_folder_moved_goes_on(make, run, monkeypatch):
    from olmoearth_core.care import quarantine

    path = make(4)
    (path / "sample_1.h5").write_bytes(b"x")
    with monkeypatch.context() as patch:
        patch.setattr(quarantine, "_move", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        run("verify", path, "--quarantine")
    assert sorted(p.name for p in path.parent.iterdir() if p.name.isdigit()) == ["3", "4"]
    assert run("verify", path, "--quarantine")[0] == 0
    assert sorted(p.name for p in path.parent.iterdir()) == ["3", "quarantine"]


def test_a_damaged_sample_is_converted_again_to_the_same_bytes(tmp_path, run):
    pytest.importorskip("olmoearth_simulate")
    run("simulate", tmp_path / "tiles", "--tiles", 1, "--modalities", "sentinel1,worldcover")
    path = run("convert", tmp_path / "tiles", tmp_path / "h5", "--workers", 0)[1].splitlines()[-1]
    file = tmp_path.joinpath(path, "sample_2.h5")
    before = file.read_bytes()
    file.write_bytes(before[:1000])
    (tmp_path / path / "latlon_distribution.npy").unlink()
    code, out, _ = run("verify", path, "--repair")
    assert "sample_2.h5 converted again" in out
    assert "latlon_distribution.npy written from 4 files" in out
    assert code == 0
    assert file.read_bytes() == before


def test_a_sample_whose_tile_has_changed_is_not_put_back(tmp_path, run):
    pytest.importorskip("olmoearth_simulate")
    run("simulate", tmp_path / "tiles", "--tiles", 1, "--modalities", "sentinel1,worldcover")
    path = run("convert", tmp_path / "tiles", tmp_path / "h5", "--workers", 0)[1].splitlines()[-1]
    tmp_path.joinpath(path, "sample_2.h5").write_bytes(b"x")
    import shutil

    shutil.rmtree(tmp_path / "tiles")
    code, out, err = run("verify", path, "--repair")
    assert (code, err) == (1, "")
    assert "samples not repaired" in out


def test_verify_says_what_it_expects_of_its_options_and_of_folders(make, run, tmp_path):
    assert "--values" in run("verify", make(), "--values", "some")[2]
    code, _, err = run("verify", tmp_path / "nothing")
    assert (code, "there is no such folder" in err) == (2, True)


def test_a_set_behind_a_url_is_checked_and_measured_but_not_changed(make, run):
    import fsspec

    path = make(2)
    memory = fsspec.filesystem("memory")
    for file in path.iterdir():
        memory.pipe_file(f"/care/set/2/{file.name}", file.read_bytes())
    try:
        assert run("verify", "memory://care/set/2")[0] == 0
        assert run("diff", path, "memory://care/set/2")[0] == 0
        assert run("stats", "memory://care/set/2")[1] == run("stats", path)[1]
        memory.pipe_file("/care/set/2/sample_1.h5", b"x")
        code, _, err = run("verify", "memory://care/set/2", "--repair")
        assert (code, "is a URL, and `olmoearth dataset verify --repair` works on local files" in err) == (2, True)
        assert "is a URL" in run("subset", "memory://care/set/2", path.parent / "out")[2]
    finally:
        memory.rm("/care", recursive=True)


def test_the_real_sites_are_whole(tmp_path, run):
    pytest.importorskip("olmoearth_simulate")
    code, _, _ = run("import", "sites", tmp_path / "sites", "--modalities", "sentinel2_l2a,sentinel1,srtm")
    if code:
        pytest.skip("no real samples here (OLMOEARTH_SAMPLES or ../shared/samples)")
    assert run("verify", tmp_path / "sites")[0] == 0
