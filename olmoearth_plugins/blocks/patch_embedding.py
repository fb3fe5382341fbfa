"""Tokens of the places that somebody wants, over all modalities and band groups.

Hidden, decode-only and missing tokens are never embedded.
"""

# B samples, K tokens of one modality, M of all, P pixels of a base patch, C bands, D width
from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from olmoearth_core.data.sample import Batch
from olmoearth_core.data.tokens import Segment, Tokenization
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.parts import PatchEmbeddingRecipe
from olmoearth_plugins.blocks.band_dropout import BandDropout
from olmoearth_plugins.blocks.initialise import xavier
from olmoearth_plugins.blocks.patches import patches
from olmoearth_plugins.blocks.reading import Reading


class PatchEmbedding(nn.Module):
    """One projection per modality and band group."""

    def __init__(
        self,
        specs: Sequence[ModalitySpec],
        tokenization: Tokenization,
        *,
        width: int,
        patch_sizes: tuple[int, int],
        projection: PatchEmbeddingRecipe,
        band_dropout: BandDropout,
    ) -> None:
        """patch_sizes: smallest and largest (= base) side of a patch, in pixels of the 10 m grid.

        projection: makes the projection of each spatial band group; the others have a plain linear layer.
        """
        super().__init__()
        self.specs, self.tokenization = tuple(specs), tokenization
        self.patch_sizes, self.width, self.band_dropout = patch_sizes, width, band_dropout
        self.groups = {spec.name: tokenization.groups(spec) for spec in specs}

        def group(spec: ModalitySpec, bands: int) -> nn.Module:
            side = patch_sizes[1] * spec.size_factor
            return projection.build(bands, side, width) if spec.spatial else xavier(nn.Linear(bands, width))

        self.per_modality_embeddings = nn.ModuleDict()
        for spec in specs:
            per_group = {f"{spec.name}__{i}": group(spec, len(g)) for i, g in enumerate(self.groups[spec.name])}
            self.per_modality_embeddings[spec.name] = nn.ModuleDict(per_group)

    def check(self, patch_size: int) -> None:
        """Refuse a patch size the weights were not made for.

        Raises:
            DataError: naming the sizes that work.
        """
        low, high = self.patch_sizes
        if not low <= patch_size <= high:
            raise DataError(f"patch size {patch_size} was asked for, but this encoder takes {low} to {high} pixels.")

    def forward(self, batch: Batch, reading: Reading, rows: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Embed the tokens at `rows` (places in the flat [B * tokens] axis of each modality) to [K,D]."""
        return {
            spec.name: self._modality(batch, spec, reading.layout[spec.name], rows[spec.name])
            for spec in reading.specs
            if len(rows[spec.name])
        }

    def _modality(self, batch: Batch, spec: ModalitySpec, segment: Segment, rows_K: Tensor) -> Tensor:
        groups = self.groups[spec.name]
        wanted = rows_K if len(groups) == 1 else rows_K // len(groups)
        pixels_KPC = patches(batch, spec, segment, self.patch_sizes[1]).index_select(0, wanted)
        sample_K = rows_K // segment.length
        tokens = [self._group(spec, i, pixels_KPC, sample_K, batch.size) for i in range(len(groups))]
        if len(tokens) == 1:
            return tokens[0]
        own = (rows_K % len(groups))[None, :, None].expand(1, -1, self.width)
        return torch.stack(tokens).gather(0, own)[0]

    def _group(self, spec: ModalitySpec, number: int, pixels_KPC: Tensor, sample_K: Tensor, batch: int) -> Tensor:
        """Embed all chosen places of a modality as tokens of one band group."""
        bands = self.groups[spec.name][number]
        pixels_KPC = _select(pixels_KPC, bands)
        if self.training and self.band_dropout.applies(spec.name, len(bands)):
            kept_BC = self.band_dropout.keep(batch, len(bands), pixels_KPC.device)
            pixels_KPC = pixels_KPC * kept_BC[sample_K][:, None, :]
        projections = self.per_modality_embeddings[spec.name]
        assert isinstance(projections, nn.ModuleDict)
        projection = projections[f"{spec.name}__{number}"]
        tokens: Tensor = projection(pixels_KPC if spec.spatial else pixels_KPC[:, 0])
        return tokens


def _select(pixels_KPC: Tensor, bands: Sequence[int]) -> Tensor:
    """Pick channels; runs of neighbours are slices, so that no index tensor has to reach the device."""
    if tuple(bands) == tuple(range(pixels_KPC.shape[-1])):
        return pixels_KPC
    cuts = [i for i in range(1, len(bands)) if bands[i] != bands[i - 1] + 1]
    runs = [bands[a:b] for a, b in zip([0, *cuts], [*cuts, len(bands)], strict=True)]
    return torch.cat([pixels_KPC[..., run[0] : run[-1] + 1] for run in runs], dim=-1)
