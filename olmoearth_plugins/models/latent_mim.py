"""Latent masked image modelling: predict, for hidden tokens, what a frozen encoder makes of them.

The target is a copy of the fresh encoder that is never trained; by default only its random patch embeddings are used.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from olmoearth_core.data.sample import Batch
from olmoearth_core.data.tokens import Tokenization
from olmoearth_core.interfaces.model import DecoderRecipe, EncoderRecipe, ModelOutput, ModelRecipe
from olmoearth_core.interfaces.parts import TargetRecipe
from olmoearth_plugins.models.parts import Parts, WithTarget, run
from olmoearth_plugins.targets.frozen_encoder import frozen_encoder


def latent_mim(
    *,
    encoder_config: EncoderRecipe,
    decoder_config: DecoderRecipe,
    reconstructor_config: DecoderRecipe | None = None,
    tokenization: Mapping[str, list[list[str]]] | None = None,
    target: TargetRecipe | None = None,
) -> ModelRecipe:
    """Describe a latent-MIM model; nothing is allocated before `build`.

    reconstructor_config: what also turns latent tokens back into pixels (olmoearth.reconstructor.v1); null = nothing.
    tokenization: modality -> groups of bands that form one token each; others keep their own band sets.
    target: what is predicted; null = olmoearth.frozen_encoder.v1, as in the official models up to v1.2.
    """
    frozen = target or frozen_encoder()

    def join(encoder: nn.Module, decoder: nn.Module | None, reconstructor: nn.Module | None) -> nn.Module:
        assert decoder is not None
        return LatentMIM(encoder, decoder, reconstructor, frozen)

    return Parts(encoder_config, decoder_config, reconstructor_config, Tokenization(tokenization), join)


class LatentMIM(WithTarget):
    """Encoder, decoder, perhaps a reconstructor, and frozen target encoder."""

    def __init__(
        self, encoder: nn.Module, decoder: nn.Module, reconstructor: nn.Module | None, target: TargetRecipe
    ) -> None:
        """Join the parts."""
        super().__init__(encoder, reconstructor, target)
        self.decoder = decoder

    def forward(self, batch: Batch, patch_size: int = 4, full: bool = True) -> ModelOutput:
        """Encode what is visible and predict what is to be decoded; reconstruct pixels from what was encoded.

        full: false = `decoded` is zero wherever nothing has to be decoded (training needs no more).
        """
        return run(self.encoder, self.decoder, self.reconstructor, batch, patch_size, full)
