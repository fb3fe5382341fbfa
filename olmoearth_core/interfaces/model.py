"""What a model and its parts must do. Factories return recipes: cheap until `build`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from olmoearth_core.interfaces.loss import Tokens
from olmoearth_core.interfaces.modality import ModalitySpec

if TYPE_CHECKING:
    from torch import Tensor, nn

    from olmoearth_core.data.tokens import Tokenization


@dataclass(frozen=True)
class Encoded(Tokens):
    """What an encoder returns: tokens and masks, and `pooled` [B, D] where it pools.

    extras: further tensors that an encoder may hand to a decoder made for it, by name.
    """

    pooled: Tensor | None = None
    extras: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelOutput:
    """What a pretraining model returns for one view."""

    latent: Encoded
    decoded: Tokens | None
    reconstructed: Tokens | None
    pooled: Tensor | None


@runtime_checkable
class EncoderRecipe(Protocol):
    """Everything needed to allocate an encoder, not yet allocated. `embedding_size` is the width of its tokens."""

    embedding_size: int

    def build(self, specs: Sequence[ModalitySpec], tokenization: Tokenization) -> nn.Module:
        """Allocate the module (weights included) on the current default device.

        The module is called as encoder(batch, patch_size=4, token_exits=None) -> Encoded.
        """
        ...


@runtime_checkable
class DecoderRecipe(Protocol):
    """Everything needed to allocate a decoder, not yet allocated."""

    def build(self, specs: Sequence[ModalitySpec], tokenization: Tokenization, encoder: EncoderRecipe) -> nn.Module:
        """Allocate the module; widths that were left out are the encoder's.

        The module is called as decoder(encoded, timestamps, patch_size=4) -> Tokens.
        """
        ...


@runtime_checkable
class ModelRecipe(Protocol):
    """Everything needed to allocate a pretraining model, not yet allocated."""

    tokenization: Tokenization

    def build(self, specs: Sequence[ModalitySpec]) -> nn.Module:
        """Allocate the model. Weights are drawn from torch's global generator, which the caller seeds.

        The module has `.encoder` and, where the objective has targets, `.target_encoder`;
        it is called as model(batch, patch_size=4) -> ModelOutput.
        """
        ...


StateDict = Mapping[str, Any]
