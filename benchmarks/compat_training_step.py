"""Do one training step of ours and of the reference agree? Runs both from the same weights, pixels and masks.

    python benchmarks/compat_training_step.py --peer /path/to/venv/bin/python --peer-path reference/shims:reference

For a recipe of each version (nano, without dropout, which draws differently) two masked views of four random samples
with gaps go through model, target, losses and backward of both programs, on one thread in float32. Prints every term
of the loss and the norm of all gradients; exit code 1 if a loss is off by more than 1e-5 or the norm by more than 1e-4.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from in_turn import answer
from torch import Tensor, nn

from olmoearth_core.config.build import build
from olmoearth_core.config.load import load
from olmoearth_core.config.schema import Parts
from olmoearth_core.data.random import Draws
from olmoearth_core.data.sample import Batch, TrainBatch, ViewCounts
from olmoearth_core.data.tokens import TokenLayout

HERE = Path(__file__).parent
VERSIONS = ("v1", "v1_1", "v1_2")
WITHOUT_DROPOUT = ["--dataset.h5py_dir=nowhere", "--model.encoder_config.drop_path=0.0"]
NO_BAND_DROPOUT = ["--model.encoder_config.band_dropout_rate=0.0"]
BATCH, PATCH, SIDE, DATES = 4, 4, 4, 6
ABSENT = -99999.0


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--peer", required=True, help="python of a venv that holds the reference")
    options.add_argument("--peer-path", default="", help="PYTHONPATH for it")
    options.add_argument("--versions", nargs="+", default=VERSIONS, choices=VERSIONS)
    given = options.parse_args()
    torch.set_num_threads(1)
    agree = [compare(version, given) for version in given.versions]
    raise SystemExit(0 if all(agree) else 1)


def compare(version: str, given: argparse.Namespace) -> bool:
    """Run one version in both programs and print what they found."""
    options = WITHOUT_DROPOUT + (NO_BAND_DROPOUT if version != "v1" else [])
    parts = build(load([str(HERE.parent / "configs" / version / "nano.cfg")], options))
    torch.manual_seed(0)
    model = parts.model.build(parts.dataset.specs)
    with tempfile.TemporaryDirectory() as folder:
        torch.save(model.state_dict(), Path(folder) / "weights.pth")
        batch = views(parts, Path(folder) / "views.npz")
        command = [given.peer, str(HERE / "peer_training_step.py"), version, folder]
        found = {"ours": ours(parts, model, batch), "reference": answer(command, given.peer_path)}
    print(version)
    limits = {name: 1e-5 for name in found["reference"]} | {"gradient norm": 1e-4}
    for name, limit in limits.items():
        a, b = (found[who][name] for who in ("ours", "reference"))
        print(f"  {name:28} ours {a:.7f}  reference {b:.7f}  off by {abs(a - b):.1e}, may be off by {limit:.0e}")
    return all(abs(found["ours"][name] - found["reference"][name]) <= limit for name, limit in limits.items())


def views(parts: Parts, path: Path) -> TrainBatch:
    """Two masked views of random samples with gaps; saved for the reference with its own number for what is absent."""
    specs, objective = parts.dataset.specs, parts.train_module
    tokens = parts.model.tokenization
    random = torch.Generator().manual_seed(1)
    size = SIDE * PATCH
    arrays = {s.name: torch.rand(BATCH, *s.array_shape(size, size, DATES), generator=random) for s in specs}
    layout = TokenLayout.of(specs, tokens, rows=SIDE, columns=SIDE, steps=DATES)
    present = {s.name: torch.ones(BATCH, *layout[s.name].shape, dtype=torch.bool) for s in specs}
    gaps(present)
    there = {s.name: pixels(present[s.name]).any(-1, keepdim=True).expand_as(arrays[s.name]) for s in specs}
    absent = {name: array.masked_fill(~there[name], ABSENT) for name, array in arrays.items()}
    dates = torch.tensor([[15, month, 2021] for month in range(DATES)]).repeat(BATCH, 1, 1)
    first = Batch({name: array * there[name] for name, array in arrays.items()}, {}, dates)
    masks = [
        (objective.masking_b if i and objective.masking_b else objective.masking).mask(
            present, specs, Draws(range(BATCH)).child("view", i)
        )
        for i in range(objective.num_views)
    ]
    stored: dict[str, Any] = {name: a.numpy() for name, a in absent.items()} | {"timestamps": dates.numpy()}
    for letter, mask in zip("ab", masks, strict=False):
        stored |= {f"{letter}/{name}": pixels(m).long().numpy() for name, m in mask.items()}
    np.savez(path, **stored)
    batches = tuple(replace(first, masks=m, counts=ViewCounts.of(m), memo=first.memo) for m in masks)
    return TrainBatch(PATCH, layout, batches)


def gaps(present: dict[str, Tensor]) -> None:
    """A sample without radar, one with few Landsat dates, one without a map, and one date without any optical image."""
    present["sentinel1"][0] = False
    present["landsat"][1, :, :, 1:4] = False
    present["worldcover"][2] = False
    for name in ("sentinel2_l2a", "landsat"):
        present[name][3, :, :, 2] = False


def pixels(tokens: Tensor) -> Tensor:
    """From token to pixel resolution."""
    return tokens.repeat_interleave(PATCH, 1).repeat_interleave(PATCH, 2)


def ours(parts: Parts, model: nn.Module, batch: TrainBatch) -> dict[str, float]:
    """Return the terms of our loss, their sum, and the gradient norm."""
    parts.train_module.attach(model)
    terms = parts.train_module.terms(model.train(), batch, seed_view=lambda view: None)
    total = torch.stack(list(terms.values())).sum()
    total.backward()  # type: ignore[no-untyped-call]
    norm = nn.utils.get_total_norm([p.grad for p in model.parameters() if p.grad is not None])
    base, contrastive = terms.values()
    found = {"base loss": base, "contrastive loss": contrastive, "total": total, "gradient norm": norm}
    return {name: float(value.detach()) for name, value in found.items()}


if __name__ == "__main__":
    main()
