"""The reference's side of compat_reference_masks.py and masking.py. Runs under the reference's own python.

peer_masks.py CASES.json PRESENCE.npz OUT.npz   draw the masks of all cases and store them at token resolution
peer_masks.py CASES.json PRESENCE.npz           time a case whenever a line with its number and a count comes in
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from olmoearth_pretrain.data.constants import MISSING_VALUE, Modality
from olmoearth_pretrain.datatypes import OlmoEarthSample
from olmoearth_pretrain.nn.tokenization import ModalityTokenization, TokenizationConfig
from olmoearth_pretrain.train.masking import MaskingConfig

Case = dict[str, Any]


def build(case: Case) -> Any:
    """Make the strategy of a case, with its band groups."""
    groups = {name: ModalityTokenization(bands) for name, bands in case["groups"].items()}
    tokenization = TokenizationConfig(groups) if groups else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return MaskingConfig({"type": case["key"], **case["options"]}, tokenization).build()


def sample(case: Case, presence: Any, strategy: Any) -> OlmoEarthSample:
    """Pixels that are 1 where a token is there; where it is not, one channel of its band group is missing."""
    arrays = {}
    steps = 1
    for name in case["modalities"]:
        spec = Modality.get(name)
        there = torch.from_numpy(presence[f"{case['number']}/{name}"])
        if spec.is_multitemporal:
            steps = there.shape[-2]
        side = case["patch"] * spec.image_tile_size_factor
        if spec.is_spatial:
            there = there.repeat_interleave(side, 1).repeat_interleave(side, 2)
        pixels = torch.ones(*there.shape[:-1], spec.num_bands)
        for i, channels in enumerate(strategy._get_bandset_indices(name)):
            pixels[..., channels[-1]].masked_fill_(~there[..., i], MISSING_VALUE)
        arrays[name] = pixels
    size = len(next(iter(arrays.values())))
    return OlmoEarthSample(timestamps=torch.ones(size, steps, 3, dtype=torch.long), **arrays)


def tokens(case: Case, name: str, mask: torch.Tensor) -> np.ndarray:
    """One code per patch; the pixels of a patch must agree."""
    spec = Modality.get(name)
    if spec.is_spatial:
        side = case["patch"] * spec.image_tile_size_factor
        patches = mask[:, ::side, ::side]
        if not torch.equal(patches.repeat_interleave(side, 1).repeat_interleave(side, 2), mask):
            raise RuntimeError(f"{name}: the pixels of a patch differ")
        mask = patches
    found: np.ndarray = mask.to(torch.int8).numpy()
    return found


def draw(case: Case, presence: Any) -> dict[str, np.ndarray]:
    """Draw the views of a case one after the other from the case's seed."""
    strategy = build(case)
    batch = sample(case, presence, strategy)
    torch.manual_seed(case["seed"])
    np.random.seed(case["seed"])
    found = {}
    for view in range(case["views"]):
        masked = strategy.apply_mask(batch, patch_size=case["patch"])
        for name in case["modalities"]:
            found[f"{case['number']}/{view}/{name}"] = tokens(case, name, getattr(masked, f"{name}_mask"))
    return found


def draw_all(cases: list[Case], presence: Any, out: str) -> None:
    """Store all masks, and for a case that failed the error's name."""
    found: dict[str, Any] = {}
    for case in cases:
        try:
            found |= draw(case, presence)
        except Exception as error:
            found[f"{case['number']}/error"] = np.array(f"{type(error).__name__}: {error}"[:120])
    np.savez(out, **found)


def serve(cases: list[Case], presence: Any) -> None:
    """Answer each line "number count" with the seconds that so many batches took."""
    ready: dict[int, Any] = {}
    for line in sys.stdin:
        number, count = map(int, line.split())
        if number not in ready:
            strategy = build(cases[number])
            ready = {number: (strategy, sample(cases[number], presence, strategy))}
        strategy, batch = ready[number]
        start = time.perf_counter()
        for _ in range(count):
            strategy.apply_mask(batch, patch_size=cases[number]["patch"])
        print(json.dumps({"seconds": time.perf_counter() - start}), flush=True)


def main() -> None:
    torch.set_num_threads(1)
    cases = json.loads(Path(sys.argv[1]).read_text())
    presence = np.load(sys.argv[2])
    if len(sys.argv) > 3:
        draw_all(cases, presence, sys.argv[3])
    else:
        serve(cases, presence)


if __name__ == "__main__":
    main()
