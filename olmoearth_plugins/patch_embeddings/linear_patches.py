"""Patch projection as a linear map of all pixels of a patch."""

from __future__ import annotations

from olmoearth_core.interfaces.parts import PatchEmbeddingRecipe
from olmoearth_plugins.blocks.patch_projection import LinearPatches


def linear_patches(*, post_hidden_sizes: list[int] | None = None) -> PatchEmbeddingRecipe:
    """One linear map of a whole patch, optionally an MLP behind it.

    post_hidden_sizes: widths of the layers of an MLP on each token; the last must be the width of tokens.
    """
    return LinearPatches(pixel_hidden=(), post_hidden=tuple(post_hidden_sizes or ()))
