"""Measure codecs and chunk shapes on the user's own disk and data, and say which to take.

Every candidate writes the same samples and reads the same crops, as the loader does: windows of some pixels and steps
of every modality. Before each reading the system is asked to forget the file, so that the disk is measured too.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import fsspec
import h5py
import numpy as np

from olmoearth_core.convert.dataset_writer import DatasetWriter
from olmoearth_core.convert.h5_writer import MASKS, write_arrays
from olmoearth_core.convert.samples import plan
from olmoearth_core.convert.tile_job import Rules, TileJob, blocks_of
from olmoearth_core.convert.tiles import read_table
from olmoearth_core.convert.tune_candidates import Candidate, candidates
from olmoearth_core.data.folder import find
from olmoearth_core.data.h5 import SampleFile
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.source import Progress

CROP_PIXELS = 32
CROP_STEPS = 8
SPARE = 1.2
"""Recommended is what reads crops fastest among those at most this much larger than the smallest."""

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Measured:
    """What one candidate costs: bytes, and seconds per sample to write it, to read it whole, to read one crop of it."""

    candidate: Candidate
    bytes: float
    write: float
    whole: float
    crop: float


def from_h5(url: str, folder: Path, *, samples: int, seed: int) -> list[Path]:
    """Return some samples of a data set as local files, copied to `folder` if they lie behind a URL."""
    data = find(url)
    filesystem, place = fsspec.core.url_to_fs(data.url)
    drawn = np.random.default_rng(seed).permutation(data.count)[:samples]
    paths = []
    for number in sorted(drawn.tolist()):
        paths.append(folder / f"sample_{number}.h5")
        filesystem.get_file(f"{place}/sample_{number}.h5", str(paths[-1]))
    return paths


def from_tiles(root: str, specs: Sequence[ModalitySpec], folder: Path, *, samples: int, seed: int) -> list[Path]:
    """Convert some tiles of a tile store into `folder`; DataError if none of them gives a sample."""
    parsed = tuple(spec for spec in specs if spec.parsed)
    planned = plan({spec.name: read_table(root, spec) for spec in parsed}, parsed)
    writer = DatasetWriter(folder, parsed, tile_size=128, staging=folder / "made")
    writer.open()
    job = TileJob(str(root), parsed, writer, Rules(), blocks_of(128))
    paths: list[Path] = []
    reasons: list[str] = []
    for number in np.random.default_rng(seed).permutation(len(planned)).tolist():
        outcome = job(planned[number])
        paths += [writer.staging / f"{record.key}.h5" for record in outcome.records]
        reasons += [outcome.error] if outcome.error else list(outcome.dropped)
        if len(paths) >= samples:
            break
    if not paths:
        raise DataError(f"{root}: gives no sample to measure with:\n" + "\n".join(f"  {r}" for r in reasons[:10]))
    return paths[:samples]


def tune(
    paths: Sequence[Path], on: Path, *, seed: int = 0, crops: int = 8, rounds: int = 3, progress: Progress | None = None
) -> list[Measured]:
    """Write and read the samples at `paths` in every way, in a temporary folder below `on`.

    crops: windows read per sample and round. Candidates take turns in every round and the median counts, so that a busy
    moment hits all alike. DataError if a candidate does not give back what was written.
    """
    if not paths:
        raise DataError("there are no samples to measure with.")
    tried, arrays = candidates(), [_read(path) for path in paths]
    windows = [_windows(a, np.random.default_rng([seed, i]), crops) for i, a in enumerate(arrays)]
    times: dict[int, list[tuple[float, float, float]]] = {number: [] for number in range(len(tried))}
    sizes: dict[int, float] = {}
    with tempfile.TemporaryDirectory(prefix=".olmoearth-tune-", dir=on) as temporary:
        for turn in range(rounds):
            for number, candidate in enumerate(tried):
                folder = Path(temporary)
                times[number].append(_once(candidate, arrays, windows, folder))
                files = sorted(folder.glob("*.h5"))
                sizes[number] = sum(file.stat().st_size for file in files) / len(files)
                if progress:
                    progress(turn * len(tried) + number + 1, rounds * len(tried))
    middle = [[statistics.median(t[k] for t in times[n]) for k in range(3)] for n in range(len(tried))]
    return [Measured(c, sizes[n], *middle[n]) for n, c in enumerate(tried)]


def recommended(measured: Sequence[Measured]) -> Measured:
    """Return what the converter can write and reads crops fastest, among those not much larger than the smallest."""
    written = [m for m in measured if m.candidate.storage is not None]
    smallest = min(m.bytes for m in written)
    return min((m for m in written if m.bytes <= SPARE * smallest), key=lambda m: m.crop)


def _once(
    candidate: Candidate, arrays: Sequence[Arrays], windows: Sequence[list[_Crop]], folder: Path
) -> tuple[float, float, float]:
    paths = [folder / f"{number}.h5" for number in range(len(arrays))]
    started = time.perf_counter()
    for path, array in zip(paths, arrays, strict=True):
        _write(path, array, candidate)
    write = time.perf_counter() - started
    whole = 0.0
    for path, expected in zip(paths, arrays, strict=True):
        _forget(path)
        started = time.perf_counter()
        found = _read(path)
        whole += time.perf_counter() - started
        wrong = [
            name for name, array in expected.items() if not np.array_equal(found[name], array, equal_nan=_nan(array))
        ]
        if wrong:
            raise DataError(f"{path}: {candidate.codec} gave back other values of {', '.join(wrong)}. Do not use it.")
    crop = 0.0
    for path, drawn in zip(paths, windows, strict=True):
        for window in drawn:
            _forget(path)
            started = time.perf_counter()
            _read_crop(path, window)
            crop += time.perf_counter() - started
    return write / len(paths), whole / len(paths), crop / sum(len(drawn) for drawn in windows)


_Crop = dict[str, tuple[tuple[int, ...], tuple[int, ...]]]


def _windows(arrays: Arrays, rng: np.random.Generator, crops: int) -> list[_Crop]:
    maps = {name: a.shape for name, a in arrays.items() if a.ndim == 4}
    base = min((shape[0] for shape in maps.values()), default=1)
    return [_crop(maps, base, rng) for _ in range(crops)]


def _crop(maps: dict[str, tuple[int, ...]], base: int, rng: np.random.Generator) -> _Crop:
    side = min(CROP_PIXELS, base)
    row, col = (int(v) for v in rng.integers(0, base - side + 1, 2))
    first = float(rng.random())
    found: _Crop = {}
    for name, (height, _, steps, bands) in maps.items():
        factor, kept = height // base, min(CROP_STEPS, steps)
        start = (row * factor, col * factor, int(first * (steps - kept + 1)), 0)
        found[name] = (start, (side * factor, side * factor, kept, bands))
    return found


def _read_crop(path: Path, crop: _Crop) -> None:
    with SampleFile(path) as file:
        for name, (start, count) in crop.items():
            file.window(name, start, count)


def _read(path: Path) -> Arrays:
    with h5py.File(path) as file:
        return {name: file[name][()] for name in file if name != MASKS}


def _write(path: Path, arrays: Arrays, candidate: Candidate) -> None:
    with h5py.File(path, "w", libver=("earliest", "v110")) as file:
        write_arrays(file, arrays, candidate.options)
    with path.open("rb") as written:
        os.fsync(written.fileno())


def _forget(path: Path) -> None:
    # Only a request, and not to be had everywhere; without it the crops are read from memory.
    if hasattr(os, "posix_fadvise"):
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _nan(array: np.ndarray) -> bool:
    return array.dtype.kind == "f"


def lines(measured: Sequence[Measured]) -> Iterator[str]:
    """Yield the table, fastest crops first, and what to take."""
    best = recommended(measured)
    head = ("", "codec", "chunks", "MB", "write ms", "whole ms", "crop ms", "")
    rows = [head] + [_row(m, best) for m in sorted(measured, key=lambda m: m.crop)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    for row in rows:
        cells = [
            text.ljust(w) if i < 3 or i == 7 else text.rjust(w)
            for i, (text, w) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()
    yield ""
    yield f"per sample; a crop is {CROP_PIXELS} pixels and {CROP_STEPS} steps of every modality, its file opened anew"
    storage = best.candidate.storage
    assert storage is not None
    level = "" if storage.level is None else f" --level {storage.level}"
    shuffle = " --shuffle" if storage.shuffle else ""
    yield (
        f"take {best.candidate.codec}, chunks {best.candidate.shape}: the fastest crops of all that are at most "
        f"{SPARE} times the smallest size"
    )
    yield f"olmoearth dataset convert ... --compression {storage.compression}{level}{shuffle} --layout {storage.layout}"


def _row(found: Measured, best: Measured) -> tuple[str, ...]:
    numbers = (found.bytes / 1e6, found.write * 1e3, found.whole * 1e3, found.crop * 1e3)
    note = "" if found.candidate.storage else "not written by convert"
    shown = [f"{numbers[0]:.2f}", *(f"{n:.1f}" for n in numbers[1:3]), f"{numbers[3]:.2f}"]
    return (">" if found is best else "", found.candidate.codec, found.candidate.shape, *shown, note)
