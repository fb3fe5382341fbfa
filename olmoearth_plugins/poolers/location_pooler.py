"""The attention pooler of v1.3: one feature per place on the ground, over all times and modalities at once.

It can be asked at a finer grid than the patches', and it carries a short "student" readout of every place.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import nn

from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.parts import PoolerRecipe, PositionEncoding
from olmoearth_plugins.blocks.location_pooler import LocationPooler
from olmoearth_plugins.blocks.trunk import Trunk
from olmoearth_plugins.position_encodings.rope import rope

_WHERE = "encoder_config.attention_pooler"


def location_pooler(
    *,
    pooler_dim: int,
    pooler_depth: int = 2,
    num_heads: int | None = None,
    per_depth_read_proj: bool = False,
    attn_dim: int | None = None,
    student_dims: list[int] | None = None,
    student_output_norm: bool = False,
    rope_base: float = 10000.0,
) -> PoolerRecipe:
    """Describe the pooler of an encoder with rotary positions; nothing is allocated before `build`.

    pooler_dim: width of what comes out, and of its queries.
    pooler_depth: layers; each reads the tokens, then lets the places attend to each other.
    num_heads: attention heads; null = the encoder's.
    per_depth_read_proj: give each layer a norm (and projection) of the tokens of its own; one layer has none to share.
    attn_dim: width of queries and keys; null = pooler_dim, and tokens are projected to it before they are read.
    student_dims: widths of the short readout: it is as wide as the largest, the others are prefixes of it;
        null = no readout. student_output_norm: normalise it (at full width).
    rope_base: of the rotary frequencies among places and tokens.

    Raises:
        ConfigError: options that contradict each other.
    """
    if student_dims is not None and (not student_dims or min(student_dims) < 1):
        raise ConfigError(f"{_WHERE}: student_dims {student_dims} must be null or name widths of at least 1.")
    if attn_dim is not None and attn_dim < 1:
        raise ConfigError(f"{_WHERE}: attn_dim {attn_dim} must be null or at least 1.")
    dims = None if student_dims is None else tuple(sorted(set(student_dims), reverse=True))
    return LocationPooling(
        pooler_dim=pooler_dim,
        depth=pooler_depth,
        heads=num_heads,
        per_depth=per_depth_read_proj and pooler_depth > 1,
        attention_width=attn_dim,
        student_dims=dims,
        student_norm=student_output_norm,
        positions=rope(base=rope_base),
    )


@dataclass(kw_only=True)
class LocationPooling:
    """The recipe; fields as the factory documents them."""

    pooler_dim: int
    depth: int
    heads: int | None
    per_depth: bool
    attention_width: int | None
    student_dims: tuple[int, ...] | None
    student_norm: bool
    positions: PositionEncoding

    def trunk(self, encoder: Trunk) -> Trunk:
        """Return the options of the blocks among queries: the encoder's, but without drop path."""
        return replace(
            encoder,
            width=self.pooler_dim,
            heads=self.heads or encoder.heads,
            depth=self.depth,
            positions=self.positions,
            drop_path=0.0,
            attention_width=self.attention_width,
            context_width=None,
        )

    def check(self, encoder: Trunk) -> None:
        """Refuse what cannot be built for an encoder.

        Raises:
            ConfigError: heads that do not fit, or an encoder whose tokens do not say where they are.
        """
        if not encoder.positions.rotates:
            raise ConfigError(
                f"{_WHERE}: the pooler finds tokens by their rotary positions, but this encoder has none. Set its "
                f"position_encoding to olmoearth.rope.v1 or another rotary one, or leave the pooler out."
            )
        self.trunk(encoder).check(_WHERE)

    def build(self, encoder: Trunk) -> nn.Module:
        """Allocate the pooler on the current default device."""
        own, project = self.trunk(encoder), self.attention_width is None
        read = replace(own, context_width=self.pooler_dim if project else encoder.width)
        pooler = LocationPooler(read, own, encoder.width, per_depth=self.per_depth, project=project)
        if self.student_dims is not None:
            pooler.add_student(self.student_dims, norm=self.student_norm)
        return pooler
