"""What `olmoearth dataset` prints, and what it says to mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from olmoearth_core.lookup import modalities
from olmoearth_core.testing.command import olmoearth

SPECS = modalities(["sentinel1", "worldcover"])


def run(capsys, *words: object) -> tuple[int, str, str]:
    return olmoearth(capsys, "dataset", *words)


def test_tiles_become_a_data_set_that_info_describes(write_store, tmp_path, capsys):
    code, out, _ = run(capsys, "convert", write_store(SPECS), tmp_path / "h5", "--workers", 0)
    assert (code, out.splitlines()[0]) == (0, "1 tiles, 0 set aside, 4 samples")
    path = out.splitlines()[-1]
    assert path.endswith("h5py_data_w_missing_timesteps_zstd_3_128_x_4/sentinel1_worldcover/4")
    code, out, _ = run(capsys, "info", tmp_path / "h5")
    assert code == 0
    lines = {line.split()[0]: line for line in out.splitlines() if line}
    assert lines["samples"].split() == ["samples", "4"]
    assert "2018-06 to 2019-05; time steps: 12 in 4" in lines["months"]
    assert lines["sentinel1"].split()[1:7] == ["4", "of", "4", "128x128x12x2", "float32", "100%"]
    assert "%" in lines["worldcover"]


def test_info_ends_with_code_1_if_a_file_is_broken(write_store, tmp_path, capsys):
    _, out, _ = run(capsys, "convert", write_store(SPECS), tmp_path / "h5", "--workers", 0)
    Path(out.splitlines()[-1], "sample_2.h5").write_bytes(b"x")
    code, out, _ = run(capsys, "info", tmp_path / "h5")
    assert code == 1
    assert "wrong       sample_2.h5: cannot be read" in out


def test_shards_say_that_others_are_at_work(write_store, tmp_path, capsys):
    from olmoearth_core.convert.grid import Cell

    cells = [Cell("EPSG:32610", 16, 165, -1968), Cell("EPSG:32610", 16, 166, -1968)]
    store = write_store(SPECS, cells=cells)
    _, out, _ = run(capsys, "convert", store, tmp_path / "h5", "--workers", 0, "--shard", "0/2")
    assert out.splitlines()[-1] == "other shards are still at work; the last one makes the data set"
    _, out, _ = run(capsys, "convert", store, tmp_path / "h5", "--workers", 0, "--shard", "1/2")
    assert out.splitlines()[-1].endswith("/8")


def test_simulate_writes_what_it_is_asked_for_and_says_what_is_next(tmp_path, capsys):
    code, out, _ = run(capsys, "simulate", tmp_path / "tiles", "--tiles", 1, "--modalities", "WORLDCOVER,srtm")
    assert code == 0
    assert sorted(p.name for p in (tmp_path / "tiles").iterdir()) == [
        "10_srtm", "10_srtm.csv", "10_worldcover", "10_worldcover.csv",
    ]  # fmt: skip
    assert out.splitlines()[-1] == f"next: olmoearth dataset convert {tmp_path / 'tiles'}"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("convert", "{}/nothing"), "no table of any installed modality"),
        (("convert", "{}/tiles", "--tile-size", "100"), "tile size 100 does not divide 256"),
        (("convert", "{}/tiles", "--compression", "lzf"), 'compression "lzf" is not known'),
        (("convert", "{}/tiles", "--shard", "2/2"), '--shard: found "2/2", expected i/n'),
        (("convert", "{}/tiles", "--modalities", "sentinle1"), 'Did you mean "sentinel1"?'),
        (("convert", "{}/tiles", "--modalities", "srtm"), "10_srtm.csv: not found"),
        (("info", "{}/tiles"), "not a data set"),
        (("info", "{}/nothing"), "there is no such folder"),
        (("import", "{}/nothing", "{}/out"), "no folders with GeoTIFF files"),
        (("simulate", "{}/out", "--tiles", "0"), "tiles is 0, expected at least 1"),
    ],
)
def test_a_mistake_gives_one_sentence_and_code_2(write_store, tmp_path, capsys, words, message):
    write_store([SPECS[1]])
    code, out, err = run(capsys, *(word.format(tmp_path) for word in words))
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


def test_an_empty_variable_means_that_there_are_no_sites(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("OLMOEARTH_SAMPLES", "")
    monkeypatch.chdir(tmp_path)
    code, _, err = run(capsys, "import", "sites", tmp_path / "out")
    assert code == 2
    assert "$OLMOEARTH_SAMPLES is empty, which means that there are no sites" in err


def test_a_bad_tile_is_named_and_does_not_stop_the_others(write_store, tmp_path, capsys):
    from olmoearth_core.convert.grid import Cell

    cells = [Cell("EPSG:32610", 16, 165, -1968), Cell("EPSG:32610", 16, 166, -1968)]
    store = write_store(SPECS, cells=cells)
    torn = store / "10_sentinel1_monthly" / "EPSG:32610_166_-1968_10.tif"
    torn.write_bytes(torn.read_bytes()[: torn.stat().st_size // 2])
    code, out, _ = run(capsys, "convert", store, tmp_path / "h5", "--workers", 0)
    assert code == 0
    assert out.startswith(f"set aside   {torn}: cannot be read")
    assert "2 tiles, 1 set aside, 4 samples" in out
    _, out, _ = run(capsys, "info", tmp_path / "h5")
    assert f"set aside   {torn}" in out
