"""An MLP on each pixel before the linear map of a patch (v1.1 and later)."""

from __future__ import annotations

from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.parts import PatchEmbeddingRecipe
from olmoearth_plugins.blocks.patch_projection import LinearPatches


def pixel_mlp_patches(
    *, hidden_sizes: list[int] | None = None, post_hidden_sizes: list[int] | None = None
) -> PatchEmbeddingRecipe:
    """Layers with ReLU on every pixel, then one linear map of the whole patch, optionally an MLP behind it.

    hidden_sizes: widths of the layers on pixels; null = one layer of 64 (the official models; nano has 12).
    post_hidden_sizes: widths of the layers of an MLP on each token; the last must be the width of tokens.

    Raises:
        ConfigError: no layer, or a width below 1.
    """
    hidden = tuple([64] if hidden_sizes is None else hidden_sizes)
    if not hidden or min(hidden) < 1:
        raise ConfigError(
            f"hidden_sizes is {list(hidden)}; it must hold widths of at least 1. "
            'Without an MLP on pixels use @patch_embeddings = "olmoearth.linear_patches.v1".'
        )
    return LinearPatches(pixel_hidden=hidden, post_hidden=tuple(post_hidden_sizes or ()))
