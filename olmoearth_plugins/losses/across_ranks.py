"""Rows of all processes, so that one may take the others' as negatives; gradients find their way back.

Let every one of W processes compute the joined loss L for its own rows only, L = sum over r of L_r, with the rows of
all as keys, and return W * L_r. Going back, the exchange adds up what all processes say about a row, so the gradient
on process r is W * dL to its own inputs; averaging over processes, as training does, leaves dL/dweights. The
mean of the values over processes is L.
"""

# n rows of this process, N rows of the longest, W processes, D width
from __future__ import annotations

import torch
from torch import Tensor


def ranks() -> int:
    """Return the number of processes that train together; 1 without torch.distributed."""
    dist = torch.distributed
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def gather_rows(x_nD: Tensor, *, samples: int) -> tuple[Tensor, Tensor, int, int]:
    """Return the rows of all processes, which may have different numbers of them.

    samples: size of this process's micro-batch. The sizes are exchanged first, for which the device is waited for.

    Returns:
        rows [W*N,D], each process's padded with zeros; which are real, bool [W*N]; where this process's begin; and the
        samples of all processes.
    """
    from torch.distributed.nn.functional import all_gather

    own = torch.tensor([len(x_nD), samples], device=x_nD.device)
    sizes = [torch.empty_like(own) for _ in range(ranks())]
    torch.distributed.all_gather(sizes, own)
    table = torch.stack(sizes).tolist()
    longest = max(1, *(rows for rows, _ in table))
    padded = torch.nn.functional.pad(x_nD, (0, 0, 0, longest - len(x_nD)))
    rows_WND = torch.stack(all_gather(padded))  # type: ignore[no-untyped-call]
    real_WN = torch.arange(longest)[None] < torch.tensor([rows for rows, _ in table])[:, None]
    first = torch.distributed.get_rank() * longest
    return rows_WND.flatten(0, 1), real_WN.flatten().to(x_nD.device), first, sum(count for _, count in table)
