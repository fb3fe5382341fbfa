"""Latent masked image modelling: predict, for hidden tokens, what a frozen encoder makes of them.

The target is a copy of the fresh encoder that is never trained; by default only its random patch embeddings are used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import nn

from olmoearth_core.data.sample import Batch
from olmoearth_core.data.tokens import Tokenization
from olmoearth_core.interfaces.loss import Tokens
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.model import DecoderRecipe, EncoderRecipe, ModelOutput, ModelRecipe
from olmoearth_core.interfaces.parts import TargetRecipe
from olmoearth_plugins.models.checks import check_tokenization
from olmoearth_plugins.models.targets import targets
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
    return LatentMIMRecipe(
        encoder_config, decoder_config, reconstructor_config, Tokenization(tokenization), target or frozen_encoder()
    )


@dataclass
class LatentMIMRecipe:
    """The parts of a model; fields as the factory documents them."""

    encoder_config: EncoderRecipe
    decoder_config: DecoderRecipe
    reconstructor_config: DecoderRecipe | None
    tokenization: Tokenization
    target: TargetRecipe

    def build(self, specs: Sequence[ModalitySpec]) -> nn.Module:
        """Allocate encoder, decoder, reconstructor and target.

        Raises:
            ConfigError: a tokenization that names modalities or bands which are not there.
        """
        check_tokenization(self.tokenization, specs)
        encoder = self.encoder_config.build(specs, self.tokenization)
        decoder = self.decoder_config.build(specs, self.tokenization, self.encoder_config)
        reconstructor = None
        if self.reconstructor_config is not None:
            reconstructor = self.reconstructor_config.build(specs, self.tokenization, self.encoder_config)
        return LatentMIM(encoder, decoder, self.target, reconstructor)


class LatentMIM(nn.Module):
    """Encoder, decoder, perhaps a reconstructor, and frozen target encoder."""

    def __init__(
        self, encoder: nn.Module, decoder: nn.Module, target: TargetRecipe, reconstructor: nn.Module | None = None
    ) -> None:
        """The target is made of the encoder as it is now."""
        super().__init__()
        self.encoder, self.decoder, self.reconstructor = encoder, decoder, reconstructor
        self.target_encoder = target.build(encoder)
        self.train(self.training)

    def train(self, mode: bool = True) -> LatentMIM:
        """Set the mode of encoder and decoder; the target is always in evaluation mode."""
        super().train(mode)
        self.target_encoder.eval()
        return self

    def forward(self, batch: Batch, patch_size: int = 4, full: bool = True) -> ModelOutput:
        """Encode what is visible and predict what is to be decoded; reconstruct pixels from what was encoded.

        full: false = `decoded` is zero wherever nothing has to be decoded (training needs no more).
        """
        latent = self.encoder(batch, patch_size)
        decoded = self.decoder(latent, batch.timestamps, patch_size, full=full)
        pixels = None
        if self.reconstructor is not None:
            pixels = self.reconstructor(latent, batch.timestamps, patch_size, full=full)
        return ModelOutput(latent=latent, decoded=decoded, reconstructed=pixels, pooled=latent.pooled)

    def targets(
        self, batch: Batch, patch_size: int = 4, *, token_exits: Mapping[str, int] | None = None, full: bool = False
    ) -> Tokens:
        """Return what the predictions of one masked view are compared with, without gradients.

        token_exits: depth at which each modality leaves the target encoder; null = 0, bare patch embeddings.
        full: false = only places to be decoded are computed, where the exits allow it; true = all that are there.
        """
        return targets(self.target_encoder, batch, patch_size, token_exits, full)
