"""What the models of this family are made of: recipes that are allocated together, and one pass through the parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from torch import nn

from olmoearth_core.data.sample import Batch
from olmoearth_core.data.tokens import Tokenization
from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.loss import Tokens
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.model import DecoderRecipe, EncoderRecipe, ModelOutput
from olmoearth_core.interfaces.parts import TargetRecipe
from olmoearth_plugins.models.targets import targets

Join = Callable[[nn.Module, nn.Module | None, nn.Module | None], nn.Module]
"""From encoder, decoder and reconstructor to the model."""


@dataclass
class Parts:
    """The recipe of a model; fields as its factory documents them. join: puts the allocated parts together."""

    encoder_config: EncoderRecipe
    decoder_config: DecoderRecipe | None
    reconstructor_config: DecoderRecipe | None
    tokenization: Tokenization
    join: Join

    def build(self, specs: Sequence[ModalitySpec]) -> nn.Module:
        """Allocate the parts.

        Raises:
            ConfigError: a tokenization that names modalities or bands which are not there.
        """
        unknown = sorted(set(self.tokenization.overrides) - {spec.name for spec in specs})
        if unknown:
            raise ConfigError(
                f"model.tokenization names {', '.join(unknown)}, which is not among the training modalities "
                f"{', '.join(spec.name for spec in specs)}."
            )
        encoder = self.encoder_config.build(specs, self.tokenization)
        decoder, reconstructor = (
            None if recipe is None else recipe.build(specs, self.tokenization, self.encoder_config)
            for recipe in (self.decoder_config, self.reconstructor_config)
        )
        return self.join(encoder, decoder, reconstructor)


class WithTarget(nn.Module):
    """A model whose predictions are compared with what a frozen encoder makes of the same pixels."""

    def __init__(self, encoder: nn.Module, reconstructor: nn.Module | None, target: TargetRecipe) -> None:
        """The target is made of the encoder as it is now."""
        super().__init__()
        self.encoder, self.reconstructor = encoder, reconstructor
        self.target_encoder = target.build(encoder)
        self.train(self.training)

    def train(self, mode: bool = True) -> WithTarget:
        """Set the mode of all parts but the target, which is always in evaluation mode."""
        super().train(mode)
        self.target_encoder.eval()
        return self

    def targets(
        self, batch: Batch, patch_size: int = 4, *, token_exits: Mapping[str, int] | None = None, full: bool = False
    ) -> Tokens:
        """Return what the predictions of one masked view are compared with, without gradients.

        token_exits: depth at which each modality leaves the target encoder; null = 0, bare patch embeddings.
        full: false = only places to be decoded are computed, where the exits allow it; true = all that are there.
        """
        return targets(self.target_encoder, batch, patch_size, token_exits, full)


def run(
    encoder: nn.Module,
    decoder: nn.Module | None,
    reconstructor: nn.Module | None,
    batch: Batch,
    patch_size: int,
    full: bool,
) -> ModelOutput:
    """Encode one view; decode and reconstruct from what was encoded, as far as there are parts for it."""
    latent = encoder(batch, patch_size)
    decoded, pixels = (
        None if part is None else part(latent, batch.timestamps, patch_size, full=full)
        for part in (decoder, reconstructor)
    )
    return ModelOutput(latent=latent, decoded=decoded, reconstructed=pixels, pooled=latent.pooled)
