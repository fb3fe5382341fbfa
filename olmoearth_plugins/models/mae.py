"""Masked autoencoding: reconstruct the pixels of hidden patches, predict their latents, or both; there is no target."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from olmoearth_core.data.sample import Batch
from olmoearth_core.data.tokens import Tokenization
from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.model import DecoderRecipe, EncoderRecipe, ModelOutput, ModelRecipe
from olmoearth_plugins.models.parts import Parts, run


def mae(
    *,
    encoder_config: EncoderRecipe,
    decoder_config: DecoderRecipe | None = None,
    reconstructor_config: DecoderRecipe | None = None,
    tokenization: Mapping[str, list[list[str]]] | None = None,
) -> ModelRecipe:
    """Describe a masked autoencoder; nothing is allocated before `build`.

    decoder_config: what predicts latent tokens; null = nothing.
    reconstructor_config: what turns latent tokens back into pixels (olmoearth.reconstructor.v1); null = nothing.
    tokenization: modality -> groups of bands that form one token each; others keep their own band sets.

    Raises:
        ConfigError: neither a decoder nor a reconstructor.
    """
    if decoder_config is None and reconstructor_config is None:
        raise ConfigError(
            "model: a masked autoencoder has neither decoder_config nor reconstructor_config, so nothing would be "
            "predicted. Set at least one of them."
        )
    return Parts(encoder_config, decoder_config, reconstructor_config, Tokenization(tokenization), MAE)


class MAE(nn.Module):
    """Encoder, and a decoder or a reconstructor or both."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module | None, reconstructor: nn.Module | None) -> None:
        """Join the parts."""
        super().__init__()
        self.encoder, self.decoder, self.reconstructor = encoder, decoder, reconstructor

    def forward(self, batch: Batch, patch_size: int = 4, full: bool = True) -> ModelOutput:
        """Encode what is visible; decode and reconstruct from what was encoded, as far as there are parts for it.

        full: false = `decoded` is zero, and `reconstructed` means nothing, wherever nothing has to be decoded.
        """
        return run(self.encoder, self.decoder, self.reconstructor, batch, patch_size, full)
