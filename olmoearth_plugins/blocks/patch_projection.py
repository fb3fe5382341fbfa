"""From the pixels of a patch to a token: a linear map, a linear map behind an MLP on pixels, or a convolution."""

# K tokens, P pixels of a patch, C bands, D width
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn
from torch.nn.functional import linear

from olmoearth_core.errors import ConfigError
from olmoearth_plugins.blocks.dense import dense


@dataclass(frozen=True, kw_only=True)
class LinearPatches:
    """The recipe of a linear projection. pixel_hidden, post_hidden: as of `PatchProjection`."""

    pixel_hidden: tuple[int, ...]
    post_hidden: tuple[int, ...]

    def check(self, width: int) -> None:
        """Refuse an MLP on tokens that ends in another width.

        Raises:
            ConfigError: naming both.
        """
        if self.post_hidden and (self.post_hidden[-1] != width or min(self.post_hidden) < 1):
            raise ConfigError(
                f"post_hidden_sizes {list(self.post_hidden)} must end with the embedding_size {width}, and hold widths "
                f"of at least 1."
            )

    def build(self, bands: int, side: int, width: int) -> nn.Module:
        """Allocate the projection of one band group."""
        return PatchProjection(bands, side, width, self.pixel_hidden, self.post_hidden)


class PatchProjection(nn.Module):
    """One linear map of a whole patch, optionally after an MLP on each pixel and before one on the token.

    Pixels are flattened row by row, bands fastest. Weights keep torch's default initialisation.
    """

    def __init__(
        self, bands: int, side: int, width: int, pixel_hidden: Sequence[int], post_hidden: Sequence[int]
    ) -> None:
        """side: pixels along a patch. pixel_hidden, post_hidden: widths of the layers of the MLPs, empty = none."""
        super().__init__()
        self.side, self.pixel_width = side, max(bands, *pixel_hidden, 0)
        self.pixel_proj = _mlp([bands, *pixel_hidden], relu_first=False)
        self.proj = nn.Linear((pixel_hidden[-1] if pixel_hidden else bands) * side * side, width)
        self.post_proj = _mlp([width, *post_hidden], relu_first=True)

    def forward(self, patches_KPC: Tensor) -> Tensor:
        """Embed patches to [K,D]."""
        pixels = patches_KPC.flatten(0, 1)
        for layer in list(self.pixel_proj)[::2]:
            pixels = dense(pixels, layer, "relu")
        tokens: Tensor = self.post_proj(dense(pixels.reshape(len(patches_KPC), -1), self.proj))
        return tokens

    def kernel(self) -> Tensor | None:
        """Return the weights [D,C,side,side] of the linear map; None = there is an MLP before it."""
        if len(self.pixel_proj):
            return None
        weight_Dk = self.proj.weight
        return weight_Dk.view(len(weight_Dk), self.side, self.side, -1).permute(0, 3, 1, 2)


class ConvPatchProjection(nn.Module):
    """The linear map of a patch, kept as the weights of a convolution whose stride is its kernel."""

    def __init__(self, bands: int, side: int, width: int) -> None:
        """side: pixels along a patch."""
        super().__init__()
        self.proj = nn.Conv2d(bands, width, side, side)
        self.post_proj = nn.Sequential()

    def forward(self, patches_KPC: Tensor) -> Tensor:
        """Embed patches to [K,D]."""
        return linear(patches_KPC.flatten(1), self.proj.weight.permute(0, 2, 3, 1).flatten(1), self.proj.bias)

    def kernel(self) -> Tensor:
        """Return the weights [D,C,side,side]."""
        return self.proj.weight


def _mlp(widths: Sequence[int], *, relu_first: bool) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layer = nn.Linear(before, after)
        layers += [nn.ReLU(), layer] if relu_first else [layer, nn.ReLU()]
    return nn.Sequential(*layers)
