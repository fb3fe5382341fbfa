"""From latent tokens to pixels: a decoder of its own, then one head per modality and band group (spec/model.md 8.1).

What comes out has the shape of the arrays that went in, for every kind of modality: fine grids (2.5 m) at their own
resolution, time series and vectors through linear heads, bands in the order of the array.
"""

# B samples, T steps, S band groups, D width, C bands of the array
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from olmoearth_core.data.tokens import Tokenization
from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.loss import Pixels, Tokens
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.model import DecoderRecipe, EncoderRecipe
from olmoearth_plugins.blocks.initialise import xavier
from olmoearth_plugins.blocks.pixel_head import PixelHead
from olmoearth_plugins.blocks.positions import GROUND_METERS


def reconstructor(*, decoder_config: DecoderRecipe, max_patch_size: int | None = None) -> DecoderRecipe:
    """Describe a reconstructor; nothing is allocated before `build`.

    decoder_config: what turns visible tokens into one token per place, such as olmoearth.predictor.v1.
    max_patch_size: pixels of the 10 m grid along the patch that the heads are made for; null = the encoder's.

    Raises:
        ConfigError: a patch without pixels.
    """
    if max_patch_size is not None and max_patch_size < 1:
        raise ConfigError(f"reconstructor_config: max_patch_size is {max_patch_size}, but must be at least 1.")
    return ReconstructorRecipe(decoder_config, max_patch_size)


@dataclass(frozen=True)
class ReconstructorRecipe:
    """A reconstructor recipe; fields as the factory documents them."""

    decoder_config: DecoderRecipe
    max_patch_size: int | None

    def build(self, specs: Sequence[ModalitySpec], tokenization: Tokenization, encoder: EncoderRecipe) -> nn.Module:
        """Allocate the module on the current default device.

        Raises:
            ConfigError: the base patch is not known, or the decoder does not say how wide its tokens are.
        """
        decoder = self.decoder_config.build(specs, tokenization, encoder)
        output = getattr(decoder, "to_output_embed", None)
        if not isinstance(output, nn.Linear):
            raise ConfigError(
                f"reconstructor_config: its decoder_config is a {type(decoder).__name__} without the linear layer "
                f"to_output_embed, whose width the heads would have. Use olmoearth.predictor.v1."
            )
        heads = _heads(specs, tokenization, output.out_features, self._base(encoder))
        return Reconstructor(specs, tokenization, decoder, heads)

    def _base(self, encoder: EncoderRecipe) -> int:
        largest = self.max_patch_size or max(getattr(encoder, "patch_sizes", (0,)))
        if not largest:
            raise ConfigError(
                "reconstructor_config: max_patch_size was left out, and the encoder does not say its own."
            )
        return largest


def _heads(specs: Sequence[ModalitySpec], tokenization: Tokenization, width: int, patch_size: int) -> nn.ModuleDict:
    def head(spec: ModalitySpec, bands: int) -> nn.Module:
        return PixelHead(width, bands, patch_size * spec.size_factor) if spec.spatial else nn.Linear(width, bands)

    heads = nn.ModuleDict()
    for spec in specs:
        groups = enumerate(tokenization.groups(spec))
        heads[spec.name] = nn.ModuleDict({f"{spec.name}__{i}": head(spec, len(bands)) for i, bands in groups})
    xavier(heads)
    return heads


class Reconstructor(nn.Module):
    """A decoder, and heads that turn each of its tokens into the values it stands for."""

    def __init__(
        self, specs: Sequence[ModalitySpec], tokenization: Tokenization, decoder: nn.Module, heads: nn.ModuleDict
    ) -> None:
        """heads: modality -> modality__group -> head."""
        super().__init__()
        self.specs = {spec.name: spec for spec in specs}
        self.groups = {spec.name: tokenization.groups(spec) for spec in specs}
        self.sources = {spec.name: _sources(self.groups[spec.name], spec.num_bands) for spec in specs}
        self.decoder, self.per_modality_reconstructions = decoder, heads

    def forward(
        self,
        encoded: Tokens,
        timestamps: Tensor,
        patch_size: int = 4,
        input_res: float = GROUND_METERS,
        full: bool = True,
    ) -> Pixels:
        """Reconstruct every place, visible or not.

        full: false = only what the decoder says of DECODE places means anything.

        Returns:
            `tokens`: [B,H,W,T,C], [B,T,C] or [B,C], as the arrays of the batch; a band that is in no group is 0, one
            that is in several comes from the first. `masks`: the codes of the groups, [B,H,W,T,S], [B,T,S] or [B,S].
        """
        decoded: Tokens = self.decoder(encoded, timestamps, patch_size, input_res, full=full)
        values, masks = {}, {}
        for name, tokens in decoded.tokens.items():
            spec = self.specs[name]
            side = patch_size * spec.size_factor if spec.spatial else 1
            values[name] = self._values(spec, tokens, side)
            masks[name] = _enlarge(decoded.masks[name], side)
        return Pixels(values, masks, groups=self.groups)

    def _values(self, spec: ModalitySpec, tokens: Tensor, side: int) -> Tensor:
        """Return the values of one modality, bands in the order of its array."""
        heads = self.per_modality_reconstructions[spec.name]
        assert isinstance(heads, nn.ModuleDict)
        groups = [
            head(tokens[..., i, :], side) if spec.spatial else head(tokens[..., i, :])
            for i, head in enumerate(heads.values())
        ]
        joined = torch.cat(groups, dim=-1)
        sources = self.sources[spec.name]
        if sources == tuple(range(joined.shape[-1])):
            return joined
        absent = torch.zeros_like(joined[..., :1])
        return torch.cat([absent if i is None else joined[..., i : i + 1] for i in sources], dim=-1)


def _sources(groups: Sequence[Sequence[int]], bands: int) -> tuple[int | None, ...]:
    """Return, for each band of an array, its place among the bands of all groups; None = in none."""
    place: Mapping[int, int] = {band: i for i, band in reversed(list(enumerate(b for g in groups for b in g)))}
    return tuple(place.get(band) for band in range(bands))


def _enlarge(codes: Tensor, side: int) -> Tensor:
    return codes if side == 1 else codes.repeat_interleave(side, 1).repeat_interleave(side, 2)
