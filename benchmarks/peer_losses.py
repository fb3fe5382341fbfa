"""The reference's side of losses.py. Runs under the reference's own python and imports nothing of ours."""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import torch
from olmoearth_pretrain.datatypes import TokensAndMasks
from olmoearth_pretrain.train.loss import LossConfig


def main() -> None:
    stored, settings = np.load(sys.argv[1]), json.loads(sys.argv[2])
    loss = LossConfig(dict(settings)).build()
    masks = {n: torch.from_numpy(stored[n]) for n in stored.files}
    torch.manual_seed(0)
    x, y = ({n: torch.randn(*m.shape, 768) for n, m in masks.items()} for _ in range(2))
    for t in x.values():
        t.requires_grad_()
    pooled = [torch.randn(len(next(iter(masks.values()))), 768) for _ in range(2)]
    pooled[0].requires_grad_()
    leaves = [pooled[0]] if settings["type"] in ("InfoNCE", "KoLeo") else list(x.values())

    def pack(tokens: dict[str, torch.Tensor]) -> TokensAndMasks:
        return TokensAndMasks(**tokens, **{f"{n}_mask": m for n, m in masks.items()})

    def once() -> float:
        if settings["type"] == "InfoNCE":
            value = loss.compute(*pooled)
        elif settings["type"] == "KoLeo":
            value = loss.compute(pooled[0], None)
        else:
            value = loss.compute(pack(x), pack(y))
        value.backward()
        return float(value.detach())

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
