"""A pre-norm transformer block over packed tokens."""

# M packed tokens, D width
from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import gelu

from olmoearth_plugins.blocks.attention import Attention, Context, Turn
from olmoearth_plugins.blocks.drop_path import DropPath
from olmoearth_plugins.blocks.rows import Rows
from olmoearth_plugins.blocks.trunk import Trunk


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

    def __init__(self, trunk: Trunk) -> None:
        """The options say all but the depth."""
        super().__init__()
        self.norm1 = nn.LayerNorm(trunk.width)
        self.attn = Attention(trunk)
        self.norm2 = nn.LayerNorm(trunk.width)
        self.mlp = Mlp(trunk.width, int(trunk.width * trunk.mlp_ratio))
        self.drop_path = DropPath(trunk.drop_path)

    def forward(self, x_MD: Tensor, at: Rows, turn: Turn | None, context: Context | None = None) -> Tensor:
        """Attend among the tokens, or to a context, then think about each."""
        x_MD = self.drop_path(x_MD, self.attn(self.norm1(x_MD), at, turn, context), at)
        joined: Tensor = self.drop_path(x_MD, self.mlp(self.norm2(x_MD)), at)
        return joined


def blocks(trunk: Trunk) -> nn.ModuleList:
    """Allocate the stack."""
    return nn.ModuleList(Block(trunk) for _ in range(trunk.depth))
