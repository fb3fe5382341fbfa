"""The heads of a probe: features in, one value per class (or number) and label pixel out.

`forward` computes in the order of the published description. `quick` computes the same with less work: channels are
mapped before they are resized (the two commute), and a linear head leaves its pixels where the matrix product put
them, class by class; `arrange` brings labels into that order.
"""

# B batch, h w patches, P = B h w, D width, K outputs, u label pixels along a side of a patch, G band groups
from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, linear

from olmoearth_core.errors import ConfigError
from olmoearth_plugins.probes.problem import Problem

HEAD_WIDTH = 64


class Head(nn.Module):
    """Common ground: the default of `quick` and `arrange`, and sizes that do not fit are resized bilinearly."""

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self.problem = problem

    def quick(self, features: Tensor) -> Tensor:
        """Return what `forward` returns, entries perhaps in another order, with the class axis second."""
        found: Tensor = self(features)
        return found

    def arrange(self, labels_BHW: Tensor) -> Tensor:
        """Return labels in the order of `quick`."""
        return labels_BHW

    def by_sample(self, values: Tensor, count: int) -> Tensor:
        """Return values in the order of `quick`, class axis gone, as [B,...] with B = `count`."""
        return values

    def sized(self, logits_BKHW: Tensor) -> Tensor:
        """Resize to the label's size where it differs; numbers lose the class axis."""
        if logits_BKHW.shape[-2:] != self.problem.size:
            assert self.problem.size is not None
            logits_BKHW = interpolate(logits_BKHW, self.problem.size, mode="bilinear", align_corners=True)
        return logits_BKHW[:, 0] if self.problem.regression else logits_BKHW

    def enlarged(self, grid_BChw: Tensor) -> Tensor:
        """Bilinear, u times as large, corners aligned."""
        u = self.problem.per_patch
        size = (grid_BChw.shape[-2] * u, grid_BChw.shape[-1] * u)
        return interpolate(grid_BChw, size, mode="bilinear", align_corners=True)


class VectorLinear(Head):
    """Batch norm, then Linear(D, K)."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.norm = nn.BatchNorm1d(problem.width)
        self.linear = nn.Linear(problem.width, problem.outputs)

    def forward(self, features_BD: Tensor) -> Tensor:
        """Return [B,K], or [B] for numbers."""
        out_BK: Tensor = self.linear(self.norm(features_BD))
        return out_BK[:, 0] if self.problem.regression else out_BK


class PatchLinear(Head):
    """Linear(D, K u u) on each patch; outputs are ordered class, row, column."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.linear = nn.Linear(problem.width, problem.outputs * problem.per_patch**2)

    def forward(self, features_BhwD: Tensor) -> Tensor:
        """Return [B,K,H,W], or [B,H,W] for numbers."""
        return self.sized(unfold(self.linear(features_BhwD), self.problem.per_patch))

    def quick(self, features_BhwD: Tensor) -> Tensor:
        """Return [1,K,u u P] where patches tile the label: one matrix product, nothing moved."""
        if not self.problem.fits:
            return super().quick(features_BhwD)
        flat_PD, weight = features_BhwD.flatten(0, -2), self.linear.weight
        bias = self.linear.bias.to(flat_PD.dtype)[:, None]
        out = torch.addmm(bias, weight.to(flat_PD.dtype), flat_PD.mT).view(1, self.problem.outputs, -1)
        return out[:, 0] if self.problem.regression else out

    def arrange(self, labels_BHW: Tensor) -> Tensor:
        """Return [1,u u P]: row and column within the patch first, then sample and patch."""
        if not self.problem.fits:
            return labels_BHW
        assert self.problem.grid is not None
        h, w = self.problem.grid
        u = self.problem.per_patch
        return labels_BHW.view(-1, h, u, w, u).permute(2, 4, 0, 1, 3).reshape(1, -1)

    def by_sample(self, values: Tensor, count: int) -> Tensor:
        """Return [B,u u,h w] of values in the order of `quick`."""
        return values.view(self.problem.per_patch**2, count, -1).transpose(0, 1) if self.problem.fits else values


class InterpolateLinear(Head):
    """The grid enlarged bilinearly, then Linear(D, K) on each pixel."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.linear = nn.Linear(problem.width, problem.outputs)

    def forward(self, features_BhwD: Tensor) -> Tensor:
        """Return [B,K,H,W]."""
        large_BDHW = self.enlarged(features_BhwD.permute(0, 3, 1, 2))
        return self.sized(self.linear(large_BDHW.permute(0, 2, 3, 1)).permute(0, 3, 1, 2))

    def quick(self, features_BhwD: Tensor) -> Tensor:
        """Return [B,K,H,W]; weights of an interpolation sum to 1, so it commutes with a linear map and its bias."""
        return _mapped_first(self, features_BhwD, self.linear.weight, self.linear.bias)


class BilinearConv(Head):
    """The grid enlarged bilinearly, then a 1 x 1 convolution."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.conv = nn.Conv2d(problem.width, problem.outputs, 1)

    def forward(self, features_BhwD: Tensor) -> Tensor:
        """Return [B,K,H,W], or [B,H,W] for numbers."""
        return self.sized(self.conv(self.enlarged(features_BhwD.permute(0, 3, 1, 2))))

    def quick(self, features_BhwD: Tensor) -> Tensor:
        """Return what `forward` returns, mapped before it is enlarged."""
        assert self.conv.bias is not None
        return _mapped_first(self, features_BhwD, self.conv.weight[:, :, 0, 0], self.conv.bias)


class AttnPool(Head):
    """A learned query attends to the band groups of each patch, then Linear(D, K u u).

    Heads of 64; keys and values from one Linear(D, 2 D), keys first; the query is used as it is; no output projection.
    `attention` is the sum over patches and heads of what each group was given while `counting`.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        width = problem.width
        if width % HEAD_WIDTH:
            raise ConfigError(f"attnpool: the width of the features is {width}, but must be a multiple of 64.")
        self.query = nn.Parameter(torch.empty(width))
        self.kv = nn.Linear(width, 2 * width)
        self.linear = nn.Linear(width, problem.outputs * problem.per_patch**2)
        self.counting = False
        self.attention: Tensor | None = None
        self.patches = 0
        for weight in (self.query, self.kv.weight, self.linear.weight):
            nn.init.trunc_normal_(weight, std=0.02)
        for layer in (self.kv, self.linear):
            nn.init.zeros_(layer.bias)

    def forward(self, features_BhwGD: Tensor) -> Tensor:
        """Return [B,K,H,W]."""
        tokens = features_BhwGD.flatten(0, 2)
        count, groups, width = tokens.shape
        key, value = self.kv(tokens).view(count, groups, 2, width // HEAD_WIDTH, HEAD_WIDTH).unbind(2)
        query_nd = self.query.view(-1, HEAD_WIDTH).to(key.dtype)
        share_PGn = (torch.einsum("nd,pgnd->pgn", query_nd, key) * HEAD_WIDTH**-0.5).softmax(1)
        if self.counting:
            given = share_PGn.detach().mean(-1).sum(0).float()
            self.attention = given if self.attention is None else self.attention + given
            self.patches += count
        pooled = torch.einsum("pgn,pgnd->pnd", share_PGn, value).flatten(1)
        return self.sized(unfold(self.linear(pooled.view(*features_BhwGD.shape[:3], width)), self.problem.per_patch))


def unfold(patches_BhwC: Tensor, u: int) -> Tensor:
    """Return [B,K,h u,w u] of outputs ordered class, row, column."""
    b, h, w, c = patches_BhwC.shape
    return patches_BhwC.view(b, h, w, c // u**2, u, u).permute(0, 3, 1, 4, 2, 5).reshape(b, c // u**2, h * u, w * u)


def head_of(probe_type: str, problem: Problem) -> Head:
    """Make a head; its weights are drawn from the global generator, as torch does."""
    if not problem.dense:
        return VectorLinear(problem)
    made = {
        "linear": PatchLinear,
        "interpolate_linear": InterpolateLinear,
        "bilinear_conv": BilinearConv,
        "attnpool": AttnPool,
    }
    return made[probe_type](problem)


def _mapped_first(head: Head, features_BhwD: Tensor, weight_KD: Tensor, bias_K: Tensor) -> Tensor:
    kind = features_BhwD.dtype
    grid_BKhw = linear(features_BhwD, weight_KD.to(kind), bias_K.to(kind)).permute(0, 3, 1, 2).float()
    return head.sized(head.enlarged(grid_BKhw))
