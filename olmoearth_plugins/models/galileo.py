"""Two masked views in one pass, each with a decoder of its own (Galileo, Tseng et al. 2025).

The views share encoder, reconstructor and target. Both decoders start equal and are trained apart.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import overload

from torch import nn

from olmoearth_core.data.sample import Batch
from olmoearth_core.data.tokens import Tokenization
from olmoearth_core.interfaces.model import DecoderRecipe, EncoderRecipe, ModelOutput, ModelRecipe
from olmoearth_core.interfaces.parts import TargetRecipe
from olmoearth_plugins.models.parts import Parts, WithTarget, run
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
    frozen = target or frozen_encoder()

    def join(encoder: nn.Module, decoder: nn.Module | None, reconstructor: nn.Module | None) -> nn.Module:
        assert decoder is not None
        return Galileo(encoder, decoder, reconstructor, frozen)

    return Parts(encoder_config, decoder_config, reconstructor_config, Tokenization(tokenization), join)


class Galileo(WithTarget):
    """Encoder, two decoders, perhaps a reconstructor, and frozen target encoder."""

    def __init__(
        self, encoder: nn.Module, decoder: nn.Module, reconstructor: nn.Module | None, target: TargetRecipe
    ) -> None:
        """Join the parts; the second decoder is a copy of the first."""
        super().__init__(encoder, reconstructor, target)
        self.decoder_a, self.decoder_b = decoder, copy.deepcopy(decoder)

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
        return run(self.encoder, decoder, self.reconstructor, batch, patch_size, full)
