"""Are our legacy masks the reference's masks? Draws both from equal seeds on many random batches.

    python benchmarks/compat_reference_masks.py --reference-python /path/to/venv/bin/python [--batches 100]

Per strategy: random options and the official ones, random modalities, shapes and patch sizes, with samples, dates,
band groups and single tokens missing. Two masks are drawn in a row, so the generators must be left alike too. Prints
per strategy how many masks are equal; batches that the reference cannot mask are counted apart, and ours must mask
them. Exit code 1 if a mask differs. PYTHONPATH is passed on for the reference's shims.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from olmoearth_masking.legacy import legacy_masking
from olmoearth_masking.legacy.factory import KEYS
from olmoearth_masking.legacy.scene import ORDER

from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.lookup import modalities

Case = dict[str, Any]
VIEWS = 2
GROUPS = {
    "sentinel2_l2a": [["B02", "B03", "B04", "B08", "B05", "B06", "B07", "B8A", "B11", "B12", "B01", "B09"]],
    "landsat": [["B8", "B1", "B2", "B3", "B4", "B5", "B6", "B7", "B9", "B10", "B11"]],
}
MAPS = ["worldcover", "srtm", "openstreetmap_raster", "wri_canopy_height_map", "cdl", "worldcereal"]
NINE = ["sentinel2_l2a", "sentinel1", "landsat", *MAPS]
OFFICIAL: dict[str, Case] = {
    "modality_cross_random": {"allow_encoding_decoding_same_bandset": True, "only_decode_modalities": MAPS},
    "random_time_with_decode": {"only_decode_modalities": MAPS},
    "random_fixed_modality": {"decoded_modalities": MAPS},
}
# What the reference has no answer for: it stops with an IndexError on a series without pixels.
NEEDS_PIXELS = {"time", "space_time", "modality_cross_space_time"}


def ratios(random: np.random.RandomState) -> Case:
    """Return two ratios of up to 1 together."""
    encode = [0.5, 0.25, 0.1, 0.29, 0.3][random.randint(5)]
    return {"encode_ratio": encode, "decode_ratio": [0.5, 0.25, 0.33, 1 - encode][random.randint(4)]}


def some(names: list[str], random: np.random.RandomState) -> list[str]:
    return [name for name in names if random.random_sample() < 0.5]


def options(key: str, names: list[str], random: np.random.RandomState) -> Case:
    """Return random options of a strategy."""
    if key in ("random_range", "selectable_random_range_modality"):
        chosen: Case = {"min_encode_ratio": 0.2, "max_encode_ratio": 0.4}
        if random.randint(2):
            chosen |= {"min_decode_ratio": 0.1, "max_decode_ratio": 0.55}
    elif key == "random_increasing":
        chosen = {"steps": int(random.randint(1, 4))}
    else:
        chosen = ratios(random)
    if key == "random_fixed_modality":
        chosen |= {"decoded_modalities": some(names, random), "randomize_missing_modalities": some(names, random)}
    if key.startswith("selectable"):
        decodable = some(names, random)
        rest = [name for name in names if name not in decodable]
        chosen |= {"decodable_modalities": decodable, "fully_mask_modalities": some(rest, random)}
        chosen["max_to_mask"] = int(random.randint(4))
    if key.startswith("modality_cross"):
        chosen["allow_encoding_decoding_same_bandset"] = bool(random.randint(2))
        chosen |= dict(zip(["min_encoded_bandsets", "max_encoded_bandsets"], _bounds(random), strict=True))
        chosen |= {"min_decoded_bandsets": None, "max_decoded_bandsets": [None, 2][random.randint(2)]}
    if key.startswith("modality_cross") or key.endswith("with_decode"):
        chosen["only_decode_modalities"] = some([n for n in names if n in MAPS], random)
    if key == "random_time_with_decode":
        chosen["random_ratio"] = [0, 0.5, 1][random.randint(3)]
    return chosen


def _bounds(random: np.random.RandomState) -> tuple[int | None, int | None]:
    bounds: list[tuple[int | None, int | None]] = [(2, None), (None, None), (2, 3), (3, 5)]
    return bounds[random.randint(4)]


def make(number: int, key: str, official: bool, random: np.random.RandomState) -> tuple[Case, dict[str, np.ndarray]]:
    """Return a random case and which of its tokens are there."""
    known = [name for name in ORDER if key not in NEEDS_PIXELS or name != "era5_10"]
    names = NINE if official else sorted(some(known, random)) or ["sentinel1"]
    random.shuffle(names := list(names))
    chosen = OFFICIAL[key] if official else options(key, names, random)
    case: Case = {"number": number, "key": key, "options": chosen, "modalities": names, "seed": number}
    case |= {"views": VIEWS, "patch": [1, 2, 4][random.randint(3)]}
    case["groups"] = GROUPS if official or random.randint(2) else {}
    batch, rows, columns, steps = (int(random.randint(1, most)) for most in (5, 4, 4, 7))
    missing_steps = random.random_sample((batch, steps)) < 0.15 * random.randint(2)
    holes = random.randint(2)
    there = {}
    for spec in modalities(names):
        sets = len(case["groups"].get(spec.name, spec.band_sets))
        there[f"{number}/{spec.name}"] = _presence(
            spec, (batch, rows, columns, steps, sets), missing_steps, holes, random
        )
    return case, there


def _presence(
    spec: ModalitySpec, shape: tuple[int, ...], missing_steps: np.ndarray, holes: int, random: np.random.RandomState
) -> np.ndarray:
    batch, rows, columns, steps, sets = shape
    space, time = [(rows, columns), ()][not spec.spatial], steps if spec.multitemporal else 1
    there = np.ones((batch, *space, time, sets), dtype=bool)
    there[random.random_sample(batch) < 0.2 * holes] = False
    there[..., random.random_sample(sets) < 0.1 * holes] = False
    if spec.multitemporal:
        gone = missing_steps | (random.random_sample(missing_steps.shape) < 0.2 * holes)
        np.moveaxis(there, -2, 1)[gone] = False
    there &= random.random_sample(there.shape) >= 0.1 * random.randint(2) * holes
    return there[:, 0] if spec.kind == "static" else there


def agree(case: Case, presence: dict[str, np.ndarray], theirs: Any) -> str:
    """Draw our masks of a case and say "equal", "refused" or "different"."""
    strategy = legacy_masking(case["key"], **case["options"])
    specs = modalities(case["modalities"])
    present = {s.name: torch.from_numpy(presence[f"{case['number']}/{s.name}"]) for s in specs}
    sources = torch.Generator().manual_seed(case["seed"]), np.random.RandomState(case["seed"])
    views = [strategy.mask_with(present, specs, *sources, step=1 + view) for view in range(case["views"])]
    if f"{case['number']}/error" in theirs:
        return "refused"
    same = all(
        np.array_equal(codes.numpy(), theirs[f"{case['number']}/{view}/{name}"])
        for view, masks in enumerate(views)
        for name, codes in masks.items()
    )
    return "equal" if same else "different"


def ask(python: str, cases: list[Case], presence: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Let the reference draw all cases."""
    with tempfile.TemporaryDirectory() as folder:
        files = [str(Path(folder) / name) for name in ("cases.json", "presence.npz", "masks.npz")]
        Path(files[0]).write_text(json.dumps(cases))
        np.savez(files[1], **cast(dict[str, Any], presence))
        peer = str(Path(__file__).parent / "peer_masks.py")
        done = subprocess.run([python, peer, *files], capture_output=True, text=True, env=dict(os.environ))
        if done.returncode:
            raise SystemExit(f"the reference failed:\n{done.stderr[-4000:]}")
        with np.load(files[2]) as stored:
            return dict(stored)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reference-python", required=True, help="python of the venv that holds the reference")
    parser.add_argument("--batches", type=int, default=100, help="per strategy and kind of options")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--why", action="store_true", help="print the batches that differ or were refused")
    given = parser.parse_args()
    random = np.random.RandomState(given.seed)
    kinds = [(key, False) for key in KEYS] + [(key, True) for key in OFFICIAL]
    cases: list[Case] = []
    presence: dict[str, np.ndarray] = {}
    for key, official in kinds * given.batches:
        case, there = make(len(cases), key, official, random)
        cases.append(case)
        presence |= there
    theirs = ask(given.reference_python, cases, presence)
    found: Counter[tuple[str, str]] = Counter()
    for case, (key, official) in zip(cases, kinds * given.batches, strict=True):
        verdict = agree(case, presence, theirs)
        found[f"{key}{' (official)' * official}", verdict] += 1
        if given.why and verdict != "equal":
            print(verdict, case, theirs.get(f"{case['number']}/error", ""))
    for label in dict.fromkeys(label for label, _ in found):
        equal, refused, different = (found[label, v] for v in ("equal", "refused", "different"))
        print(f"{label:40} {equal:5} of {equal + different:5} equal, {refused:4} that the reference cannot mask")
    total = {verdict: sum(n for (_, v), n in found.items() if v == verdict) for verdict in ("equal", "different")}
    print(f"{total['equal']} of {sum(total.values())} batches equal, {VIEWS} masks each")
    return 1 if total["different"] else 0


if __name__ == "__main__":
    sys.exit(main())
