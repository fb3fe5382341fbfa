"""Tokens of the places that somebody wants, over all modalities and band groups.

Hidden, decode-only and missing tokens are never embedded.
"""

# B samples, K tokens of one modality, M of all, P pixels of a base patch, C bands, D width
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeGuard

import torch
from torch import Tensor, nn

from olmoearth_core.data.sample import Batch
from olmoearth_core.data.tokens import Segment, Tokenization
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.parts import PatchEmbeddingRecipe
from olmoearth_plugins.blocks.band_dropout import BandDropout
from olmoearth_plugins.blocks.folding import Foldable, Folded, pays, write
from olmoearth_plugins.blocks.initialise import xavier
from olmoearth_plugins.blocks.packing import Packing
from olmoearth_plugins.blocks.patch_projection import PatchProjection
from olmoearth_plugins.blocks.patches import is_cut, patches
from olmoearth_plugins.blocks.pieces import at_once
from olmoearth_plugins.blocks.reading import Reading
from olmoearth_plugins.blocks.tiles import tiles


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

    def forward(self, batch: Batch, reading: Reading, rows: Mapping[str, Tensor], at: Packing) -> Tensor:
        """Embed the tokens at `rows` (places in the flat [B * tokens] axis of each modality) to [M,D], packed."""
        if at.whole:
            return self._everything(batch, reading).flatten(0, 1)
        tokens = [
            self._chosen(batch, spec, reading.layout[spec.name], rows[spec.name])
            for spec in reading.specs
            if len(rows[spec.name])
        ]
        if not tokens:
            return torch.zeros(0, self.width, device=batch.device)
        return torch.cat(tokens).index_select(0, at.order)

    def _everything(self, batch: Batch, reading: Reading) -> Tensor:
        """Embed every place of every modality, [B,N,D]."""
        if torch.is_grad_enabled():
            return torch.cat([self._all(batch, spec, reading.layout[spec.name]) for spec in reading.specs], dim=1)
        out_BND = self._room(batch, reading.layout.length)
        for spec in reading.specs:
            segment = reading.layout[spec.name]
            self._write(batch, spec, segment, out_BND[:, segment.tokens])
        return out_BND

    def _room(self, batch: Batch, tokens: int) -> Tensor:
        """Allocate [B,N,D] in the precision in which projections are computed."""
        device = batch.device
        weight = next(self.parameters()).dtype
        lowered = torch.is_autocast_enabled(device.type)
        dtype = torch.get_autocast_dtype(device.type) if lowered else weight
        return torch.empty(batch.size, tokens, self.width, dtype=dtype, device=device)

    def _chosen(self, batch: Batch, spec: ModalitySpec, segment: Segment, rows_K: Tensor) -> Tensor:
        """Embed some tokens of a modality, [K,D]: out of all where most are wanted, else one by one."""
        places = batch.size * segment.length // segment.grid[3]
        shared = is_cut(batch, spec, segment, self.patch_sizes[1])
        if len(rows_K) >= places or (2 * len(rows_K) >= places and not torch.is_grad_enabled() and not shared):
            return self._all(batch, spec, segment).flatten(0, 1).index_select(0, rows_K)
        return self._gathered(batch, spec, segment, rows_K)

    def _gathered(self, batch: Batch, spec: ModalitySpec, segment: Segment, rows_K: Tensor) -> Tensor:
        """Embed tokens from the resized patches that all views of a batch share."""
        groups = segment.grid[3]
        pixels = patches(batch, spec, segment, self.patch_sizes[1])
        kept = [self._kept(batch, spec, i) for i in range(groups)]

        def embed(rows_K: Tensor) -> Tensor:
            pixels_KPC = pixels.index_select(0, rows_K if groups == 1 else rows_K // groups)
            sample_K = rows_K // segment.length
            tokens = [self._group(spec, i, pixels_KPC, sample_K, kept[i]) for i in range(groups)]
            if groups == 1:
                return tokens[0]
            own = (rows_K % groups)[None, :, None].expand(1, -1, self.width)
            return torch.stack(tokens).gather(0, own)[0]

        if torch.is_grad_enabled():
            return embed(rows_K)
        step = at_once(batch.device, pixels.shape[1] * self._widest(spec))
        return torch.cat([embed(part) for part in torch.split(rows_K, step)])

    def _group(
        self, spec: ModalitySpec, number: int, pixels_KPC: Tensor, sample_K: Tensor, kept_BC: Tensor | None
    ) -> Tensor:
        """Embed all given patches of a modality as tokens of one band group."""
        pixels_KPC = _select(pixels_KPC, self.groups[spec.name][number])
        if kept_BC is not None:
            pixels_KPC = pixels_KPC * kept_BC[sample_K][:, None, :]
        tokens: Tensor = self._projection(spec, number)(pixels_KPC if spec.spatial else pixels_KPC[:, 0])
        return tokens

    def _all(self, batch: Batch, spec: ModalitySpec, segment: Segment) -> Tensor:
        """Embed every place of a modality, [B,tokens,D]."""
        if not torch.is_grad_enabled():
            out_BND = self._room(batch, segment.length)
            self._write(batch, spec, segment, out_BND)
            return out_BND
        tokens = [self._all_of_group(batch, spec, segment, i) for i in range(segment.grid[3])]
        return torch.stack(tokens, dim=2).flatten(1, 2)

    def _all_of_group(self, batch: Batch, spec: ModalitySpec, segment: Segment, number: int) -> Tensor:
        """Embed every place of a modality as tokens of one band group, [B,places,D], with gradients."""
        kept_BC = self._kept(batch, spec, number)
        projection = self._projection(spec, number)
        if self._folds(projection, batch, spec, segment):
            array = self._pixels(batch, spec, number, kept_BC)
            return Folded(array, segment.grid[:2], projection).tokens().flatten(1, 3)
        pixels = patches(batch, spec, segment, self.patch_sizes[1])
        sample = torch.arange(batch.size, device=batch.device).repeat_interleave(len(pixels) // batch.size)
        return self._group(spec, number, pixels, sample, kept_BC).view(batch.size, -1, self.width)

    def _write(self, batch: Batch, spec: ModalitySpec, segment: Segment, out_BND: Tensor) -> None:
        """Embed every place of a modality into [B,tokens,D], piece by piece; without gradients."""
        out = out_BND.view(batch.size, *segment.grid, self.width)
        for number in range(segment.grid[3]):
            projection, out_BRCTD = self._projection(spec, number), out[..., number, :]
            array = self._pixels(batch, spec, number, self._kept(batch, spec, number))
            if not spec.spatial:
                out_BRCTD.copy_(projection(array.to(out.dtype)).view(out_BRCTD.shape))
            elif self._folds(projection, batch, spec, segment):
                write(out_BRCTD, array, projection)
            else:
                side = self.patch_sizes[1] * spec.size_factor
                tokens = at_once(batch.device, side * side * self._widest(spec))
                for piece, pixels_KPC in tiles(array, *segment.grid[:2], side, tokens // segment.grid[2]):
                    place = out_BRCTD[piece]
                    place.copy_(projection(pixels_KPC.to(out.dtype)).view(place.shape))

    def _projection(self, spec: ModalitySpec, number: int) -> nn.Module:
        projections = self.per_modality_embeddings[spec.name]
        assert isinstance(projections, nn.ModuleDict)
        return projections[f"{spec.name}__{number}"]

    def _kept(self, batch: Batch, spec: ModalitySpec, number: int) -> Tensor | None:
        """Draw which bands of a group each sample keeps, [B,C]; None = all."""
        bands = len(self.groups[spec.name][number])
        if not self.training or not self.band_dropout.applies(spec.name, bands):
            return None
        return self.band_dropout.keep(batch.size, bands, batch.device)

    def _pixels(self, batch: Batch, spec: ModalitySpec, number: int, kept_BC: Tensor | None) -> Tensor:
        """Return the bands of one group, unresized."""
        array = _select(batch.arrays[spec.name], self.groups[spec.name][number]).float()
        return array if kept_BC is None else array * kept_BC.view(len(kept_BC), *[1] * (array.ndim - 2), -1)

    def _folds(self, projection: nn.Module, batch: Batch, spec: ModalitySpec, segment: Segment) -> TypeGuard[Foldable]:
        """Whether a projection is applied to unresized pixels."""
        if not spec.spatial or not isinstance(projection, Foldable):
            return False
        kernel = projection.kernel()
        return kernel is not None and pays(batch.arrays[spec.name].shape, segment.grid, kernel.shape)

    def _widest(self, spec: ModalitySpec) -> int:
        """Numbers per pixel in the largest intermediate result of the projections of a modality."""
        projections = [self._projection(spec, i) for i in range(len(self.groups[spec.name]))]
        return max([spec.num_bands, *(p.pixel_width for p in projections if isinstance(p, PatchProjection))])


def _select(pixels_KPC: Tensor, bands: Sequence[int]) -> Tensor:
    """Pick channels; runs of neighbours are slices, so that no index tensor has to reach the device."""
    if tuple(bands) == tuple(range(pixels_KPC.shape[-1])):
        return pixels_KPC
    cuts = [i for i in range(1, len(bands)) if bands[i] != bands[i - 1] + 1]
    runs = [bands[a:b] for a, b in zip([0, *cuts], [*cuts, len(bands)], strict=True)]
    parts = [pixels_KPC[..., run[0] : run[-1] + 1] for run in runs]
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1)
