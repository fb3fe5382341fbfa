"""From a grid of tokens to one score per class and pixel: doublings of the grid with convolutions between them.

The layout of its weights is that of `UNetDecoder` in `olmoearth_pretrain_minimal`, whose trained heads load here.
"""

# B samples, H W patches, D width, K classes, P patch size in pixels
from __future__ import annotations

from torch import Tensor, nn

from olmoearth_core.errors import ConfigError


class UNetDecoder(nn.Module):
    """A convolution at the width of the tokens, then per doubling its convolutions, then one to the classes.

    All convolutions are 3 x 3; all but the last are followed by ReLU; there is no normalisation.
    """

    def __init__(self, in_dim: int, num_classes: int, patch_size: int, conv_layers_per_resolution: int = 1) -> None:
        """in_dim: width of tokens. patch_size: pixels along a patch. conv_layers_per_resolution: after each doubling.

        Raises:
            ConfigError: a patch size that is no power of two, or a number below 1.
        """
        super().__init__()
        doublings = patch_size.bit_length() - 1
        if min(in_dim, num_classes, conv_layers_per_resolution) < 1 or patch_size != 1 << max(doublings, 0):
            raise ConfigError(
                f"UNetDecoder: patch_size {patch_size} must be a power of two, and in_dim {in_dim}, num_classes "
                f"{num_classes} and conv_layers_per_resolution {conv_layers_per_resolution} at least 1."
            )
        layers = _conv(in_dim)
        for _ in range(doublings):
            layers.append(nn.Upsample(scale_factor=2, mode="nearest"))
            layers += [layer for _ in range(conv_layers_per_resolution) for layer in _conv(in_dim)]
        self.decoder = nn.Sequential(*layers, nn.Conv2d(in_dim, num_classes, 3, padding=1))

    def forward(self, tokens_BHWD: Tensor) -> Tensor:
        """Return scores [B,K,H*P,W*P]."""
        scores: Tensor = self.decoder(tokens_BHWD.permute(0, 3, 1, 2))
        return scores


def _conv(width: int) -> list[nn.Module]:
    return [nn.Conv2d(width, width, 3, padding=1), nn.ReLU()]
