"""Ways to store a data set are measured on equal work, give back what they got, and the best that we write is named."""

from __future__ import annotations

import pytest

from olmoearth_core.cli.main import main
from olmoearth_core.convert import tune
from olmoearth_core.convert.convert import convert
from olmoearth_core.convert.h5_writer import Storage
from olmoearth_core.convert.tune_candidates import Candidate, candidates
from olmoearth_core.errors import DataError
from olmoearth_core.lookup import modalities

FEW = [c for c in candidates() if c.codec in ("zstd 3", "none", "blosc2 lz4 shuffle")]


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(tune, "candidates", lambda: FEW)


def measured(megabytes: float, crop: float, *, ours: bool = True) -> tune.Measured:
    return tune.Measured(Candidate("x", "windows", (), Storage() if ours else None), megabytes, 1, 1, crop)


def test_recommended_is_the_fastest_that_we_write_and_that_is_not_much_larger():
    small, quick, large, foreign = measured(10, 5), measured(11, 3), measured(13, 1), measured(10, 1, ours=False)
    assert tune.recommended([small, quick, large, foreign]) is quick


def test_codecs_and_chunks_have_names_of_their_own():
    names = [(c.codec, c.chunks) for c in candidates()]
    assert len(names) == len(set(names))
    assert ("zstd 3", "windows") in names
    assert ("zstd 3", (8, 4)) in names


def test_a_tile_store_and_the_data_set_made_of_it_can_be_measured(write_store, tmp_path, capsys, few):
    specs = modalities(["worldcover", "sentinel1"])
    root = write_store(specs)
    path = convert(root, tmp_path / "h5", specs).path
    for what in (root, path):
        words = ["dataset", "tune", str(what), "--on", str(tmp_path), "--samples", "1", "--rounds", "1"]
        with pytest.raises(SystemExit) as end:
            raise SystemExit(main(words))
        assert end.value.code in (0, None)
        out = capsys.readouterr().out.splitlines()
        assert len(out) == len(FEW) + 5
        assert out[-1].startswith("olmoearth dataset convert ... --compression ")
        assert sum("not written by convert" in line for line in out) == len([c for c in FEW if c.storage is None])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["h5", "tiles"]


def test_the_same_seed_draws_the_same_samples_and_crops(write_store, tmp_path, few):
    specs = modalities(["worldcover", "sentinel1"])
    folder = convert(write_store(specs), tmp_path / "h5", specs).path
    drawn = []
    for seed in (3, 3, 4):
        (tmp_path / "copy").mkdir(exist_ok=True)
        paths = tune.from_h5(folder, tmp_path / "copy", samples=4, seed=seed)
        arrays = tune._read(paths[0])
        drawn.append(tune._windows(arrays, tune.np.random.default_rng(seed), 5))
    assert drawn[0] == drawn[1] != drawn[2]


def test_a_codec_that_changes_values_is_refused(write_store, tmp_path, few, monkeypatch):
    specs = modalities(["worldcover", "sentinel1"])
    folder = convert(write_store(specs), tmp_path / "h5", specs).path
    paths = tune.from_h5(folder, tmp_path, samples=1, seed=0)
    right = tune._write
    monkeypatch.setattr(tune, "_write", lambda p, a, c: right(p, {n: x + 1 for n, x in a.items()}, c))
    with pytest.raises(DataError, match=r"zstd 3 gave back other values of .*sentinel1"):
        tune.tune(paths, tmp_path)


def test_a_folder_that_is_not_there_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        raise SystemExit(main(["dataset", "tune", str(tmp_path), "--on", str(tmp_path / "no")]))
    assert end.value.code not in (0, None)
    assert "there is no such folder" in capsys.readouterr().err
