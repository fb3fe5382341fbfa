r"""How fast are the losses: forward and backward on a micro-batch of v1.2 base, against the reference.

64 samples of 8 x 8 patches and 9 dates, width 768, nine modalities of one band set each. In each sample two of the
three sensors are encoded and half of the third is decoded; maps are decoded whole. Both programs get the same numbers,
live in processes of their own and work in turn. A reference key with a `_vec` form is measured in both forms, and the
faster counts. Without --peer ours runs alone.

  python benchmarks/losses.py --peer /path/to/venv/bin/python --peer-path reference/shims:reference
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from in_turn import ask, start

HERE = Path(__file__).parent
MAPS = ["worldcover", "srtm", "openstreetmap_raster", "wri_canopy_height_map", "cdl", "worldcereal"]
SENSORS = ["sentinel2_l2a", "sentinel1", "landsat"]
MASKED = "modality_patch_discrimination_masked_negatives"
PEER = {
    MASKED: [MASKED, f"{MASKED}_vec"],
    "modality_patch_discrimination": ["modality_patch_discrimination", "modality_patch_discrimination_vec"],
    **{key: [key] for key in ("patch_discrimination", "adjusted_patch_discrimination", "l1", "l2")},
    **{key: [key] for key in ("cosine_similarity", "modality_all_discrimination", "all_discrimination")},
    "info_nce": ["InfoNCE"],
    "koleo": ["KoLeo"],
}
"""Our name -> the reference's."""
SMALL = {"all_discrimination": 8, "modality_all_discrimination": 16}
"""Losses whose matrix of scores the reference cannot hold for a whole micro-batch -> samples they get."""
OPTIONS: dict[str, dict[str, Any]] = {MASKED: {"mask_negatives_for_modalities": MAPS}}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--peer", help="python of a venv that holds the reference")
    options.add_argument("--peer-path", default="", help="PYTHONPATH for it")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--samples", type=int, nargs="+", default=[64])
    options.add_argument("--side", type=int, nargs="+", default=[8], help="patches along a side")
    options.add_argument("--only", nargs="+", default=list(PEER), choices=list(PEER))
    options.add_argument("--child", help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.child:
        serve(given.child)
        return
    for samples in given.samples:
        for side in given.side:
            for name in given.only:
                compare(name, min(samples, SMALL.get(name, samples)), side, given)


def compare(name: str, samples: int, side: int, given: argparse.Namespace) -> None:
    """Let both programs compute one loss in turn and print medians."""
    with tempfile.TemporaryDirectory() as folder:
        inputs = str(Path(folder) / "inputs.npz")
        write_inputs(inputs, samples, side)
        programs = {"ours": [sys.executable, __file__, "--child", json.dumps([inputs, name, OPTIONS.get(name, {})])]}
        for key in PEER[name] if given.peer else []:
            settings = json.dumps({"type": key, **OPTIONS.get(name, {})})
            programs[key] = [given.peer, str(HERE / "peer_losses.py"), inputs, settings]
        children = {key: start(command, given) for key, command in programs.items()}
        rounds = [{key: ask(child) for key, child in children.items()} for _ in range(given.rounds + 1)][1:]
        for child in children.values():
            child.communicate("", timeout=60)
    seconds = {key: statistics.median(r[key]["wall"] for r in rounds) for key in children}
    line = f"{name:46} {samples:3} samples {side}x{side}  ours {1 / seconds['ours']:8.2f}/s"
    if given.peer:
        fastest = min(PEER[name], key=seconds.__getitem__)
        ratio = statistics.median(r[fastest]["wall"] / r["ours"]["wall"] for r in rounds)
        ours, peer = rounds[-1]["ours"], rounds[-1][fastest]
        apart = {k: abs(ours[k] - peer[k]) / max(abs(peer[k]), 1e-6) for k in ("value", "gradient")}
        others = "".join(f"  ({key} {1 / seconds[key]:.2f}/s)" for key in PEER[name] if key != fastest)
        line += (
            f"  reference {1 / seconds[fastest]:8.2f}/s  ratio {ratio:5.2f}  value {ours['value']:.6f}, "
            f"apart by {apart['value']:.0e}, gradient norm by {apart['gradient']:.0e}{others}"
        )
    print(line, f" load {os.getloadavg()[0]:.1f}", flush=True)


def write_inputs(path: str, samples: int, side: int) -> None:
    """Save masks [B,H,W,T,1]; the tokens are made from seeds, alike in both programs."""
    import numpy as np

    random = np.random.default_rng(0)
    found = {}
    for i, name in enumerate([*SENSORS, *MAPS]):
        shape = (samples, side, side, 9 if name in SENSORS else 1, 1)
        codes = np.full(shape, 2, np.int64)
        if name in SENSORS:
            half = np.prod(shape[1:]) // 2
            ranks = random.random((samples, np.prod(shape[1:]))).argsort(1).argsort(1).reshape(shape)
            mine = (np.arange(samples) % 3 == i).reshape(-1, 1, 1, 1, 1)
            codes = np.where(ranks < half, np.where(mine, 2, 0), 1)
        found[name] = codes
    np.savez(path, **found)


def serve(asked: str) -> None:
    """Compute whenever a line comes in."""
    import importlib

    import numpy as np
    import torch

    from olmoearth_core.data.sample import ViewCounts
    from olmoearth_core.interfaces.loss import Tokens

    path, name, settings = json.loads(asked)
    module = importlib.import_module(
        f"olmoearth_plugins.losses.{name.removeprefix('modality_') if name == MASKED else name}"
    )
    loss = getattr(module, name)(**settings)
    stored = np.load(path)
    masks = {n: torch.from_numpy(stored[n]) for n in stored.files}
    counts = ViewCounts.of(masks)
    torch.manual_seed(0)
    x, y = ({n: torch.randn(*m.shape, 768) for n, m in masks.items()} for _ in range(2))
    for t in x.values():
        t.requires_grad_()
    pooled = [torch.randn(len(next(iter(masks.values()))), 768) for _ in range(2)]
    pooled[0].requires_grad_()
    leaves = [pooled[0]] if name in ("info_nce", "koleo") else list(x.values())

    def once() -> float:
        if name in ("info_nce", "koleo"):
            value = loss(*pooled) if name == "info_nce" else loss(pooled[0])
        else:
            value = loss(Tokens(x, masks, counts), Tokens(y, masks))
        value.backward()
        return float(value.detach())

    measure(once, leaves)


def measure(once: Any, leaves: list[Any]) -> None:
    """Answer each line with seconds, value and the norm of the gradient."""
    for _line in sys.stdin:
        for leaf in leaves:
            leaf.grad = None
        wall = time.perf_counter()
        value = once()
        wall = time.perf_counter() - wall
        gradient = sum(float(leaf.grad.square().sum()) for leaf in leaves if leaf.grad is not None) ** 0.5
        print(json.dumps({"wall": wall, "value": value, "gradient": gradient}), flush=True)


if __name__ == "__main__":
    main()
