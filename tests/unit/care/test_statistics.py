"""Statistics of shards add up to those of the whole, and a training config takes the file."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from olmoearth_core.care import statistics
from olmoearth_core.care.moments import Bins, Moments
from olmoearth_core.data.dataset import OlmoEarthDataset
from olmoearth_core.data.normalize import override
from olmoearth_core.errors import DataError

BINS = Bins(-100, 100, 40)
ARRAYS = hnp.arrays(np.float64, st.integers(1, 60), elements=st.floats(-1e4, 1e4, width=32))


@settings(deadline=None)
@given(values=ARRAYS, cuts=st.lists(st.integers(0, 60), max_size=6), offset=st.sampled_from([0.0, 1e4]))
def test_any_sharding_gives_the_moments_of_the_whole(values, cuts, offset):
    values = values + offset
    parts = [Moments.of(part, BINS) for part in np.split(values, sorted(min(c, len(values)) for c in cuts))]
    total = parts[0]
    for part in parts[1:]:
        total = total.add(part)
    size = max(1.0, np.abs(values).max())
    assert abs(total.mean - values.mean()) <= 1e-12 * size
    assert abs(total.m2 / len(values) - values.var()) <= 1e-12 * size**2
    assert (total.count, total.minimum, total.maximum) == (len(values), values.min(), values.max())
    assert sum(total.histogram) + total.below + total.above == len(values)
    assert total.histogram == Moments.of(values, BINS).histogram
    assert Moments.from_json(json.loads(json.dumps(total.to_json()))) == total


def test_bins_count_as_numpy_does_and_their_edges_belong_to_them():
    values = np.array([-100.0, -99.9, -95.0, 0.0, 2.5, 99.9, 100.0, 100.1, -100.1])
    found = Moments.of(values, BINS)
    assert found.histogram == tuple(np.histogram(values, 40, (-100, 100))[0])
    assert (found.below, found.above) == (1, 1)


def test_a_data_set_in_shards_is_the_data_set_as_a_whole(make, specs, tmp_path):
    path = str(make(7, gaps=True))
    whole = statistics.measure(path, specs)
    for n in (2, 3, 7):
        shards = [statistics.measure(path, specs, shard=(i, n)) for i in range(n)]
        for i, shard in enumerate(shards):
            statistics.write(shard, specs, tmp_path / f"{i}.json")
        merged = statistics.merge([statistics.read(tmp_path / f"{i}.json") for i in reversed(range(n))])
        assert merged.missing_shards == []
        for name, bands in whole.bands.items():
            for band, one in bands.items():
                other = merged.bands[name][band]
                assert (other.count, other.histogram) == (one.count, one.histogram)
                assert other.mean == pytest.approx(one.mean, rel=1e-12)
                assert other.std == pytest.approx(one.std, rel=1e-12)


def test_the_numbers_are_those_of_numpy_without_what_is_missing(make, specs):
    path = make(2)
    for i in range(2):
        with h5py.File(path / f"sample_{i}.h5", "r+") as file:
            file["sentinel1"][0, :, :, 0] = -99999
            file["sentinel1"][1, :, :, 1] = np.nan
            file["worldcover"][:3] = 0
            file["srtm"][5] = -32768
    found = statistics.measure(str(path), specs).bands
    arrays = {
        n: [h5py.File(path / f"sample_{i}.h5")[n][()] for i in range(2)] for n in ("sentinel1", "srtm", "worldcover")
    }
    vv = np.concatenate([np.delete(a, 0, 0)[..., 0].ravel() for a in arrays["sentinel1"]]).astype(np.float64)
    vh = np.concatenate([np.delete(a, 1, 0)[..., 1].ravel() for a in arrays["sentinel1"]]).astype(np.float64)
    high = np.concatenate([np.delete(a, 5, 0).ravel() for a in arrays["srtm"]]).astype(np.float64)
    cover = np.concatenate([a[3:].ravel() for a in arrays["worldcover"]]).astype(np.float64)
    for moments, values in (
        (found["sentinel1"]["vv"], vv), (found["sentinel1"]["vh"], vh), (found["srtm"]["srtm"], high),
        (found["worldcover"]["B1"], cover),
    ):  # fmt: skip
        assert moments.count == values.size
        assert moments.mean == pytest.approx(values.mean(), rel=1e-12)
        assert moments.std == pytest.approx(values.std(), rel=1e-12)


def test_a_training_data_set_takes_the_file_and_is_normalised_by_it(make, run, tmp_path, specs):
    path = make(4)
    code, out, _ = run("stats", path, "--out", tmp_path / "s.json", "--picture", tmp_path / "s.png")
    assert (code, out.splitlines()[-1]) == (0, f'next: [dataset] stats = "{tmp_path / "s.json"}"')
    assert (tmp_path / "s.png").read_bytes()[:4] == b"\x89PNG"
    measured = statistics.measure(str(path), specs).bands["sentinel1"]["vv"]
    taken = OlmoEarthDataset(
        str(path), ["sentinel1", "srtm"], stats=str(tmp_path / "s.json"), normalization={"sentinel1": "standard"}
    )
    taken.prepare()
    spec = next(spec for spec in taken.specs if spec.name == "sentinel1")
    assert (spec.statistics["vv"].mean, spec.statistics["vv"].std) == (measured.mean, measured.std)
    (cover,) = override([specs["worldcover"]], str(tmp_path / "s.json"))
    assert cover == specs["worldcover"], "codes are left to the specification"


def test_a_config_with_the_file_is_accepted(make, run, tmp_path):
    from pathlib import Path

    from olmoearth_core.cli.main import main

    run("stats", make(2), "--out", tmp_path / "s.json")
    nano = str(Path(__file__).parents[3] / "configs" / "v1_2" / "nano.cfg")
    with pytest.raises(SystemExit) as end:
        raise SystemExit(main(["config", "check", nano, f"--dataset.stats={tmp_path / 's.json'}"]))
    assert end.value.code == 0


def test_a_share_is_drawn_by_seed_and_sharded_afterwards(make, specs):
    path = str(make(8))
    half = statistics.measure(path, specs, share=0.5, seed=3)
    parts = [statistics.measure(path, specs, share=0.5, seed=3, shard=(i, 2)) for i in range(2)]
    assert half.bands["srtm"]["srtm"].count == 4 * 32 * 32
    assert statistics.merge(parts).bands["srtm"]["srtm"].histogram == half.bands["srtm"]["srtm"].histogram
    other = statistics.measure(path, specs, share=0.5, seed=4)
    assert other.bands["srtm"]["srtm"].histogram != half.bands["srtm"]["srtm"].histogram


def test_shards_twice_and_of_different_drawings_are_refused(make, specs):
    path = str(make(4))
    one = statistics.measure(path, specs, shard=(0, 2))
    with pytest.raises(DataError, match="found shard 0/2 twice"):
        statistics.merge([one, one])
    with pytest.raises(DataError, match="shards of different drawings"):
        statistics.merge([one, statistics.measure(path, specs, shard=(1, 2), share=0.5)])
    assert statistics.merge([one]).missing_shards == ["1/2"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"measured": {"bands": {"a": {"b": {}}}, "sets": {}}}', "\x00"])
def test_a_file_that_is_no_statistics_is_refused(tmp_path, text):
    (tmp_path / "s.json").write_text(text)
    with pytest.raises(DataError, match="is not a file of `olmoearth dataset stats --out`"):
        statistics.read(tmp_path / "s.json")


def test_the_table_says_how_far_the_mean_is_from_the_specification(make, run):
    code, out, _ = run("stats", make(2), "--modalities", "srtm")
    row = out.splitlines()[1].split()
    assert (code, row[:3]) == (0, ["srtm", "srtm", "2048"])
    mean, theirs, std = float(row[3]), float(row[7]), float(row[8])
    assert float(row[9]) == pytest.approx((mean - theirs) / std, abs=0.01)
    assert "one data set at a time" in run("stats", "a", "b")[2]


def test_shards_are_merged_on_the_command_line_and_a_missing_one_is_named(make, run, tmp_path):
    path, parts = make(3), [tmp_path / f"{i}.json" for i in range(3)]
    for i in range(3):
        assert "next: --merge with the others" in run("stats", path, "--shard", f"{i}/3", "--out", parts[i])[1]
    code, out, _ = run("stats", "--merge", *parts, "--out", tmp_path / "all.json")
    assert (code, "missing" in out) == (0, False)
    assert out.splitlines()[:-2] == run("stats", path)[1].splitlines()
    assert "missing     shards 1/3" in run("stats", "--merge", parts[0], parts[2])[1]
