r"""Embeddings per second of an encoder against the reference: 64 x 64 px, 12 dates, nothing hidden, equal weights.

Both programs live in processes of their own and take turns, the order changing every round; ratios are medians of
pairs. The reference runs its default path and its fast pass once, and the faster one is compared with. Outputs are
compared before anything is timed. Peak memory is what resident memory rises by during a first call, inputs and weights
not counted. Nominal GFLOP: depth (24 D^2 N + 4 N^2 D) + patch projection, which a call may save but not exceed.

  python benchmarks/encoder.py --peer VENV/bin/python --peer-path reference/shims:reference --max-gflop 200
  python benchmarks/encoder.py --stage patch_embedding --models v1:nano v1:base --patches 1 2 ...

Without --peer ours runs alone.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from encoder_measure import BANDS, DATES, GEOMETRY, SENSORS, SIDE, groups

HERE = Path(__file__).parent
ALLOWED = {
    "fp32": {"encoder": 1e-4, "patch_embedding": 1e-5},
    "bf16": {"encoder": math.inf, "patch_embedding": math.inf},
}
"""Largest difference to the reference; in units of the largest output for the patch embedding."""


def main() -> int:
    given = arguments()
    found: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for model, sensors in itertools.product(given.models, given.sensors):
            found += measure(model, sensors, given, folder)
    return report(found, given)


def arguments() -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    models = [f"{version}:{size}" for version in ("v1", "v1_2") for size in ("nano", "tiny", "base")]
    p.add_argument("--peer", help="python of a venv that holds the reference")
    p.add_argument("--peer-path", default="", help="PYTHONPATH for it")
    p.add_argument("--models", nargs="+", default=models, help="version:size; versions v1, v1_1, v1_2")
    p.add_argument("--sensors", nargs="+", default=list(SENSORS), choices=SENSORS)
    p.add_argument("--patches", nargs="+", type=int, default=[1, 2, 4, 8])
    p.add_argument("--batches", nargs="+", type=int, default=[1, 8])
    p.add_argument("--dtypes", nargs="+", default=["fp32", "bf16"], choices=["fp32", "bf16"])
    p.add_argument("--stage", default="encoder", choices=["encoder", "patch_embedding"])
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--max-gflop", type=float, default=100.0, help="leave out calls of more nominal work")
    p.add_argument("--json", type=Path, help="also write every row there")
    return p.parse_args()


@dataclass(frozen=True)
class Work:
    """One configuration and its nominal GFLOP."""

    model: str
    sensors: str
    patch: int
    batch: int

    @property
    def tokens(self) -> int:
        """Per sample."""
        version = self.model.split(":")[0]
        places = (SIDE // self.patch) ** 2 * DATES
        return places * sum(len(groups(version, name)) for name in SENSORS[self.sensors])

    def gflop(self, stage: str) -> float:
        """Multiply-add = 2 (spec/model.md 13.3)."""
        version, size = self.model.split(":")
        width, _, depth = GEOMETRY[size]
        hidden, places = (12 if size == "nano" else 64), (SIDE // self.patch) ** 2 * DATES
        bands = sum(BANDS[name] for name in SENSORS[self.sensors])
        if version == "v1":
            work = places * 128 * bands * width
        else:
            work = places * 128 * hidden * (bands + len(SENSORS[self.sensors]) * width)
        if stage == "encoder":
            work += depth * (24 * width**2 * self.tokens + 4 * self.tokens**2 * width)
        return self.batch * work / 1e9


@dataclass
class Row:
    """What was measured of one configuration in one precision."""

    work: Work
    dtype: str
    way: str = ""
    wall: float = 0.0
    ratio: float = math.nan
    wall_ratio: float = math.nan
    memory: dict[str, float] = field(default_factory=dict)
    difference: float = math.nan
    relative: float = math.nan
    stages: dict[str, float] = field(default_factory=dict)
    gain: float = math.nan
    error: float = math.nan
    limit: float = math.nan


class Child:
    """A program in a process of its own."""

    def __init__(self, command: list[str], threads: int, path: str) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONPATH": path}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env=environment,
        )  # fmt: skip

    def ask(self, ask: str, **question: Any) -> dict[str, Any]:
        """Ask a method of its server and wait for the answer."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps({"ask": ask, **question}) + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("ANSWER "):
                answer: dict[str, Any] = json.loads(line[7:])
                return answer
        raise SystemExit(f"{self.process.args!r} ended early, asked to {ask} {question}")


def measure(model: str, sensors: str, given: argparse.Namespace, folder: str) -> list[Row]:
    """Measure all patches, batches and precisions of one model that fit the budget."""
    works = [Work(model, sensors, p, b) for p, b in itertools.product(given.patches, given.batches)]
    fitting = [w for w in works if w.gflop(given.stage) <= given.max_gflop]
    for w in works:
        if w not in fitting:
            print(f"left out: {label(w)}, {w.gflop(given.stage):.0f} GFLOP per call > {given.max_gflop:.0f}")
    if not fitting:
        return []
    children = {"ours": Child([sys.executable, str(HERE / "encoder_ours.py")], given.threads, "")}
    if given.peer:
        children["reference"] = Child([given.peer, str(HERE / "peer_encoder.py")], given.threads, given.peer_path)
    version, size = model.split(":")
    weights = f"{folder}/{version}_{size}_{sensors}.pth"
    try:
        for child in children.values():
            child.ask("open", version=version, size=size, sensors=sensors, weights=weights)
        speed = children["ours"].ask("matmul", width=GEOMETRY[size][0])
        return [row for w in fitting for row in one(w, children, speed, given, folder)]
    finally:
        for child in children.values():
            child.process.communicate("", timeout=60)


def one(work: Work, children: dict[str, Child], speed: dict[str, float], given: argparse.Namespace, folder: str) -> Any:
    """Measure one configuration in all precisions, programs and precisions taking turns."""
    rows = {d: Row(work, d, limit=speed[d]) for d in given.dtypes}
    quick = {d: first(row, children, given, folder) for d, row in rows.items()}
    if "bf16" in rows and "fp32" in rows:
        rows["bf16"].error = compare(work, folder, "ours_bf16", "ours_fp32")[1]
    for path in Path(folder).glob("*.npy"):
        path.unlink()
    turns = [(d, name) for d in rows for name in children]
    rounds: list[dict[tuple[str, str], dict[str, Any]]] = []
    slow = max(quick.values())
    for number in range(given.rounds if slow < 20 else min(given.rounds, 3)):
        answers = {}
        for dtype, name in turns[:: -1 if number % 2 else 1]:
            question = {"batch": work.batch, "patch": work.patch, "dtype": dtype, "stage": given.stage}
            calls = max(1, math.ceil(0.3 / quick[dtype]))
            answers[dtype, name] = children[name].ask("time", **question, way=rows[dtype].way, calls=calls)
        rounds.append(answers)
    for dtype, row in rows.items():
        conclude(row, dtype, rounds)
        print(line(row, given.stage), flush=True)
    return list(rows.values())


def first(row: Row, children: dict[str, Child], given: argparse.Namespace, folder: str) -> float:
    """Memory and outputs of a cold call; return seconds of a warm one of ours."""
    question = {"batch": row.work.batch, "patch": row.work.patch, "dtype": row.dtype, "stage": given.stage}
    ours = children["ours"].ask("first", **question, way="default", path=f"{folder}/ours_{row.dtype}")
    row.memory["ours"] = ours["peak"]
    if "reference" in children:
        path = f"{folder}/reference_{row.dtype}"
        ways = ["default", "fast"] if given.stage == "encoder" else ["default"]
        found = {w: children["reference"].ask("first", **question, way=w, path=path) for w in ways}
        row.way = min(found, key=lambda way: found[way]["wall"])
        row.memory["reference"] = found[row.way]["peak"]
        row.difference, row.relative = compare(row.work, folder, f"ours_{row.dtype}", f"reference_{row.dtype}")
    return float(ours["wall"])


def compare(work: Work, folder: str, one: str, other: str) -> tuple[float, float]:
    """Largest difference of two programs' tokens: absolute, and in units of the largest token value."""
    worst, largest = 0.0, 0.0
    for name in SENSORS[work.sensors]:
        a, b = (np.load(f"{folder}/{who}_{name}.npy", mmap_mode="r") for who in (one, other))
        assert a.shape == b.shape, (a.shape, b.shape)
        worst, largest = max(worst, float(np.abs(a - b).max())), max(largest, float(np.abs(b).max()))
    return worst, worst / largest


def conclude(row: Row, dtype: str, rounds: list[dict[tuple[str, str], dict[str, Any]]]) -> None:
    """Medians of what the rounds found."""
    ours = [r[dtype, "ours"] for r in rounds]
    row.wall = statistics.median(o["wall"] for o in ours)
    row.stages = {n: statistics.median(o["stages"][n] / o["wall"] for o in ours) for n in ours[0]["stages"]}
    if (dtype, "reference") in rounds[0]:
        row.ratio, row.wall_ratio = (
            statistics.median(r[dtype, "reference"][k] / r[dtype, "ours"][k] for r in rounds) for k in ("cpu", "wall")
        )
    if dtype == "bf16" and ("fp32", "ours") in rounds[0]:
        row.gain = statistics.median(r["fp32", "ours"]["cpu"] / r["bf16", "ours"]["cpu"] for r in rounds)


def label(work: Work) -> str:
    return f"{work.model:9} {work.sensors:5} patch {work.patch} batch {work.batch}"


def line(row: Row, stage: str) -> str:
    """One row of the table."""
    speed = row.work.gflop(stage) / row.wall
    memory = " /".join(f"{row.memory[name]:6.0f}" for name in row.memory)
    text = f"{label(row.work)} {row.dtype}  {row.work.batch / row.wall:8.2f}/s {speed:4.0f} of {row.limit:3.0f} GFLOP/s"
    if not math.isnan(row.ratio):
        text += f"  x{row.ratio:5.2f} ({row.way}; clock x{row.wall_ratio:.2f})  {memory} MiB  diff {row.difference:.0e}"
        text += f" ({row.relative:.0e} of the largest)"
    else:
        text += f"  {memory} MiB"
    if not math.isnan(row.gain):
        text += f"  x{row.gain:.2f} of fp32, off by {row.error:.0e}"
    shares = " ".join(f"{name} {share:.0%}" for name, share in row.stages.items())
    return f"{text}  [{shares}]" if stage == "encoder" else text


def report(rows: list[Row], given: argparse.Namespace) -> int:
    """Print what the rows amount to; 1 if outputs differ."""
    if given.json:
        plain = [{**vars(r), "work": vars(r.work), "gflop": r.work.gflop(given.stage)} for r in rows]
        given.json.write_text(json.dumps(plain, indent=1))
    wrong = [r for r in rows if differs(r, given.stage)]
    for dtype in given.dtypes:
        own = [r for r in rows if r.dtype == dtype and not math.isnan(r.ratio)]
        if own:
            worst, heaviest = min(own, key=lambda r: r.ratio), max(own, key=share)
            print(
                f"{dtype}: {len(own)} configurations, geometric mean x{mean(r.ratio for r in own):.2f} by CPU time, "
                f"x{mean(r.wall_ratio for r in own):.2f} by the clock; worst x{worst.ratio:.2f} ({label(worst.work)}); "
                f"memory {mean(share(r) for r in own):.2f} of the reference's, at worst {share(heaviest):.2f} "
                f"({label(heaviest.work)})"
            )
    gains = [r for r in rows if not math.isnan(r.gain)]
    if gains:
        error = max(gains, key=lambda r: r.error)
        print(
            f"bf16 against our fp32: geometric mean x{mean(r.gain for r in gains):.2f}, "
            f"worst x{min(r.gain for r in gains):.2f}; off by up to {error.error:.0e} of the largest output"
        )
    for r in wrong:
        print(f"outputs differ: {label(r.work)} {r.dtype}: {r.difference:.1e} ({r.relative:.1e} of the largest)")
    print(f"load {os.getloadavg()[0]:.1f}, {given.threads} threads")
    return int(bool(wrong))


def differs(row: Row, stage: str) -> bool:
    found = row.relative if stage == "patch_embedding" else row.difference
    return found > ALLOWED[row.dtype][stage]


def share(row: Row) -> float:
    """Our peak memory in units of the reference's."""
    return row.memory["ours"] / max(row.memory["reference"], 1.0)


def mean(values: Any) -> float:
    return statistics.geometric_mean(list(values))


if __name__ == "__main__":
    sys.exit(main())
