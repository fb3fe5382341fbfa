"""How fast is masking: batches per second of every strategy, against the reference in the same run.

    python benchmarks/masking.py --reference-python /path/to/venv/bin/python [--rounds 7] [--only random space]

The micro-batch is that of a v1.2 base run: 64 samples, 9 modalities with one band group each, 8 x 8 patches of 4
pixels, 9 dates, one thread. Both programs live in processes of their own and work in turn, so that the machine's mood
hits both; ratios are medians over rounds. The official strategies are also measured with fewer and more samples,
patches and modalities. Each program gets what its loader has: the reference pixels, ours the presence of tokens.
PYTHONPATH is passed on for the reference's shims.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from math import exp, log
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from olmoearth_core.data.random import Draws
from olmoearth_core.interfaces.masking import Masking
from olmoearth_core.kinds import registry
from olmoearth_core.lookup import modalities

Case = dict[str, Any]
GROUPS = {
    "sentinel2_l2a": [["B02", "B03", "B04", "B08", "B05", "B06", "B07", "B8A", "B11", "B12", "B01", "B09"]],
    "landsat": [["B8", "B1", "B2", "B3", "B4", "B5", "B6", "B7", "B9", "B10", "B11"]],
}
MAPS = ["worldcover", "srtm", "openstreetmap_raster", "wri_canopy_height_map", "cdl", "worldcereal"]
NAMES = ["sentinel2_l2a", "sentinel1", "landsat", *MAPS]
PATCH, DATES = 4, 9
BASE = {"samples": 64, "side": 8, "modalities": 9}
SCALES = [{"samples": 16}, {"samples": 256}, {"side": 4}, {"side": 12}, {"modalities": 3}]
SELECTABLE = {"decodable_modalities": MAPS[:3], "fully_mask_modalities": MAPS[3:], "max_to_mask": 3}
CROSS: Case = {"only_decode_modalities": MAPS}
OPTIONS: dict[str, Case] = {
    "random_time_with_decode": {"only_decode_modalities": MAPS},
    "modality_cross_random": {**CROSS, "allow_encoding_decoding_same_bandset": True},
    "random_with_decode": {"only_decode_modalities": MAPS},
    "random": {},
    "space": {},
    "time": {},
    "space_time": {},
    "random_space": {},
    "random_increasing": {},
    "random_range": {},
    "random_fixed_modality": {"decoded_modalities": MAPS},
    "selectable_modality": SELECTABLE,
    "selectable_random_range_modality": SELECTABLE,
    "modality_cross_space": CROSS,
    "modality_cross_time": CROSS,
    "modality_cross_space_time": CROSS,
}
OFFICIAL = ["random_time_with_decode", "modality_cross_random"]


def make(number: int, key: str, scale: dict[str, int]) -> tuple[Case, dict[str, np.ndarray]]:
    """Return one measurement and which tokens are there: in every tenth sample a sensor lacks a date."""
    size = BASE | scale
    names = NAMES[: size["modalities"]]
    case = {"number": number, "key": key, "options": OPTIONS[key], "groups": GROUPS, "modalities": names}
    presence = {}
    for spec in modalities(names):
        steps = DATES if spec.multitemporal else 1
        there = np.ones((size["samples"], size["side"], size["side"], steps, 1), dtype=bool)
        there[::10, ..., -1, :] &= not spec.multitemporal
        presence[f"{number}/{spec.name}"] = there
    return {**case, "patch": PATCH, "scale": scale}, presence


class Ours:
    """Times our strategies in this process."""

    def __init__(self, cases: list[Case], presence: dict[str, np.ndarray]) -> None:
        """Keep all inputs ready."""
        self.cases, self.presence = cases, presence

    def seconds(self, number: int, count: int) -> float:
        """Mask `count` batches."""
        case = self.cases[number]
        strategy: Masking = registry.maskings.get(component(case["key"]))(**case["options"])
        specs = modalities(case["modalities"])
        present = {s.name: torch.from_numpy(self.presence[f"{number}/{s.name}"]) for s in specs}
        size = len(next(iter(present.values())))
        strategy.mask(present, specs, Draws(range(size), 1))
        start = time.perf_counter()
        for step in range(count):
            strategy.mask(present, specs, Draws(range(step * size, (step + 1) * size), step + 1))
        return time.perf_counter() - start


class Theirs:
    """Times the reference's strategies in a process of its own."""

    def __init__(self, python: str, cases: list[Case], presence: dict[str, np.ndarray], folder: str) -> None:
        """Start the process."""
        files = [str(Path(folder) / name) for name in ("cases.json", "presence.npz")]
        Path(files[0]).write_text(json.dumps(cases))
        np.savez(files[1], **cast(dict[str, Any], presence))
        self.child = subprocess.Popen(
            [python, str(Path(__file__).parent / "peer_masks.py"), *files],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )

    def seconds(self, number: int, count: int) -> float:
        """Mask `count` batches."""
        assert self.child.stdin
        assert self.child.stdout
        self.child.stdin.write(f"{number} {count}\n")
        self.child.stdin.flush()
        for line in self.child.stdout:
            if line.startswith("{"):
                return float(json.loads(line)["seconds"])
        raise SystemExit("the reference ended early")

    def stop(self) -> None:
        """End the process."""
        self.child.communicate("", timeout=60)


def component(key: str) -> str:
    return f"masking.{key}.v1"


def measure(case: Case, ours: Ours, theirs: Theirs, rounds: int) -> float:
    """Let both work in turn, print a line, and return how many times as fast ours is."""
    number = case["number"]
    theirs.seconds(number, 1)
    count = max(1, round(0.1 / ours.seconds(number, 1)))
    pairs = [(ours.seconds(number, count) / count, theirs.seconds(number, 1)) for _ in range(rounds)]
    mine, other = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(b / a for a, b in pairs)
    scale = " ".join(f"{n} {what}" for what, n in case["scale"].items())
    print(f"{case['key']:33} {scale:13} {1 / mine:9.1f} {1 / other:9.1f} {ratio:7.1f}", flush=True)
    return ratio


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference-python", required=True, help="python of the venv that holds the reference")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", nargs="*", choices=OPTIONS, default=list(OPTIONS), help="strategies to measure")
    given = parser.parse_args()
    torch.set_num_threads(1)
    keys = [key for key in given.only if component(key) in registry.maskings]
    runs: list[tuple[str, dict[str, int]]] = [(key, {}) for key in keys]
    runs += [(key, scale) for key in keys if key in OFFICIAL for scale in SCALES]
    made = [make(number, key, scale) for number, (key, scale) in enumerate(runs)]
    cases = [case for case, _ in made]
    presence = {name: there for _, part in made for name, there in part.items()}
    print(f"{'batches per second':47} {'ours':>9} {'reference':>9} {'ratio':>7}")
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Ours(cases, presence), Theirs(given.reference_python, cases, presence, folder)
        ratios = [measure(case, ours, theirs, given.rounds) for case in cases]
        theirs.stop()
    base = [ratio for case, ratio in zip(cases, ratios, strict=True) if not case["scale"]]
    mean = exp(sum(map(log, base)) / len(base))
    print(f"geometric mean of {len(base)} strategies at {BASE['samples']} samples: {mean:.1f}, least {min(base):.1f}")


if __name__ == "__main__":
    main()
