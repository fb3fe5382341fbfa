"""A pre-norm transformer block over packed tokens."""

# M packed tokens, D width
from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import gelu

from olmoearth_plugins.blocks.attention import Attention, Context, Turn
from olmoearth_plugins.blocks.drop_path import DropPath
from olmoearth_plugins.blocks.packing import Packing
from olmoearth_plugins.blocks.positions import Positions


class Mlp(nn.Module):
    """Two linear layers around an exact GELU."""

    def __init__(self, width: int, hidden: int) -> None:
        """hidden: width between the layers."""
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """Map [..., D] to [..., D]."""
        answer: Tensor = self.fc2(gelu(self.fc1(x)))
        return answer


class Block(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x)). A context enters keys and values as it is, unnormalised."""

    def __init__(
        self, width: int, heads: int, mlp_ratio: float, drop_path: float, positions: Positions, *, qk_norm: bool
    ) -> None:
        """mlp_ratio: hidden width of the MLP in units of width; drop_path: share of samples that skip a branch."""
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn = Attention(width, heads, positions, qk_norm=qk_norm)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = Mlp(width, int(width * mlp_ratio))
        self.drop_path = DropPath(drop_path)

    def forward(self, x_MD: Tensor, at: Packing, turn: Turn | None, context: Context | None = None) -> Tensor:
        """Attend among the tokens, or to a context, then think about each."""
        x_MD = self.drop_path(x_MD, self.attn(self.norm1(x_MD), at, turn, context), at)
        joined: Tensor = self.drop_path(x_MD, self.mlp(self.norm2(x_MD)), at)
        return joined
