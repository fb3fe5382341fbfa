"""Blocks compiled once instead of for every batch, and blocks that keep less for the backward pass.

Packed tokens have another length in every batch. Compiled blocks see [B, L, D] with a key mask instead, L being the
longest sample rounded up, and both B and L symbolic; names of parameters stay as they are.
"""

# B samples, L padded tokens, K padded context tokens, M packed tokens, D width
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from olmoearth_core.errors import ConfigError
from olmoearth_plugins.attentions import sdpa
from olmoearth_plugins.blocks.attention import Context, Turn
from olmoearth_plugins.blocks.block import Block
from olmoearth_plugins.blocks.rows import Rows

Backend = str | Callable[..., Any]


def compile_blocks(model: nn.Module, *, bucket: int = 64, backend: Backend = "inductor") -> int:
    """Compile all transformer blocks below a module, in place; return how many.

    bucket: the longest sample of a batch is padded to a multiple of this. backend: of torch.compile.
    Batches whose arrangement brings an attention of its own (neighbourhoods) run as before.

    Raises:
        ConfigError: a bucket below 1, or blocks whose attention is not olmoearth.sdpa.v1.
    """
    if bucket < 1:
        raise ConfigError(f"compile_blocks: bucket is {bucket}, but samples are padded to multiples of it; at least 1.")
    found = [block for block in model.modules() if isinstance(block, Block)]
    if any(block.attn.attend is not sdpa.attend for block in found):
        raise ConfigError(
            "compile_blocks: some blocks have an attention of their own, but only olmoearth.sdpa.v1 can be compiled. "
            "Take that, or do not compile."
        )
    bucketed = Bucketed(bucket, torch.compile(_padded_block, dynamic=True, fullgraph=True, backend=backend))
    for block in found:
        block.compiled = bucketed
    return len(found)


def checkpoint_blocks(model: nn.Module) -> int:
    """Let all blocks below a module keep only their input for the backward pass and compute the rest again.

    Return how many. Gradients stay the same; a training step takes about a third longer and far less memory.
    """
    found = [block for block in model.modules() if isinstance(block, Block)]
    for block in found:
        block.checkpointed = True
    return len(found)


@dataclass(frozen=True)
class Bucketed:
    """Runs a block on padded samples. bucket: padding. run: the compiled `_padded_block`."""

    bucket: int
    run: Callable[..., Tensor]

    def __call__(self, block: Block, x_MD: Tensor, at: Rows, turn: Turn | None, context: Context | None) -> Tensor:
        """Return what `block.packed` would."""
        beside = at if context is None else context.at
        if beside.attend is not None or not beside.total or not at.total:
            return block.packed(x_MD, at, turn, context)
        other = None if context is None else (self._pad(context.tokens, beside), self._turn(context.turn, beside))
        out_BLD = self.run(block, self._pad(x_MD, at), self._turn(turn, at), self._mask(beside), beside.filled, other)
        return at.unpad(out_BLD[:, : at.longest])

    def _pad(self, x: Tensor, at: Rows) -> Tensor:
        """Return [B,L,...]; what is behind a sample's end is meaningless."""
        return pad(at.pad(x), (0, 0) * (x.ndim - 1) + (0, -at.longest % self.bucket))

    def _turn(self, turn: Turn | None, at: Rows) -> Turn | None:
        return None if turn is None else (self._pad(turn[0], at), self._pad(turn[1], at))

    def _mask(self, at: Rows) -> Tensor:
        """Return bool [B,1,1,L], True where a key may be attended to."""
        mask = at.key_mask
        if mask is None:
            mask = torch.ones(len(at.lengths), 1, 1, at.longest, dtype=torch.bool, device=at.device)
        return pad(mask, (0, -at.longest % self.bucket))


def _padded_block(
    block: Block,
    x_BLD: Tensor,
    turn: Turn | None,
    mask_B11K: Tensor,
    filled_B: Tensor,
    other: tuple[Tensor, Turn | None] | None,
) -> Tensor:
    """Run a block on dense samples; other: context tokens [B,K,D] and how their keys are turned."""
    at = _Padded(x_BLD, mask_B11K, filled_B)
    context = None
    if other is not None:
        beside = _Padded(other[0], mask_B11K, filled_B)
        context = Context(other[0].flatten(0, 1), beside, _flat(other[1]))
    return block.packed(x_BLD.flatten(0, 1), at, _flat(turn), context).view(x_BLD.shape)


def _flat(turn: Turn | None) -> Turn | None:
    return None if turn is None else (turn[0].flatten(0, 1), turn[1].flatten(0, 1))


class _Padded(Rows):
    """Samples that are padded already: packing and unpacking change nothing but the shape."""

    has_empty = True
    even = True

    def __init__(self, like_BLD: Tensor, mask_B11K: Tensor, filled_B: Tensor) -> None:
        self.size, self.length = like_BLD.shape[0], like_BLD.shape[1]
        self.key_mask, self._filled, self.count = mask_B11K, filled_B, filled_B

    @property
    def filled(self) -> Tensor:
        return self._filled

    @property
    def total(self) -> int:
        return self.size * self.length

    def pad(self, packed: Tensor) -> Tensor:
        return packed.view(self.size, self.length, *packed.shape[1:])

    def unpad(self, padded: Tensor) -> Tensor:
        return padded.flatten(0, 1)

    def spread(self, per_sample: Tensor) -> Tensor:
        return per_sample[:, None].expand(self.size, self.length, *per_sample.shape[1:]).flatten(0, 1)
