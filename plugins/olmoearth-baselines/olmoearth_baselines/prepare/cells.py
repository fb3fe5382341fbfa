"""Features that are counted over the visible pixels of a cell: a patch, or the whole image."""

# B samples, H W pixels, h w cells, T steps, C bands, K values of a cell
from __future__ import annotations

from torch import Tensor

from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.wrapper import Wish


def cell_of(wish: Wish, spec: ModalitySpec, height: int, width: int) -> tuple[int, int]:
    """Return rows and columns of a cell in pixels of the modality: a patch, or everything where one mean is asked for.

    Raises:
        DataError: the patch size does not divide the image.
    """
    if not wish.grid and wish.pooling == "mean":
        return height, width
    side = wish.patch_size * max(1, spec.size_factor)
    if height % side or width % side:
        raise DataError(
            f"{spec.name}: {height} x {width} pixels cannot be cut into patches of {side} pixels. "
            "Choose a patch size that divides them."
        )
    return side, side


def cells(values_BHWTC: Tensor, rows: int, columns: int) -> Tensor:
    """Return the values of each cell side by side, over all time steps: [B,h,w,C,K]."""
    size, height, width, steps, bands = values_BHWTC.shape
    cut = values_BHWTC.reshape(size, height // rows, rows, width // columns, columns, steps, bands)
    return cut.permute(0, 1, 3, 6, 2, 4, 5).flatten(4)
