"""How the loader grows: with worker processes, and with the number of samples of a data set.

    python benchmarks/loader_scaling.py [--samples 100 1000 10000] [--workers 0 1 2] [--rounds 3] [--seconds 3]

Each measurement is a process of its own. "index" is the time to read the tables of the data set, "first batch" the time
from there to the first batch (starting workers included), both against the smallest data set of the same round; "peak"
is the largest resident memory of the main process and of a worker. The large data sets are hard links to the files of
the smallest, so that all are equally warm in the disk cache.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import loader_sets
import numpy as np

BATCH = 8


def main() -> None:
    """Measure all cases in turn and print medians."""
    given = arguments()
    if given.measure:
        print("FOUND", json.dumps(measure(given.measure, given.workers[0], given.seconds)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        smallest = loader_sets.rewrite(
            loader_sets.make(Path(temporary) / "drawn", min(given.samples)), Path(temporary) / "windows", "windows"
        )
        folders = {count: multiplied(smallest, count) for count in sorted(given.samples)}
        cases = [(count, workers) for workers in given.workers for count in folders]
        rounds = [
            {case: asked(folders[case[0]], case[1], given.seconds) for case in cases} for _ in range(given.rounds)
        ]
    print(f"{'workers':>7} {'samples':>8} {'index':>9} {'first batch':>12} {'samples/s':>10} {'peak, of a worker':>20}")
    for case in cases:
        print(line(case, rounds, smallest=(min(folders), case[1])), flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, nargs="*", default=[100, 1000, 10_000])
    parser.add_argument("--workers", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="per measurement, after the first batch")
    parser.add_argument("--measure", type=Path, help="folder: one measurement, used by the script itself")
    return parser.parse_args()


def multiplied(folder: Path, count: int) -> Path:
    """Return a data set of `count` samples whose files are those of `folder`, again and again."""
    have = int(folder.name)
    if count == have:
        return folder
    # A folder of its own above, because one may hold one data set only.
    target = folder.parents[2] / f"x{count}" / folder.parents[1].name / folder.parents[0].name / str(count)
    target.mkdir(parents=True)
    for i in range(count):
        os.link(folder / f"sample_{i % have}.h5", target / f"sample_{i}.h5")
    head, *rows = (folder / "sample_metadata.csv").read_text().splitlines()
    again = [f"{i},{rows[i % have].partition(',')[2]}" for i in range(count)]
    (target / "sample_metadata.csv").write_text("\n".join([head, *again]) + "\n")
    np.save(target / "latlon_distribution.npy", np.resize(np.load(folder / "latlon_distribution.npy"), (count, 2)))
    (target / "compression_settings.json").write_bytes((folder / "compression_settings.json").read_bytes())
    return target


def asked(folder: Path, workers: int, seconds: float) -> dict:
    """Measure in a new process."""
    command = [sys.executable, __file__, "--measure", str(folder), "--workers", str(workers), "--seconds", str(seconds)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    out = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    return json.loads(next(text for text in out.splitlines() if text.startswith("FOUND ")).removeprefix("FOUND "))


def measure(folder: Path, workers: int, seconds: float) -> dict:
    """Open, read the first batch, and go on for some seconds."""
    import torch
    from olmoearth_masking.random_time_with_decode import random_time_with_decode

    from olmoearth_core.config.schema import DataLoaderSettings
    from olmoearth_core.data.dataset import OlmoEarthDataset
    from olmoearth_core.data.loader import Loader

    torch.set_num_threads(1)
    begin = time.perf_counter()
    dataset = OlmoEarthDataset(str(folder), loader_sets.MODALITIES)
    dataset.prepare()
    opened = time.perf_counter()
    settings = DataLoaderSettings(
        global_batch_size=BATCH, min_patch_size=4, max_patch_size=4, sampled_hw_p_list=[6], token_budget=2250,
        num_workers=workers, num_dataset_repeats_per_epoch=max(1, 20_000 // len(dataset)), band_gap="drop_token",
    )  # fmt: skip
    masking = random_time_with_decode(only_decode_modalities=list(loader_sets.MAPS))
    loader = Loader(dataset, settings, masking=masking, num_views=2)
    batches = iter(loader.epoch(1))
    next(batches)
    first = time.perf_counter()
    count = 0
    while time.perf_counter() - first < seconds:
        next(batches)
        count += 1
    rate = count * BATCH / (time.perf_counter() - first)
    main_peak, worker_peak = peak("self"), max((peak(pid) for pid in children()), default=0.0)
    return {"index": opened - begin, "first": first - opened, "rate": rate, "main": main_peak, "worker": worker_peak}


def children() -> list[str]:
    """Process numbers of all descendants (the fork server starts the workers)."""
    parents = {p.name: _status(p.name).get("PPid", "") for p in Path("/proc").iterdir() if p.name.isdigit()}
    found, todo = [], [str(os.getpid())]
    while todo:
        below = [pid for pid, parent in parents.items() if parent == todo[0]]
        found, todo = found + below, todo[1:] + below
    return found


def peak(pid: str) -> float:
    """Largest resident memory of a process, MB."""
    return float(_status(pid).get("VmHWM", "0 kB").split()[0]) / 1e3


def _status(pid: str) -> dict[str, str]:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    return {name: value.strip() for name, _, value in (text.partition(":") for text in lines)}


def line(case: tuple[int, int], rounds: list[dict], *, smallest: tuple[int, int]) -> str:
    """Medians of one case, and the growth of the first batch against the smallest data set."""
    middle = {key: statistics.median(found[case][key] for found in rounds) for key in rounds[0][case]}
    growth = statistics.median(found[case]["first"] / found[smallest]["first"] for found in rounds)
    worker = f"{middle['worker']:.0f} MB" if case[1] else "-"
    return (
        f"{case[1]:>7} {case[0]:>8} {middle['index'] * 1e3:>6.0f} ms {middle['first']:>5.2f} s x{growth:<4.2f} "
        f"{middle['rate']:>10.1f} {middle['main']:>8.0f} MB, {worker:>7}"
    )


if __name__ == "__main__":
    main()
