"""Two masked views in one pass, each with a decoder of its own (Galileo, Tseng et al. 2025).

The views share encoder, reconstructor and target. Both decoders start equal and are trained apart.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import overload

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


def galileo(
    *,
    encoder_config: EncoderRecipe,
    decoder_config: DecoderRecipe,
    reconstructor_config: DecoderRecipe | None = None,
    tokenization: Mapping[str, list[list[str]]] | None = None,
    target: TargetRecipe | None = None,
) -> ModelRecipe:
    """Describe a model of two views; nothing is allocated before `build`.

    decoder_config: of both decoders. reconstructor_config: what also turns latent tokens of both views back into pixels
        (olmoearth.reconstructor.v1); null = nothing.
    tokenization: modality -> groups of bands that form one token each; others keep their own band sets.
    target: what is predicted; null = olmoearth.frozen_encoder.v1.
    """
    return GalileoRecipe(
        encoder_config, decoder_config, reconstructor_config, Tokenization(tokenization), target or frozen_encoder()
    )


@dataclass
class GalileoRecipe:
    """The parts of a model; fields as the factory documents them."""

    encoder_config: EncoderRecipe
    decoder_config: DecoderRecipe
    reconstructor_config: DecoderRecipe | None
    tokenization: Tokenization
    target: TargetRecipe

    def build(self, specs: Sequence[ModalitySpec]) -> nn.Module:
        """Allocate encoder, both decoders, reconstructor and target.

        Raises:
            ConfigError: a tokenization that names modalities or bands which are not there.
        """
        check_tokenization(self.tokenization, specs)
        encoder = self.encoder_config.build(specs, self.tokenization)
        decoder = self.decoder_config.build(specs, self.tokenization, self.encoder_config)
        reconstructor = None
        if self.reconstructor_config is not None:
            reconstructor = self.reconstructor_config.build(specs, self.tokenization, self.encoder_config)
        return Galileo(encoder, decoder, self.target, reconstructor)


class Galileo(nn.Module):
    """Encoder, two decoders, perhaps a reconstructor, and frozen target encoder."""

    def __init__(
        self, encoder: nn.Module, decoder: nn.Module, target: TargetRecipe, reconstructor: nn.Module | None
    ) -> None:
        """The second decoder is a copy of the first, the target is made of the encoder as it is now."""
        super().__init__()
        self.encoder, self.reconstructor = encoder, reconstructor
        self.decoder_a, self.decoder_b = decoder, copy.deepcopy(decoder)
        self.target_encoder = target.build(encoder)
        self.train(self.training)

    def train(self, mode: bool = True) -> Galileo:
        """Set the mode of all parts but the target, which is always in evaluation mode."""
        super().train(mode)
        self.target_encoder.eval()
        return self

    @overload
    def forward(
        self, batch_a: Batch, batch_b: Batch, patch_size: int = 4, full: bool = True
    ) -> dict[str, ModelOutput]: ...
    @overload
    def forward(
        self, batch_a: Batch, batch_b: int | None = None, patch_size: int = 4, full: bool = True
    ) -> ModelOutput: ...
    def forward(
        self, batch_a: Batch, batch_b: Batch | int | None = None, patch_size: int = 4, full: bool = True
    ) -> dict[str, ModelOutput] | ModelOutput:
        """Encode and decode both views in one pass, which is what wrappers for many devices can follow.

        batch_b: the second view. Without one, or with a patch size in its place as other models are called, the answer
            is that of view a alone, with its decoder.
        full: false = `decoded` is zero wherever nothing has to be decoded (training needs no more).

        Returns:
            {"a": ..., "b": ...}, or the output itself for a single view.
        """
        if isinstance(batch_b, Batch):
            return {
                "a": self._view(batch_a, self.decoder_a, patch_size, full),
                "b": self._view(batch_b, self.decoder_b, patch_size, full),
            }
        return self._view(batch_a, self.decoder_a, patch_size if batch_b is None else batch_b, full)

    def _view(self, batch: Batch, decoder: nn.Module, patch_size: int, full: bool) -> ModelOutput:
        latent = self.encoder(batch, patch_size)
        decoded = decoder(latent, batch.timestamps, patch_size, full=full)
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
