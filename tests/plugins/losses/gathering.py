"""One of two processes that compute losses over all samples; run by test_gathering.py."""

import sys
from pathlib import Path

import torch

from olmoearth_core.interfaces.loss import Tokens
from olmoearth_plugins.losses.all_discrimination import all_discrimination
from olmoearth_plugins.losses.info_nce import info_nce


def inputs():
    random = torch.Generator().manual_seed(0)
    mask = torch.tensor([[2, 2, 0], [2, 2, 2], [0, 0, 0], [2, 0, 0]])
    x, y, a, b = (torch.randn(4, *shape, generator=random) for shape in ((3, 4), (3, 4), (4,), (4,)))
    a[3] = 0
    return mask, x, y, a, b


def measure(rows, gather, shared):
    """Values and gradients of a shared factor per channel, which stands for the weights of a model."""
    mask, x, y, a, b = (t[rows] for t in inputs())
    pack = [
        Tokens({"m": t[:, :, None, None, None]}, {"m": mask[:, :, None, None, None]}) for t in (x * shared, y * shared)
    ]
    values = [all_discrimination(gather=gather)(*pack), info_nce(gather=gather)(a * shared, b + shared)]
    return [v.detach() for v in values] + [torch.autograd.grad(v, shared)[0] for v in values]


if __name__ == "__main__":
    rank, folder = int(sys.argv[1]), Path(sys.argv[2])
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    cut = slice(0, 2) if rank == 0 else slice(2, 4)
    found = measure(cut, True, torch.tensor([1.0, 2.0, 0.5, 1.0], requires_grad=True))
    torch.save(found, folder / f"{rank}.pt")
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()
