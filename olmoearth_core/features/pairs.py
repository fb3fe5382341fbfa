"""Search by bounds: from the most that every cosine can be to those that are largest, computing few of them.

A pruner says for each pair of a query and a reference what their cosine is at most. Pairs are looked at in groups of
references; whatever a bound cannot rule out is computed in float32, so the answer is that of a full search.
"""

# Q queries of a chunk, S references of a block, G groups of references, P pairs
from __future__ import annotations

import warnings
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import pad

GROUP = 32
QUERIES = 512
"""Rows of queries that are compared at a time."""
SLACK = 2e-5
"""Bound on what float32 arithmetic adds to the error of a bound."""
_SEEDS = 3
"""Pairs computed to find out what must be beaten, in units of the neighbours wanted."""


class Pruner(Protocol):
    """What some references are like, in a form that is cheap to compare."""

    def search(self, query_QD: Tensor, block_SD: Tensor, known_Q: Tensor) -> tuple[Tensor, Tensor] | None:
        """Return cosines and positions of the nearest; None if too few pairs can be ruled out.

        known_Q: cosine to be beaten, -inf if none is known.
        """
        ...


def grouped(rows_QS: Tensor) -> Tensor:
    """Return [Q,G,GROUP]."""
    return rows_QS.view(len(rows_QS), -1, GROUP)


def to_beat(query_QD: Tensor, block_SD: Tensor, most_QS: Tensor, most_QG: Tensor, k: int) -> Tensor:
    """Return a cosine for each query that at least k references reach. most_: bounds, and the largest of a group."""
    seeds = min(_SEEDS * k, most_QG.shape[1])
    group_P = most_QG.topk(seeds, dim=1).indices.flatten()
    row_P = torch.arange(len(most_QS)).repeat_interleave(seeds)
    at_P = group_P * GROUP + grouped(most_QS)[row_P, group_P].argmax(-1)
    near: Tensor = _cosines(query_QD, block_SD, row_P, at_P).view(-1, seeds).topk(k, dim=1).values[:, -1]
    return near


def survivors(
    query_QD: Tensor, block_SD: Tensor, most_QS: Tensor, most_QG: Tensor, least_Q: Tensor, k: int
) -> tuple[Tensor, Tensor] | None:
    """Return the k nearest [Q,k] among pairs whose bound reaches least_Q; None if these are too many to gain by it.

    least_Q: in the unit of the bounds.
    """
    row_P, group_P = (most_QG >= least_Q[:, None]).nonzero(as_tuple=True)
    if len(row_P) > most_QG.numel() // 4:
        return None
    kept, within = (grouped(most_QS)[row_P, group_P] >= least_Q[row_P, None]).nonzero(as_tuple=True)
    if len(kept) > most_QS.numel() // 64:
        return None
    return _chosen(query_QD, block_SD, row_P[kept], group_P[kept] * GROUP + within, k)


def _chosen(query_QD: Tensor, block_SD: Tensor, row_P: Tensor, at_P: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Return the k largest cosines of each row among pairs, which are ordered by row."""
    counts = row_P.bincount(minlength=len(query_QD))
    near = torch.full((len(query_QD), max(k, int(counts.max()))), -torch.inf)
    at = torch.zeros(near.shape, dtype=torch.int64)
    place = torch.arange(len(row_P)) - (counts.cumsum(0) - counts)[row_P]
    near[row_P, place], at[row_P, place] = _cosines(query_QD, block_SD, row_P, at_P), at_P
    near, order = near.topk(k, dim=1)
    return near, at.gather(1, order)


def _cosines(query_QD: Tensor, block_SD: Tensor, row_P: Tensor, at_P: Tensor) -> Tensor:
    """Return the products of pairs, which are ordered by row, without copying a vector."""
    ends = pad(row_P.bincount(minlength=len(query_QD)).cumsum(0), (1, 0))
    with warnings.catch_warnings():
        # Torch calls its sparse tensors a beta.
        warnings.simplefilter("ignore", UserWarning)
        wanted = torch.sparse_csr_tensor(ends, at_P, torch.zeros(len(at_P)), size=(len(query_QD), len(block_SD)))
        found: Tensor = torch.sparse.sampled_addmm(wanted, query_QD, block_SD.mT, beta=0.0).values()
    return found
