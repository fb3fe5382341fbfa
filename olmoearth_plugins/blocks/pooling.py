"""One vector per sample from its visible tokens."""

# M packed tokens, B samples, D width
from __future__ import annotations

from torch import Tensor, nn

from olmoearth_plugins.blocks.rows import Rows


class EmbeddingProjector(nn.Module):
    """Projects each token to another width."""

    def __init__(self, width: int, out: int) -> None:
        """out: width of what comes out."""
        super().__init__()
        self.projection = nn.Sequential(nn.Linear(width, out))

    def forward(self, tokens_MD: Tensor) -> Tensor:
        """Map [M,D] to [M,out]."""
        answer: Tensor = self.projection(tokens_MD)
        return answer


class ProjectAndAggregate(nn.Module):
    """Average of a sample's tokens, projected; or the average of projected tokens."""

    def __init__(self, width: int, layers: int, *, aggregate_first: bool) -> None:
        """layers: linear layers of the projection, with ReLU between them."""
        super().__init__()
        parts: list[nn.Module] = [nn.Linear(width, width)]
        for _ in range(layers - 1):
            parts += [nn.ReLU(), nn.Linear(width, width)]
        self.projection = nn.Sequential(*parts)
        self.aggregate_first = aggregate_first

    def forward(self, tokens_MD: Tensor, at: Rows) -> Tensor:
        """Return [B,D]; zero for a sample without tokens."""
        if self.aggregate_first:
            pooled: Tensor = self.projection(at.mean(tokens_MD))
        else:
            pooled = at.mean(self.projection(tokens_MD))
        return pooled * (at.count > 0)[:, None] if at.has_empty else pooled
