"""From a token back to the pixels of its patch: the transposed convolution whose stride is its kernel.

The weights are made for the base patch. For a smaller patch they are resized once, instead of the pixels of every
token: resizing is linear, so the pixels are the same, and so is the bias, because resizing keeps constants.
"""

# B samples, H W patches, T steps, D width, P pixels along a base patch, p along the requested one, K bands
from __future__ import annotations

from torch import Tensor, nn

from olmoearth_plugins.blocks.resize import resize


class PixelHead(nn.Module):
    """The pixels of one band group of a spatial modality."""

    def __init__(self, width: int, bands: int, side: int) -> None:
        """side: pixels of the modality along a base patch. Weights keep torch's default initialisation."""
        super().__init__()
        self.proj = nn.ConvTranspose2d(width, bands, side, side)

    def forward(self, tokens_BHWTD: Tensor, side: int) -> Tensor:
        """Return [B, H * side, W * side, T, K]; side: pixels of the modality along a requested patch."""
        batch, rows, columns, steps, _ = tokens_BHWTD.shape
        kernel_DPPK = self.proj.weight.permute(0, 2, 3, 1)
        kernel_DppK = resize(kernel_DPPK.unsqueeze(3), side, side).squeeze(3)
        flat = tokens_BHWTD @ kernel_DppK.flatten(1)
        assert self.proj.bias is not None
        pixels = flat.view(batch, rows, columns, steps, side, side, -1) + self.proj.bias
        return pixels.permute(0, 1, 4, 2, 5, 3, 6).reshape(batch, rows * side, columns * side, steps, -1)
