"""What the exchangeable parts of a transformer must do: positions, attention, patch projections, pooling, targets.

A package adds one by registering a factory whose product keeps the promise here; it needs to import nothing else.
"""

# M packed tokens (queries), K packed keys, B samples, L longest sample, A axes, H heads, G heads (or 1), d head width
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from olmoearth_core.interfaces.loss import Tokens

if TYPE_CHECKING:
    from torch import Tensor, nn


@runtime_checkable
class PositionEncoding(Protocol):
    """How tokens learn where and when they are: parts that are added to them, and rotations of queries and keys.

    additive_steps: whether the number of the time slot is added. additive_grid: whether the place of the patch is.
    rotates: whether queries and keys are turned; if not, the other methods are never called.
    """

    @property
    def additive_steps(self) -> bool: ...  # noqa: D102
    @property
    def additive_grid(self) -> bool: ...  # noqa: D102
    @property
    def rotates(self) -> bool: ...  # noqa: D102

    def check(self, head_width: int) -> None:
        """Refuse heads of a width that does not work, with a ConfigError."""
        ...

    def parameters(self, heads: int, head_width: int) -> Mapping[str, nn.Parameter]:
        """Return fresh parameters of one block, by the name under which its attention keeps them; may be empty."""
        ...

    def coordinates(self, days_M: Tensor, row_M: Tensor, column_M: Tensor) -> Tensor:
        """Return float32 [M,A]; the last two axes are row and column.

        days_M: since 2000, 0 for a token without a date. row_M, column_M: in units of 10 m, 0 without a place.
        """
        ...

    def angles(self, coordinates_MA: Tensor, own: Mapping[str, Tensor], head_width: int) -> Tensor:
        """Return the angle by which each pair of adjacent features is turned, float32 [M,G,d/2].

        own: the block's parameters; where there are none, the answer is shared by all blocks.
        """
        ...


class PackedRows(Protocol):
    """How the rows of a packed matrix [M, ...] belong to samples.

    lengths: rows per sample. longest: the most. even: all samples have equally many. total: M.
    key_mask: bool [B,1,1,L], True where a padded key may be attended to; None = everywhere.
    """

    @property
    def lengths(self) -> tuple[int, ...]: ...  # noqa: D102
    @property
    def longest(self) -> int: ...  # noqa: D102
    @property
    def total(self) -> int: ...  # noqa: D102
    @property
    def even(self) -> bool: ...  # noqa: D102
    @property
    def key_mask(self) -> Tensor | None: ...  # noqa: D102

    def pad(self, packed: Tensor) -> Tensor:
        """Turn [M, ...] into [B, L, ...]; what lies at padding is meaningless."""
        ...

    def unpad(self, padded: Tensor) -> Tensor:
        """Undo `pad`."""
        ...


@runtime_checkable
class Attend(Protocol):
    """The attention kernel: softmax(q k^T / sqrt(d)) v within each sample."""

    def __call__(self, q_MHd: Tensor, k_KHd: Tensor, v_KHd: Tensor, queries: PackedRows, keys: PackedRows) -> Tensor:
        """Return [M,H,d]. Padding must never take part; a sample without keys may get any finite answer."""
        ...


@runtime_checkable
class PatchEmbeddingRecipe(Protocol):
    """From the pixels of one patch to one token, for one band group; not yet allocated."""

    def check(self, width: int) -> None:
        """Refuse a width of tokens that does not work, with a ConfigError."""
        ...

    def build(self, bands: int, side: int, width: int) -> nn.Module:
        """Allocate the module, called with [K, side * side, bands] (row by row), which returns [K, width].

        side: pixels along a base patch, to which patches of all sizes were resized.
        """
        ...


@runtime_checkable
class Pooling(Protocol):
    """From tokens to features; a torch module where it has weights."""

    def __call__(self, tokens: Tokens) -> Tensor:
        """Return [B,D] or, on the patch grid, [B,H,W,D]; what is hidden or missing never takes part."""
        ...


@runtime_checkable
class PoolerRecipe(Protocol):
    """Learned pooling inside an encoder, from its final tokens to one feature per place; not yet allocated."""

    pooler_dim: int
    """Width of what comes out."""

    def check(self, encoder: Any) -> None:
        """Refuse the options of an encoder's blocks that do not work, with a ConfigError."""
        ...

    def build(self, encoder: Any) -> nn.Module:
        """Allocate the module for an encoder whose blocks have these options."""
        ...


@runtime_checkable
class TargetRecipe(Protocol):
    """What predictions are compared with."""

    def build(self, encoder: nn.Module) -> nn.Module:
        """Return the frozen target encoder, made of a fresh encoder, which is copied and not kept.

        The module is called as target(batch, patch_size, token_exits=...) -> Encoded.
        """
        ...
