"""Commands over damaged folders: a code, words that name the file, no traceback, nothing beside the output."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from fuzz_products import UTM, raster
from fuzz_stores import listing
from fuzzing import QUIET, folder, fuzzed

from olmoearth_core.convert.grid import Cell
from olmoearth_core.convert.tile_writer import Row, write_table, write_tile
from olmoearth_core.convert.tiles import slot
from olmoearth_core.ingest.windows import Window, write_windows
from olmoearth_core.lookup import modalities
from olmoearth_core.testing.command import olmoearth
from olmoearth_core.testing.damage import damaged
from olmoearth_core.testing.sample_sets import write_set

pytestmark = QUIET
NAMES = ("sentinel1", "worldcover")
NEIGHBOUR = "S1A_IW_GRDH_1SDV_20170618T064724_29UPU_4_56_VV.tif"
VICTIM = "S1A_IW_GRDH_1SDV_20170617T064724_29UPU_4_55_VV.tif"


@pytest.fixture(scope="module")
def kept():
    """A folder with raw products, a list of windows, a tile store and a data set."""
    with folder() as made:
        place = Path(made) / "in"
        when = datetime(2017, 6, 17, tzinfo=UTC)
        cell = Cell(UTM["crs"], 16, 195, -2188)
        for name in (VICTIM, NEIGHBOUR):
            raster(place / "raw" / name, np.full((1, 64, 64), -12, np.float32), ("VV",), {"units": "db"})
        write_windows(place / "w.csv", [Window(cell, when)])
        (place / "p.json").write_text(json.dumps([[3.0, 50.5], [3.1, 50.6]]))
        specs = modalities(NAMES)
        for spec in specs:
            steps = range(12) if spec.multitemporal else range(1)
            cells = [cell, Cell(cell.crs, 16, cell.col + 1, cell.row)]
            for one in cells:
                shape = (len(steps), len(spec.band_order), 256, 256)
                write_tile(place / "tiles", spec, one, spec.band_sets[0], np.full(shape, 10, spec.dtype or "float32"))
            write_table(place / "tiles", spec, [Row(one, when, i, *slot(when, i + 1)) for one in cells for i in steps])
        write_set(place / "set", specs, 2, side=16)
        yield place


@pytest.fixture
def run(capsys):
    def ran(*words):
        code, out, error = olmoearth(capsys, "dataset", *words)
        assert code in (0, 1, 2)
        assert "Traceback" not in out + error
        # A code of 2 says why, in one message.
        assert (code == 2) == error.startswith("error: ")
        return code, out + error

    return ran


def one(kept, run, victim, seed, words):
    """Damage one file, run a command that writes to OUT, and see that it names the file and changes nothing else."""
    content = victim.read_bytes()
    what, broken = damaged(content, seed)
    with folder() as out:
        top = Path(out)
        (top / "beside").write_text("untouched")
        victim.write_bytes(broken)
        before = listing(kept)
        try:
            code, said = run(*(str(word).replace("OUT", str(top / "out")) for word in words))
            assert listing(kept) == before, what
        finally:
            victim.write_bytes(content)
        assert {p.name for p in top.iterdir()} <= {"beside", "out", "out.csv"}
        assert (top / "beside").read_text() == "untouched"
    if code and broken != content:
        # A table that was changed may accuse the samples that it lists.
        accused = ("sample_0.h5", "sample_1.h5") if victim.is_relative_to(kept / "set") else ()
        assert any(name in said for name in (victim.name, *accused)), (what, said)
    return code


@fuzzed(12)
def test_read_names_a_damaged_product(kept, run, seed):
    one(kept, run, kept / "raw" / VICTIM, seed, ("read", kept / "raw", "--reader", "sentinel1.rtc.v1"))


@fuzzed(8)
def test_ingest_leaves_out_a_damaged_product_by_name(kept, run, seed):
    words = ("ingest", kept / "raw", "OUT", "--windows", kept / "w.csv", "--modalities", "sentinel1", "--workers", 0)
    one(kept, run, kept / "raw" / VICTIM, seed, (*words, "--reader", "sentinel1.rtc.v1"))


@fuzzed(8)
def test_ingest_names_a_damaged_list_of_windows(kept, run, seed):
    words = ("ingest", kept / "raw", "OUT", "--windows", kept / "w.csv", "--modalities", "sentinel1", "--workers", 0)
    one(kept, run, kept / "w.csv", seed, (*words, "--reader", "sentinel1.rtc.v1"))


@pytest.mark.parametrize("name", NAMES)
@fuzzed(5)
def test_convert_sets_a_damaged_tile_aside_by_name(kept, run, name, seed):
    victim = sorted((kept / "tiles").glob(f"10_{name}*/*.tif"))[0]
    one(kept, run, victim, seed, ("convert", kept / "tiles", "OUT", "--workers", 0, "--modalities", ",".join(NAMES)))


@fuzzed(5)
def test_convert_names_a_damaged_table(kept, run, seed):
    words = ("convert", kept / "tiles", "OUT", "--workers", 0, "--modalities", ",".join(NAMES))
    one(kept, run, kept / "tiles" / "10_worldcover.csv", seed, words)


SETS = {
    "verify": ("verify", "SET"), "info": ("info", "SET"), "stats": ("stats", "SET", "--out", "OUT"),
    "diff": ("diff", "SET", "SET"),
}  # fmt: skip


@pytest.mark.parametrize("deed", SETS)
@pytest.mark.parametrize(
    "name", ["sample_0.h5", "sample_metadata.csv", "latlon_distribution.npy", "manifest.json", "manifest.jsonl"]
)
@fuzzed(4)
def test_whatever_looks_at_a_damaged_set_names_the_file(kept, run, deed, name, seed):
    (victim,) = (kept / "set").rglob(name)
    one(kept, run, victim, seed, [str(word).replace("SET", str(kept / "set")) for word in SETS[deed]])


@pytest.mark.parametrize("way", ["points", "regions"])
@fuzzed(20)
def test_select_names_a_damaged_list_of_places(kept, run, way, seed):
    one(kept, run, kept / "p.json", seed, ("select", way, kept / "p.json", "OUT.csv"))


def test_verify_finds_a_truncated_sample_and_puts_it_aside(kept, run, tmp_path):
    place = Path(shutil.copytree(kept / "set", tmp_path / "in" / "set"))
    (sample,) = place.rglob("sample_1.h5")
    sample.write_bytes(sample.read_bytes()[:2000])
    code, said = run("verify", place)
    assert (code, "sample_1.h5" in said) == (1, True)
    code, said = run("verify", place, "--quarantine")
    assert (code, "no problems" in said) == (0, True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in"]
