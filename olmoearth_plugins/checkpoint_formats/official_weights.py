"""Names of tensors in official checkpoints: ours, and a few that older or larger models leave behind."""

from __future__ import annotations

from pathlib import Path

from olmoearth_core.models.weights import Weights, open_weights
from olmoearth_plugins.checkpoint_formats import official_prerelease

LEFT_BEHIND = ("supervision_head.", "location_token_distillation_head.")
"""Heads that only the training of v1.3 used."""
COMPUTED = "composite_encodings.pos_embed"
"""A table that old checkpoints saved and that is now computed."""


def read(file: Path) -> Weights:
    """Open the weights under their released names, without what no model needs.

    Raises:
        CheckpointError: as `open_weights`, or a tensor is there twice.
    """
    stored = open_weights(file)
    needed = [n for n in stored.shapes() if not n.startswith(LEFT_BEHIND) and not n.endswith(COMPUTED)]
    return stored.renamed(official_prerelease.tensors(needed, file))


def convolution(weights: Weights) -> bool:
    """Return whether patch projections are kept as convolutions: their kernels have four axes."""
    return any(
        len(shape) == 4
        for name, shape in weights.shapes().items()
        if name.startswith("encoder.patch_embeddings.") and name.endswith(".proj.weight")
    )
