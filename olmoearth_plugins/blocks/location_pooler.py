"""From all tokens of a sample to one token per place on the ground, and to a short copy of it for users.

One learned query is asked at every place of a lattice; only rotary positions tell the places apart. Each layer reads
the encoder's final tokens and then lets the places attend to each other. The copy ("student") learns from the places
but never changes them.
"""

# B samples, K packed tokens, M = B Q packed queries, Q queries of a sample, D encoder width, E pooler width, S student
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from olmoearth_core.interfaces.parts import PositionEncoding
from olmoearth_plugins.blocks.attention import Context
from olmoearth_plugins.blocks.block import Block
from olmoearth_plugins.blocks.positions import Turns
from olmoearth_plugins.blocks.rows import Rows
from olmoearth_plugins.blocks.trunk import Trunk


@dataclass(frozen=True)
class Asked:
    """The queries of a batch: their rows, and their coordinates [M,2]."""

    at: Rows
    coordinates: Tensor


@dataclass(frozen=True)
class Located:
    """What a pooler found: location tokens [M,E] and their short copy [M,S], if there is one."""

    tokens: Tensor
    student: Tensor | None


class LocationPooler(nn.Module):
    """Reads tokens at the places of a lattice."""

    learned_query: nn.Parameter

    def __init__(self, read: Trunk, own: Trunk, width_in: int, *, per_depth: bool, project: bool) -> None:
        """Allocate the layers.

        read: options of blocks that attend to tokens. own: of blocks among queries; its depth is the number of layers.
        width_in: of the tokens. per_depth: a norm and a projection of the tokens per layer, else shared by all.
        project: bring tokens to the pooler's width before they are read.
        """
        super().__init__()
        self.positions: PositionEncoding = own.positions
        self.learned_query = nn.Parameter(nn.init.trunc_normal_(torch.empty(1, own.width), std=0.02))
        self.per_depth, self.project = per_depth, project
        if per_depth:
            self.input_norms = nn.ModuleList(nn.LayerNorm(width_in) for _ in range(own.depth))
            if project:
                self.kv_projs = nn.ModuleList(nn.Linear(width_in, own.width) for _ in range(own.depth))
        else:
            self.input_norm = nn.LayerNorm(width_in)
            if project:
                self.kv_proj = nn.Linear(width_in, own.width)
        self.read_blocks = nn.ModuleList(Block(read) for _ in range(own.depth))
        self.self_attn_blocks = nn.ModuleList(Block(own) for _ in range(own.depth))
        self.norm = nn.LayerNorm(own.width)
        self.student: nn.Sequential | None = None

    def add_student(self, dims: Sequence[int], *, norm: bool) -> None:
        """Add a linear readout as wide as the largest of some widths; the others are prefixes of it."""
        width = max(dims)
        layers: list[nn.Module] = [nn.Linear(self.norm.normalized_shape[0], width)]
        self.student = nn.Sequential(*layers, nn.LayerNorm(width)) if norm else nn.Sequential(*layers)

    def forward(self, tokens_KD: Tensor, at: Rows, places_K2: Tensor, asked: Asked) -> Located:
        """Ask at all places; of a sample without tokens everything is zero."""
        x_ME = self.learned_query.expand(asked.at.total, -1)
        here, there = Turns(self.positions, asked.coordinates), Turns(self.positions, places_K2)
        sources = self._sources(tokens_KD)
        for source_KE, read, own in zip(sources, self.read_blocks, self.self_attn_blocks, strict=True):
            assert isinstance(read, Block)
            assert isinstance(own, Block)
            context = Context(source_KE, at, there.of(read.attn))
            x_ME = read(x_ME, asked.at, here.of(read.attn), context)
            x_ME = own(x_ME, asked.at, here.of(own.attn))
        x_ME = self.norm(x_ME)
        # Detached: the readout may never pull on the encoder.
        student_MS = None if self.student is None else self.student(x_ME.detach())
        if not at.has_empty:
            return Located(x_ME, student_MS)
        seen_M1 = asked.at.spread(at.count > 0)[:, None]
        return Located(x_ME * seen_M1, None if student_MS is None else student_MS * seen_M1)

    def _sources(self, tokens_KD: Tensor) -> list[Tensor]:
        """Return what each layer reads, [K,D or E]."""
        depth = len(self.read_blocks)
        if not self.per_depth:
            source = self.input_norm(tokens_KD)
            return [self.kv_proj(source) if self.project else source] * depth
        normed = [norm(tokens_KD) for norm in self.input_norms]
        return [p(x) for p, x in zip(self.kv_projs, normed, strict=True)] if self.project else normed
