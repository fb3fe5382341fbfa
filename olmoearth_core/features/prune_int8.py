"""Rule out pairs in 8 bits, at a quarter of the arithmetic where the processor has instructions for it.

With x = s X + r (X whole numbers, r what rounding leaves) a cosine is off by at most |r_x| |q| + |s X| |r_q|. Vectors
are centred before rounding, which makes them short and the bound tight where all features are alike.
"""

# Q queries of a chunk, D width, S references of a block, G groups of references
from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from olmoearth_core.features.pairs import GROUP, QUERIES, SLACK, grouped, survivors, to_beat

PANEL = 2048


@dataclass(frozen=True)
class Int8:
    """A block in 8 bits. panels: [D,PANEL] each; scale, offset, left: [S]; length: largest |s X|; k: wanted.

    offset: cosine to the center, or -4 for what only fills up the last panel. left: |r|, what rounding leaves.
    room: for QUERIES to compute in, since fresh memory costs more than the arithmetic.
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
    def of(cls, block_SD: Tensor, center: Tensor, k: int) -> Int8 | None:
        """Round a block; None if it is too small to gain by it."""
        if len(block_SD) < max(4 * PANEL, k * GROUP):
            return None
        parts = [_rounded(part - center) for part in torch.split(block_SD, PANEL)]
        missing = len(parts) * PANEL - len(block_SD)
        codes = [pad(codes, (0, 0, 0, PANEL - len(codes))).mT.contiguous() for codes, _, _, _ in parts]
        scale, left, length = (torch.cat([part[i] for part in parts]) for i in (1, 2, 3))
        offset = pad(block_SD @ center, (0, missing), value=-4.0)
        room = (torch.empty(QUERIES, len(parts) * PANEL), torch.empty(QUERIES, PANEL, dtype=torch.int32))
        scale, left = pad(scale, (0, missing)), pad(left, (0, missing))
        return cls(codes, scale, offset, left, float(length.max()), center, k, room)

    def search(self, query_QD: Tensor, block_SD: Tensor, known_Q: Tensor) -> tuple[Tensor, Tensor] | None:
        """Return the nearest of the block; None if too few pairs can be ruled out. known_Q: cosine to be beaten."""
        codes, scale, left, length = _rounded(query_QD - self.center)
        most_QS, most_QG = self._bounds(codes, scale, float(length.max()))
        least_Q = to_beat(query_QD, block_SD, most_QS, most_QG, self.k).maximum(known_Q)
        shift_Q = self.center.dot(self.center) - query_QD @ self.center
        least_Q = (least_Q + shift_Q - self.length * left - SLACK).clamp(min=-3.0) / scale
        return survivors(query_QD, block_SD, most_QS, most_QG, least_Q, self.k)

    def _bounds(self, codes_QD: Tensor, scale_Q: Tensor, length: float) -> tuple[Tensor, Tensor]:
        """Return what centred cosine + offset can be, but for the rounding of queries: [Q,S], and by group [Q,G].

        length: the largest of the queries. All is divided by scale_Q, which saves a pass over the matrix.
        """
        bounds, product = (part[: len(codes_QD)] for part in self.room)
        groups = torch.empty(len(codes_QD), len(self.scale) // GROUP)
        offset = self.offset + self.left * length
        columns = (torch.split(bounds, PANEL, 1), torch.split(groups, PANEL // GROUP, 1))
        for panel, scale, more, out, most in zip(
            self.panels, torch.split(self.scale, PANEL), torch.split(offset, PANEL), *columns, strict=True
        ):
            out.copy_(torch._int_mm(codes_QD, panel, out=product)).mul_(scale).addr_(1 / scale_Q, more)
            torch.amax(grouped(out), -1, out=most)
        return bounds, groups


def _rounded(rows: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return int8 codes, scale, length of what rounding leaves, and a bound on the lengths before and after."""
    scale = (torch.linalg.vector_norm(rows, torch.inf, dim=-1) / 127).clamp(min=1e-12)
    codes = (rows * (1 / scale)[:, None]).round_().clamp_(-127, 127)
    left = torch.addcmul(rows, codes, scale[:, None], value=-1).norm(dim=-1)
    return codes.to(torch.int8), scale, left, rows.norm(dim=-1) + left


def available(width: int) -> bool:
    """Whether this processor multiplies whole numbers fast (VNNI) and exactly; torch is very slow at it elsewhere."""
    has_vnni = getattr(torch.cpu, "_is_vnni_supported", None)
    if not hasattr(torch, "_int_mm") or has_vnni is None or not has_vnni():
        return False
    signs = torch.tensor([127, -127, 127], dtype=torch.int8)[:, None].expand(3, width).contiguous()
    try:
        found = torch._int_mm(signs.repeat(32, 1), signs.repeat(32, 1).mT.contiguous())
    except RuntimeError:
        return False
    return torch.equal(found.double(), signs.repeat(32, 1).double() @ signs.repeat(32, 1).double().mT)
