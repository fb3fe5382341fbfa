"""Are our sample files and the reference's the same files? Asks both programs.

    python benchmarks/compat_reference_h5.py --reference-python /path/to/venv/bin/python [--tiles 2]

The reference (olmoearth-pretrain 0.1.2, installed in a venv of its own) reads data sets that we wrote in both
layouts, and converts the same simulated tiles itself; its files are compared with ours array by array, and read by
our loader. Prints one line per check; exit code 1 if one fails. PYTHONPATH is passed on for the reference's shims.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin  # noqa: F401  registers the compression filters
import numpy as np

from olmoearth_core.convert.convert import convert
from olmoearth_core.convert.h5_writer import Storage
from olmoearth_core.convert.tile_job import Rules
from olmoearth_core.data.dataset import OlmoEarthDataset
from olmoearth_core.kinds import registry
from olmoearth_core.lookup import modalities

NAMES = ["sentinel2_l2a", "sentinel1", "landsat", "srtm", "worldcover", "openstreetmap_raster"]
READ = """
import sys
import numpy as np
from upath import UPath
from olmoearth_pretrain.data.dataset import GetItemArgs, OlmoEarthDataset
folder, out, *names = sys.argv[1:]
data = OlmoEarthDataset(UPath(folder), names, np.float32, normalize=False)
data.prepare()
arrays = {}
for index in range(len(data)):
    _, sample = data[GetItemArgs(idx=index, patch_size=4, sampled_hw_p=8, token_budget=None)]
    for name in [*names, "timestamps"]:
        arrays[f"{index}/{name}"] = getattr(sample, name)
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


def reference(python: str, script: str, *arguments: str) -> None:
    """Run a script in the reference's venv; its output is shown only if it fails."""
    with tempfile.NamedTemporaryFile("w", suffix=".py") as file:
        file.write(script)
        file.flush()
        done = subprocess.run([python, file.name, *arguments], capture_output=True, text=True, env=dict(os.environ))
    if done.returncode:
        raise SystemExit(f"the reference failed:\n{done.stderr[-4000:]}")


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


def ours_in_the_reference(folder: Path, read: dict[str, np.ndarray]) -> Iterator[tuple[str, bool]]:
    """Compare what the reference read from our files with the files."""
    for index in range(int(folder.name)):
        with h5py.File(folder / f"sample_{index}.h5") as file:
            for name in NAMES:
                seen, mask = read[f"{index}/{name}"], file.get(f"missing_timesteps_masks/{name}")
                if name not in file:
                    yield f"sample {index} {name} absent", bool((seen == -99999).all())
                elif mask is None:
                    yield f"sample {index} {name}", bool((seen == file[name][()]).all())
                else:
                    steps = np.flatnonzero(mask[()])
                    same = bool((seen[:, :, steps] == file[name][()]).all())
                    rest = np.delete(seen, steps, axis=2)
                    yield f"sample {index} {name}", same and bool((rest == -99999).all())


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


def theirs_in_ours(folder: Path) -> Iterator[tuple[str, bool]]:
    """Read the reference's files with our loader and compare with the files."""
    dataset = OlmoEarthDataset(str(folder), NAMES, normalize=False)
    dataset.prepare()
    for index in range(len(dataset)):
        sample = dataset.window(index, top=0, left=0, height=128, width=128, start_step=0, steps=12)
        with h5py.File(folder / f"sample_{index}.h5") as file:
            for name in NAMES:
                there = np.broadcast_to(sample.presence[name], sample.arrays[name].shape)
                stored = np.ravel(file[name][()]) if name in file else np.zeros(0)
                same = np.array_equal(sample.arrays[name][there], stored.astype(np.float32))
                yield f"our loader, their sample {index} {name}", same


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reference-python", required=True, help="python of the venv that holds the reference")
    parser.add_argument("--tiles", type=int, default=2)
    options = parser.parse_args()
    specs = modalities(NAMES)
    results: list[tuple[str, bool]] = []
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        tiles = registry.sources.get("simulate.landscape.v1")(seed=2, tiles=options.tiles).write(work / "tiles", specs)
        exact = Rules("tile", compatible=True)
        windows = convert(tiles, work / "windows", specs)
        whole = convert(tiles, work / "same", specs, storage=Storage(layout="reference"), rules=exact)
        folders = {"windows": Path(str(windows.path)), "reference": Path(str(whole.path))}
        for layout, folder in folders.items():
            reference(options.reference_python, READ, str(folder), str(work / "read.npz"), *NAMES)
            with np.load(work / "read.npz") as read:
                found = list(ours_in_the_reference(folder, dict(read)))
            results += [(f"reference reads our layout {layout}, {text}", ok) for text, ok in found]
        reference(options.reference_python, CONVERT, str(tiles), *NAMES)
        theirs = next(path.parent for path in tiles.rglob("sample_0.h5"))
        mine, other = keyed(folders["reference"]), keyed(theirs)
        results.append(("both converters make the same samples", mine.keys() == other.keys()))
        results += [
            (f"both converters, {mine[k].name}", contents(mine[k]) == contents(other[k])) for k in mine.keys() & other
        ]
        same = [(folders["reference"].parent.parent.name, theirs.parent.parent.name),
                (folders["reference"].parent.name, theirs.parent.name)]  # fmt: skip
        results.append(("folder names", all(a == b for a, b in same)))
        both = (folders["reference"], theirs)
        results.append(("sample_metadata.csv, in any order", metadata(both[0]) == metadata(both[1])))
        settings = [(folder / "compression_settings.json").read_bytes() for folder in both]
        results.append(("compression_settings.json", settings[0] == settings[1]))
        results += theirs_in_ours(theirs)
    for text, ok in results:
        if not ok:
            print(f"different   {text}")
    print(f"{sum(ok for _, ok in results)} of {len(results)} comparisons equal")
    return 0 if all(ok for _, ok in results) else 1


if __name__ == "__main__":
    sys.exit(main())
