"""Samples per second of the conversion, ours and the reference's, from one simulated tile store on the same cores.

    python benchmarks/convert.py [--peer VENV/bin/python --peer-path SHIMS:.] [--tiles 4] [--rounds 5] [--workers 0]

Both programs stay running and convert the whole store in turn; what counts is the median of the ratios of the rounds.
Each round reads every raster and writes every file anew (zstd 3, 128 px, six modalities, twelve months). "reference"
is the original layout, files of equal content; "windows" is our default. Peak memory is that of one process: of the
largest worker with --workers, else of the program itself. Exit code 1 if a ratio is below 2.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import in_turn

from olmoearth_core.kinds import registry
from olmoearth_core.lookup import modalities

HERE = Path(__file__).parent
NAMES = ("sentinel2_l2a", "sentinel1", "landsat", "srtm", "worldcover", "openstreetmap_raster")
LAYOUTS = ("windows", "reference")
WANTED = 2.0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", help="python of an environment with olmoearth-pretrain")
    parser.add_argument("--peer-path", default="", help="PYTHONPATH for it")
    parser.add_argument("--tiles", type=int, default=4, help="tiles of the store; four samples each")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=0, help="processes; 0 = none but the program itself")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def sides(given: argparse.Namespace, work: Path, tiles: Path) -> dict[str, subprocess.Popen[str]]:
    """Start all programs."""
    workers = str(given.workers)
    ours = [sys.executable, str(HERE / "convert_ours.py"), str(tiles)]
    plain = argparse.Namespace(**{**vars(given), "peer_path": ""})
    started = {x: in_turn.start([*ours, str(work / x), x, workers, *NAMES], plain) for x in LAYOUTS}
    if given.peer:
        command = [given.peer, str(HERE / "peer_convert.py"), str(tiles), workers, *NAMES]
        started["peer"] = in_turn.start(command, given)
    return started


def main() -> int:
    given = arguments()
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        landscape = registry.sources.get("simulate.landscape.v1")(seed=2, tiles=given.tiles)
        tiles = landscape.write(work / "tiles", modalities(NAMES))
        programs = sides(given, work, tiles)
        for program in programs.values():
            in_turn.ask(program)
        rounds = [{name: in_turn.ask(program) for name, program in programs.items()} for _ in range(given.rounds)]
        for program in programs.values():
            assert program.stdin
            program.stdin.close()
            program.wait(timeout=60)
    return report(given, rounds)


def report(given: argparse.Namespace, rounds: list[dict[str, dict[str, float]]]) -> int:
    """Print one line per program; return the exit code."""
    speed = [{name: answer["samples"] / answer["seconds"] for name, answer in found.items()} for found in rounds]
    failed = False
    for name in speed[0]:
        line = f"{name:10} {statistics.median(r[name] for r in speed):7.1f} samples/s"
        line += f"  peak {max(r[name]['peak_mb'] for r in rounds):6.0f} MB a process"
        if "peer" in speed[0] and name != "peer":
            ratios = sorted(r[name] / r["peer"] for r in speed)
            ratio = statistics.median(ratios)
            failed |= ratio < WANTED
            line += f"  ratio {ratio:5.2f}  ({ratios[0]:.2f} to {ratios[-1]:.2f}; wanted {WANTED})"
        print(line, flush=True)
    print(f"{int(rounds[0]['windows']['samples'])} samples, {given.workers} workers, load {os.getloadavg()[0]:.1f}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
