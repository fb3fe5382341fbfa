"""What encoder recipes around olmoearth.flexi_vit have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.model import EncoderRecipe
from olmoearth_core.interfaces.parts import PositionEncoding
from olmoearth_plugins.encoders.flexi_vit import FlexiViT


@dataclass(kw_only=True)
class AroundFlexiViT:
    """A recipe that builds that encoder and takes its parts over.

    called: what the component is called. refused: options of the inner encoder that do not work with it.
    """

    called: ClassVar[str]
    refused: ClassVar[tuple[str, ...]]

    encoder: FlexiViT

    def __post_init__(self) -> None:
        if found := [name for name in self.refused if getattr(self.encoder, name)]:
            raise ConfigError(
                f"encoder_config: {self.called} does not work with {', '.join(found)}. Leave that out of its own "
                f"encoder_config."
            )
        self.embedding_size = self.encoder.embedding_size

    @property
    def num_heads(self) -> int:
        """Attention heads, which a decoder may take over."""
        return self.encoder.num_heads

    @property
    def position_encoding(self) -> PositionEncoding:
        """Position encoding, which a decoder may take over."""
        return self.encoder.position_encoding

    @property
    def patch_sizes(self) -> tuple[int, int]:
        """Smallest and largest patch, which a reconstructor may take over."""
        return self.encoder.patch_sizes


def inner_encoder(encoder_config: EncoderRecipe, called: str) -> FlexiViT:
    """Return the encoder that a component is built around.

    Raises:
        ConfigError: it is another one.
    """
    if not isinstance(encoder_config, FlexiViT):
        raise ConfigError(
            f"encoder_config: {called} is built around olmoearth.flexi_vit, but its own encoder_config is a "
            f"{type(encoder_config).__name__}. Name that encoder there."
        )
    return encoder_config
