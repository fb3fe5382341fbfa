"""Are our sample files and the reference's the same files, and do both programs read the same out of them?

    PYTHONPATH=SHIMS:. python benchmarks/compat_reference_h5.py --reference-python VENV/bin/python [--tiles 2]

The reference (olmoearth-pretrain 0.1.2) lives in a venv of its own; PYTHONPATH is passed on for its shims. One store of
simulated tiles with missing months, sensors and pixels is converted by us as we do it, by us as the reference does it,
and by the reference. The two alike conversions are compared bit by bit. Then each of the three data sets is loaded by
the reference's data set class and by ours, and all arrays, gaps, timestamps and places are compared: stored values bit
by bit, normalised ones within 2e-6. Prints a line per comparison that failed and the counts; exit code 1 on any.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin  # noqa: F401  registers the compression filters
import numpy as np
import rasterio

from olmoearth_core.convert.convert import convert
from olmoearth_core.convert.h5_writer import Storage
from olmoearth_core.convert.tile_job import Rules
from olmoearth_core.convert.tiles import read_table, tile_path
from olmoearth_core.data.dataset import OlmoEarthDataset
from olmoearth_core.data.sample import Sample
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.kinds import registry
from olmoearth_core.lookup import modalities

STORED = ["sentinel2_l2a", "sentinel1", "landsat", "srtm", "worldcover", "openstreetmap_raster"]
NAMES = [*STORED, "worldcover_onehot", "ndvi"]
MISSING = -99999
CLOSE = 2e-6
SEED, STEP = 12, 2
"""Of two tiles with this seed one lacks a sensor, and all three sensors lack months. STEP: which has swath edges."""
GAPS = ("missing altogether", "missing steps", "missing pixels")
READ = """
import json, sys
import numpy as np
from upath import UPath
from olmoearth_pretrain.data.dataset import GetItemArgs, OlmoEarthDataset
jobs, names = json.loads(sys.argv[1]), json.loads(sys.argv[2])
for folder, normalize, out in jobs:
    data = OlmoEarthDataset(UPath(folder), [*names, "latlon"], np.float32, normalize=normalize)
    data.prepare()
    arrays = {}
    for index in range(len(data)):
        _, sample = data[GetItemArgs(idx=index, patch_size=4, sampled_hw_p=8, token_budget=None)]
        for name in [*names, "timestamps", "latlon"]:
            arrays[f"{data.sample_indices[index]}/{name}"] = getattr(sample, name)
    np.savez(out, **arrays)
"""
CONVERT = """
import sys
from upath import UPath
from olmoearth_pretrain.data.constants import Modality
from olmoearth_pretrain.dataset.convert_to_h5py import ConvertToH5py
if __name__ == "__main__":
    tiles, *names = sys.argv[1:]
    ConvertToH5py(
        UPath(tiles), [Modality.get(n) for n in names], multiprocessed_sample_processing=False,
        multiprocessed_h5_creation=False, compression="zstd", compression_opts=3, tile_size=128,
    ).run()
"""


@dataclass(frozen=True)
class Found:
    """One comparison. what: group that it is counted in. holds: kinds of gaps in the compared array."""

    what: str
    where: str
    same: bool
    holds: tuple[str, ...] = ()


def reference(python: str, script: str, *arguments: str) -> None:
    """Run a script in the reference's venv; its output is shown only if it fails."""
    with tempfile.NamedTemporaryFile("w", suffix=".py") as file:
        file.write(script)
        file.flush()
        done = subprocess.run([python, file.name, *arguments], capture_output=True, text=True, env=dict(os.environ))
    if done.returncode:
        raise SystemExit(f"the reference failed:\n{done.stderr[-4000:]}")


def store(out: Path, tiles: int) -> Path:
    """Write simulated tiles, and take the edges of swaths from two of them: all optical bands, and a radar pixel."""
    specs = modalities(STORED)
    root = Path(registry.sources.get("simulate.landscape.v1")(seed=SEED, tiles=tiles).write(out, specs))
    for spec, tile, side in ((specs[0], 0, 64), (specs[1], -1, 1)):
        cell = sorted(read_table(root, spec).tiles)[tile]
        for band_set in spec.band_sets:
            _blank(tile_path(root, spec, cell, band_set), len(band_set.bands), band_set.resolution_factor, spec, side)
    return root


def _blank(path: str, count: int, factor: int, spec: ModalitySpec, side: int) -> None:
    """Write nodata into the top-left square of one step; side: in pixels of the grid."""
    bands = [STEP * count + k + 1 for k in range(count)]
    with rasterio.open(path, "r+") as raster:
        pixels = raster.read(bands)
        square = max(1, side * spec.grid_factor // factor)
        pixels[:, :square, :square] = spec.nodata
        raster.write(pixels, bands)


def contents(path: Path) -> dict[str, tuple[Any, ...]]:
    """Everything that must be equal: type, shape, chunks, filters and bytes of each array."""
    found: dict[str, tuple[Any, ...]] = {}

    def note(name: str, thing: Any) -> None:
        if isinstance(thing, h5py.Dataset):
            plist = thing.id.get_create_plist()
            filters = [plist.get_filter(i)[:3:2] for i in range(plist.get_nfilters())]
            found[name] = (thing.dtype, thing.shape, thing.chunks, tuple(filters), thing[()].tobytes())

    with h5py.File(path) as file:
        file.visititems(note)
    return found


def keyed(folder: Path) -> dict[tuple[float, float, int], Path]:
    """Files by place and number within their tile, because the reference numbers tiles in random order."""
    files = {}
    for index in range(int(folder.name)):
        path = folder / f"sample_{index}.h5"
        with h5py.File(path) as file:
            lat, lon = file["latlon"][()]
        files[float(lat), float(lon), index % 4] = path
    return files


def metadata(folder: Path) -> list[str]:
    """The table's header and its rows without their number, sorted."""
    header, *rows = (folder / "sample_metadata.csv").read_bytes().decode().split("\n")
    return [header, *sorted(row.partition(",")[2] for row in rows)]


def converters(ours: Path, theirs: Path) -> Iterator[Found]:
    """Compare the files of both converters bit by bit, and the tables beside them."""
    what = "both converters, files bit by bit"
    mine, other = keyed(ours), keyed(theirs)
    yield Found(what, "the same places and parts", mine.keys() == other.keys())
    for key in sorted(mine.keys() & other):
        yield Found(what, mine[key].name, contents(mine[key]) == contents(other[key]))
    names = [[folder.parent.parent.name, folder.parent.name, folder.name] for folder in (ours, theirs)]
    yield Found(what, f"folder names {names}", names[0] == names[1])
    yield Found(what, "sample_metadata.csv, in any order", metadata(ours) == metadata(theirs))
    settings = [(folder / "compression_settings.json").read_bytes() for folder in (ours, theirs)]
    yield Found(what, "compression_settings.json", settings[0] == settings[1])


def loaders(title: str, folder: Path, seen: dict[str, np.ndarray], *, normalize: bool) -> Iterator[Found]:
    """Compare what the reference's class read from a data set with what ours reads."""
    what = f"{title}, {'normalised' if normalize else 'stored'} values by both loaders"
    dataset = OlmoEarthDataset(str(folder), NAMES, normalize=normalize)
    dataset.prepare()
    numbers = {int(key.partition("/")[0]) for key in seen}
    yield Found(what, "the same samples", numbers == set(map(int, dataset.indices)))
    for index in sorted(numbers):
        sample = dataset.window(index, top=0, left=0, height=128, width=128, start_step=0, steps=12)
        yield from _arrays(what, index, sample, seen, normalize)
        stamps = np.array_equal(seen[f"{index}/timestamps"], sample.timestamps)
        yield Found(what, f"sample {index} timestamps", stamps)
        if not normalize:
            yield Found(what, f"sample {index} latlon", np.array_equal(seen[f"{index}/latlon"], sample.latlon))


def _arrays(what: str, index: int, sample: Sample, seen: dict[str, np.ndarray], normalize: bool) -> Iterator[Found]:
    for name in NAMES:
        other, mine = seen[f"{index}/{name}"], sample.arrays[name]
        there = np.broadcast_to(sample.presence[name], mine.shape)
        same = other.shape == mine.shape and np.array_equal(other != MISSING, there)
        if same and (normalize or name == "ndvi"):
            same = np.allclose(other[there], mine[there], rtol=CLOSE, atol=CLOSE)
        elif same:
            same = np.array_equal(other[there], mine[there])
        yield Found(what, f"sample {index} {name}", bool(same), _gaps(there))


def _gaps(there: np.ndarray) -> tuple[str, ...]:
    """Say what kinds of gaps an array has; there: bool [H, W, T, C]."""
    some, every = there.any(axis=(0, 1)), there.all(axis=(0, 1))
    if not some.any():
        return GAPS[:1]
    return tuple(gap for gap, found in zip(GAPS[1:], (not some.all(), (some & ~every).any()), strict=True) if found)


def report(found: list[Found]) -> int:
    """Print what differs and the counts; return the exit code."""
    for one in found:
        if not one.same:
            print(f"different   {one.what}: {one.where}")
    for what in dict.fromkeys(one.what for one in found):
        group = [one for one in found if one.what == what]
        holds = Counter(gap for one in group for gap in one.holds)
        text = ", ".join(f"{holds[name]} {name}" for name in sorted(holds))
        print(f"{sum(one.same for one in group):4} of {len(group):4} equal   {what}" + (f" ({text})" if text else ""))
    print(f"{sum(one.same for one in found)} of {len(found)} comparisons equal")
    return 0 if all(one.same for one in found) else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reference-python", required=True, help="python of the venv that holds the reference")
    parser.add_argument("--tiles", type=int, default=2, help="at least 2, four samples each")
    options = parser.parse_args()
    if options.tiles < 2:
        parser.error("--tiles must be at least 2: the gaps lie in two of them")
    specs = modalities(STORED)
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        tiles = store(work / "tiles", options.tiles)
        exact = Rules("tile", compatible=True)
        ours = convert(tiles, work / "ours", specs)
        alike = convert(tiles, work / "alike", specs, storage=Storage(layout="reference"), rules=exact)
        reference(options.reference_python, CONVERT, str(tiles), *STORED)
        folders = {
            "our conversion": Path(str(ours.path)),
            "our conversion as the reference's": Path(str(alike.path)),
            "the reference's conversion": next(path.parent for path in tiles.rglob("sample_0.h5")),
        }
        _, mine, theirs = folders.values()
        found = list(converters(mine, theirs))
        jobs = [(t, f, n, work / f"{i}{n}.npz") for i, (t, f) in enumerate(folders.items()) for n in (False, True)]
        asked = json.dumps([(str(folder), normalize, str(out)) for _, folder, normalize, out in jobs])
        reference(options.reference_python, READ, asked, json.dumps(NAMES))
        for title, folder, normalize, out in jobs:
            with np.load(out) as seen:
                found += loaders(title, folder, dict(seen), normalize=normalize)
    met = {gap for one in found for gap in one.holds}
    found += [Found("kinds of gaps among what was compared", gap, gap in met) for gap in GAPS]
    return report(found)


if __name__ == "__main__":
    sys.exit(main())
