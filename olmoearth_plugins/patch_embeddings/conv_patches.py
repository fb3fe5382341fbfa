"""Patch projection kept as a convolution whose stride is its kernel (v1 weights)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from olmoearth_core.interfaces.parts import PatchEmbeddingRecipe
from olmoearth_plugins.blocks.patch_projection import ConvPatchProjection


def conv_patches() -> PatchEmbeddingRecipe:
    """One linear map of a whole patch, with weights [width, bands, side, side]."""
    return ConvPatches()


@dataclass(frozen=True)
class ConvPatches:
    """The recipe."""

    def check(self, width: int) -> None:
        """Any width works."""

    def build(self, bands: int, side: int, width: int) -> nn.Module:
        """Allocate the projection of one band group."""
        return ConvPatchProjection(bands, side, width)
