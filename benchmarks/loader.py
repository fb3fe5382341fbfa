"""Samples per second of the loader, ours and the reference's, on equal content in both layouts.

    python benchmarks/loader.py [--reference-python VENV/bin/python] [--h5 FOLDER] [--rounds 7] [--workers 0 1]

Both programs stay running and take turns, so that a busy machine slows them alike; what counts is the median of the
ratios of the rounds. Two masked views per batch, crops of 6 x 6 patches of 4 pixels, budget 2250, nine modalities.
Files "windows" are chunked as our converter writes them, "reference" as the original one does.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import loader_sets

HERE = Path(__file__).parent
GATES = {"windows": 8.0, "reference": 0.95}


class Side:
    """One program, kept running."""

    def __init__(self, python: str, script: str, environment: dict[str, str]) -> None:
        """Start it; it answers requests on its standard input."""
        threads = {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
        self._process = subprocess.Popen(
            [python, str(HERE / script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            stderr=subprocess.DEVNULL if not os.environ.get("VERBOSE") else None,
            env={**os.environ, **threads, **environment},
        )  # fmt: skip

    def rate(self, request: dict) -> float:
        """Return samples/s; lines that are no answer are ignored."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            if line.startswith("RATE "):
                return float(line.split()[1])
        raise SystemExit("a side of the benchmark ended without an answer; set VERBOSE=1 to see why")

    def close(self) -> None:
        """End it."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(timeout=60)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference-python", help="python of an environment with olmoearth-pretrain")
    parser.add_argument("--reference-path", default="", help="PYTHONPATH for it")
    parser.add_argument(
        "--h5", type=Path, help="numbered folder of a data set in the reference's layout; made if not given"
    )
    parser.add_argument("--samples", type=int, default=64, help="samples to make")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=3.0, help="per measurement")
    parser.add_argument("--workers", type=int, nargs="*", default=[0, 1])
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--patch", type=int, default=4)
    parser.add_argument("--side", type=int, default=6)
    parser.add_argument("--budget", type=int, default=2250)
    return parser.parse_args()


def main() -> None:
    given = arguments()
    with tempfile.TemporaryDirectory() as temporary:
        theirs = given.h5 or loader_sets.make(Path(temporary) / "reference", given.samples)
        folders = {"windows": loader_sets.rewrite(theirs, Path(temporary) / "windows", "windows"), "reference": theirs}
        sides = {"ours": Side(sys.executable, "loader_ours.py", {})}
        if given.reference_python:
            path = {"PYTHONPATH": given.reference_path}
            sides["reference"] = Side(given.reference_python, "loader_reference.py", path)
        passed = [report(given, sides, files, folder, n) for files, folder in folders.items() for n in given.workers]
        for side in sides.values():
            side.close()
    sys.exit(not all(passed))


def report(given: argparse.Namespace, sides: dict[str, Side], files: str, folder: Path, workers: int) -> bool:
    """Measure one case, print its line and tell whether it meets its gate."""
    request = {"h5": str(folder), "workers": workers, "seconds": given.seconds, "batch": given.batch,
               "patch": given.patch, "side": given.side, "budget": given.budget}  # fmt: skip
    rounds = [{name: side.rate(request) for name, side in sides.items()} for _ in range(given.rounds)]
    medians = {name: statistics.median(r[name] for r in rounds) for name in sides}
    line = f"{files:10} files  {workers} workers" + "".join(f"  {n} {v:7.1f}/s" for n, v in medians.items())
    if "reference" not in sides:
        print(line, flush=True)
        return True
    ratios = sorted(r["ours"] / r["reference"] for r in rounds)
    ratio = statistics.median(ratios)
    print(f"{line}  ratio {ratio:5.2f}  ({ratios[0]:.2f}…{ratios[-1]:.2f}; wanted {GATES[files]}; "
          f"load {os.getloadavg()[0]:.1f})", flush=True)  # fmt: skip
    return ratio >= GATES[files]


if __name__ == "__main__":
    main()
