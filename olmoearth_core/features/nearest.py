"""Exact nearest neighbours by cosine among many references, in little memory.

On a CPU most pairs are ruled out in 8 bits, at a quarter of the arithmetic: with x = s X + r (X whole numbers, r what
rounding leaves) the cosine is off by at most |r_x| |q| + |s X| |r_q|. Whatever that cannot rule out is computed in
float32, so the answer is that of a full search; where little can be ruled out, a full search is what happens. Vectors
are centred before rounding, which makes them short and the bound tight where all features are alike.
"""

# N queries, M references, D width, S references of a block, Q queries of a chunk, G groups of references, P pairs
from __future__ import annotations

import warnings
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize, pad

_QUERIES = 512
_PANEL = 2048
_GROUP = 32
_BLOCK_BYTES = 2**28
_SLACK = 2e-5
"""Bound on what float32 arithmetic adds to the error of rounding."""


@dataclass(frozen=True)
class Rows:
    """Some rows of features [..., D] that may be in a file; `at`: their numbers, None = all."""

    features: Tensor
    at: Tensor | None = None

    def __len__(self) -> int:
        return self.features.shape[:-1].numel() if self.at is None else len(self.at)

    def unit(self, start: int, stop: int, dtype: torch.dtype | None = torch.float32) -> Tensor:
        """Return rows start to stop, of length 1 (0 where they are 0); dtype None keeps theirs."""
        rows = self.features.flatten(0, -2)
        part = rows[start:stop] if self.at is None else rows[self.at[start:stop]]
        return normalize(part if dtype is None else part.to(dtype), dim=-1, eps=1e-8)


def nearest(
    query: Rows, reference: Rows, k: int, *, dtype: torch.dtype | None = torch.float32
) -> tuple[Tensor, Tensor]:
    """Return cosines [N,k], largest first, and the positions [N,k] among the references, int64.

    dtype: of the computation; None keeps that of the features. k must not exceed the number of references.
    Memory besides the answer and whatever N and M are: 256 MB of normalised references (twice that for a moment), a
    quarter of that in 8 bits, and 512 rows of a block: 172 MB at width 768, at most 512 MB.
    """
    assert 0 < k <= len(reference)
    width = query.features.shape[-1]
    size = max(_PANEL, min(2**18, _BLOCK_BYTES // (4 * width)) // _PANEL * _PANEL)
    kind = dtype or query.features.dtype
    best = torch.full((len(query), k), -torch.inf, dtype=kind)
    found = torch.zeros(len(query), k, dtype=torch.int64)
    coarse = kind == torch.float32 and len(query) >= _QUERIES and len(reference) >= 4 * _PANEL and _exact_int8(width)
    center = _center(reference) if coarse else None
    for first in range(0, len(reference), size):
        block_SD = reference.unit(first, first + size, dtype)
        small = _Small.of(block_SD, center, k) if center is not None else None
        for start in range(0, len(query), _QUERIES):
            here = slice(start, start + _QUERIES)
            query_QD = query.unit(start, start + _QUERIES, dtype)
            pair = None if small is None else small.search(query_QD, block_SD, best[here, -1])
            near, at = _full(query_QD, block_SD, k) if pair is None else pair
            near, order = torch.cat([best[here], near], 1).topk(k, dim=1)
            best[here], found[here] = near, torch.cat([found[here], at + first], 1).gather(1, order)
    return best, found


def _full(query_QD: Tensor, block_SD: Tensor, k: int) -> tuple[Tensor, Tensor]:
    near, at = (query_QD @ block_SD.mT).topk(min(k, len(block_SD)), dim=1)
    return near, at


def _center(reference: Rows) -> Tensor:
    """Return the mean of some references; any vector would give the same answers."""
    step = max(1, len(reference) // 4096)
    chosen = torch.arange(0, len(reference), step)
    return (
        Rows(reference.features, chosen if reference.at is None else reference.at[chosen]).unit(0, len(chosen)).mean(0)
    )


@dataclass(frozen=True)
class _Small:
    """A block in 8 bits. panels: [D,_PANEL] each; scale, offset, left: [S]; length: largest |s X|; k: wanted.

    offset: cosine to the center, or -4 for what only fills up the last panel. left: |r|, what rounding leaves.
    room: to compute in, since fresh memory costs more than the arithmetic.
    """

    panels: list[Tensor]
    scale: Tensor
    offset: Tensor
    left: Tensor
    length: float
    center: Tensor
    k: int
    room: tuple[Tensor, Tensor]

    @classmethod
    def of(cls, block_SD: Tensor, center: Tensor, k: int) -> _Small | None:
        if len(block_SD) < max(4 * _PANEL, k * _GROUP):
            return None
        parts = [_rounded(part - center) for part in torch.split(block_SD, _PANEL)]
        missing = len(parts) * _PANEL - len(block_SD)
        codes = [pad(codes, (0, 0, 0, _PANEL - len(codes))).mT.contiguous() for codes, _, _, _ in parts]
        scale, left, length = (torch.cat([part[i] for part in parts]) for i in (1, 2, 3))
        offset = pad(block_SD @ center, (0, missing), value=-4.0)
        room = (torch.empty(_QUERIES, len(parts) * _PANEL), torch.empty(_QUERIES, _PANEL, dtype=torch.int32))
        scale, left = pad(scale, (0, missing)), pad(left, (0, missing))
        return cls(codes, scale, offset, left, float(length.max()), center, k, room)

    def search(self, query_QD: Tensor, block_SD: Tensor, known_Q: Tensor) -> tuple[Tensor, Tensor] | None:
        """Return the nearest of the block; None if too few pairs can be ruled out. known_Q: cosine to be beaten."""
        codes, scale, left, length = _rounded(query_QD - self.center)
        most_QS, most_QG = self._bounds(codes, scale, float(length.max()))
        row_P, at_P = _tops(most_QS, most_QG, self.k)
        least_Q = _cosines(query_QD, block_SD, row_P, at_P).view(-1, self.k).amin(1).maximum(known_Q)
        shift_Q = self.center.dot(self.center) - query_QD @ self.center
        least_Q = ((least_Q + shift_Q - self.length * left - _SLACK).clamp(min=-3.0) / scale)[:, None]
        row_P, group_P = (most_QG >= least_Q).nonzero(as_tuple=True)
        if len(row_P) > most_QG.numel() // 4:
            return None
        kept, within = (_grouped(most_QS)[row_P, group_P] >= least_Q[row_P]).nonzero(as_tuple=True)
        if len(kept) > most_QS.numel() // 64:
            return None
        return _chosen(query_QD, block_SD, row_P[kept], group_P[kept] * _GROUP + within, self.k)

    def _bounds(self, codes_QD: Tensor, scale_Q: Tensor, length: float) -> tuple[Tensor, Tensor]:
        """Return what centred cosine + offset can be, but for the rounding of queries: [Q,S], and by group [Q,G].

        length: the largest of the queries. All is divided by scale_Q, which saves a pass over the matrix.
        """
        bounds, product = (part[: len(codes_QD)] for part in self.room)
        groups = torch.empty(len(codes_QD), len(self.scale) // _GROUP)
        offset = self.offset + self.left * length
        columns = (torch.split(bounds, _PANEL, 1), torch.split(groups, _PANEL // _GROUP, 1))
        for panel, scale, more, out, most in zip(
            self.panels, torch.split(self.scale, _PANEL), torch.split(offset, _PANEL), *columns, strict=True
        ):
            out.copy_(torch._int_mm(codes_QD, panel, out=product)).mul_(scale).addr_(1 / scale_Q, more)
            torch.amax(_grouped(out), -1, out=most)
        return bounds, groups


def _grouped(rows_QS: Tensor) -> Tensor:
    return rows_QS.view(len(rows_QS), -1, _GROUP)


def _tops(most_QS: Tensor, most_QG: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Return the pairs, k for each row, that are largest in the k groups with the largest."""
    group_Qk = most_QG.topk(k, dim=1).indices
    rows = torch.arange(len(most_QS)).repeat_interleave(k)
    within = _grouped(most_QS)[rows, group_Qk.flatten()].argmax(-1)
    return rows, group_Qk.flatten() * _GROUP + within


def _rounded(rows: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return int8 codes, scale, length of what rounding leaves, and a bound on the lengths before and after."""
    scale = (torch.linalg.vector_norm(rows, torch.inf, dim=-1) / 127).clamp(min=1e-12)
    codes = (rows * (1 / scale)[:, None]).round_().clamp_(-127, 127)
    left = torch.addcmul(rows, codes, scale[:, None], value=-1).norm(dim=-1)
    return codes.to(torch.int8), scale, left, rows.norm(dim=-1) + left


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


def _exact_int8(width: int) -> bool:
    """Whether this machine multiplies whole numbers without saturating; some processors do not."""
    if not hasattr(torch, "_int_mm"):
        return False
    signs = torch.tensor([127, -127, 127], dtype=torch.int8)[:, None].expand(3, width).contiguous()
    try:
        found = torch._int_mm(signs.repeat(32, 1), signs.repeat(32, 1).mT.contiguous())
    except RuntimeError:
        return False
    return torch.equal(found.double(), signs.repeat(32, 1).double() @ signs.repeat(32, 1).double().mT)
