"""A pretraining model of a few numbers for the made-up modalities of `samples`: enough to try an objective on.

It has every part that an objective may ask for: one decoder or one per view, pixels, and a frozen target.
"""

# B samples, h w patches of one pixel, T steps, S band groups, C bands, D width
from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from itertools import accumulate

import torch
from torch import Tensor, nn

from olmoearth_core.data.sample import Batch, TrainBatch, ViewCounts
from olmoearth_core.data.tokens import DECODE, ENCODE, MISSING, Tokenization, TokenLayout
from olmoearth_core.interfaces.loss import Pixels, Tokens
from olmoearth_core.interfaces.modality import BandSet
from olmoearth_core.interfaces.model import Encoded, ModelOutput
from olmoearth_core.testing.samples import SAMPLES, SIDE, STEPS, normal, presence, specs, uniform

WIDTH = 8


class TinyEncoder(nn.Module):
    """A vector per band group, scaled by the mean of the bands; pooled over what is visible."""

    def __init__(self) -> None:
        """Make the same weights each time."""
        super().__init__()
        shapes = {spec.name: (len(spec.band_sets), WIDTH) for spec in specs()}
        self.scales = nn.ParameterDict({n: nn.Parameter(normal(shape, "encoder", n)) for n, shape in shapes.items()})

    def forward(self, batch: Batch, patch_size: int = 1, token_exits: Mapping[str, int] | None = None) -> Encoded:
        """Encode; patches are pixels and there are no blocks, so patch size and exits change nothing."""
        tokens = {n: torch.tanh(a.mean(-1)[..., None, None] * self.scales[n]) for n, a in batch.arrays.items()}
        seen = {n: (batch.masks[n] == ENCODE)[..., None] for n in tokens}
        total = torch.stack([(t * seen[n]).flatten(1, -2).sum(1) for n, t in tokens.items()]).sum(0)
        count = torch.stack([m.flatten(1).sum(1) for m in seen.values()]).sum(0)
        return Encoded(tokens, batch.masks, batch.counts, pooled=total / count.clamp(min=1)[:, None])


class TinyDecoder(nn.Module):
    """The same prediction for all tokens of a band group, from the pooled latent; or its pixels."""

    def __init__(self, *, pixels: bool) -> None:
        """pixels: give band values instead of tokens."""
        super().__init__()
        widths = {s.name: sum(len(b.bands) for b in s.band_sets) if pixels else WIDTH for s in specs()}
        heads = {n: nn.Parameter(normal((WIDTH, width), "decoder", n)) for n, width in widths.items()}
        self.heads, self.pixels = nn.ParameterDict(heads), pixels

    def forward(self, latent: Encoded) -> Tokens:
        """Decode every place."""
        assert latent.pooled is not None
        found = {}
        for name, mask in latent.masks.items():
            places = mask.shape[:-1] if self.pixels else mask.shape
            one = latent.pooled @ self.heads[name]
            found[name] = one.view(len(one), *[1] * (len(places) - 1), -1).expand(*places, -1)
        if not self.pixels:
            return Tokens(found, latent.masks, latent.counts)
        return Pixels(found, latent.masks, latent.counts, groups={s.name: _groups(s.band_sets) for s in specs()})


class TinyModel(nn.Module):
    """Called with one view, or with two at once."""

    def __init__(self) -> None:
        """Make the same weights each time."""
        super().__init__()
        self.encoder = TinyEncoder()
        self.decoder = self.decoder_a = TinyDecoder(pixels=False)
        self.decoder_b = copy.deepcopy(self.decoder)
        self.reconstructor = TinyDecoder(pixels=True)
        self.target_encoder = copy.deepcopy(self.encoder).requires_grad_(False)

    def forward(
        self, batch: Batch, batch_b: Batch | None = None, patch_size: int = 1
    ) -> ModelOutput | dict[str, ModelOutput]:
        """Return the output of a view; of two views {"a": ..., "b": ...}."""
        first = self._view(batch, self.decoder_a)
        return first if batch_b is None else {"a": first, "b": self._view(batch_b, self.decoder_b)}

    def _view(self, batch: Batch, decoder: nn.Module) -> ModelOutput:
        latent = self.encoder(batch)
        return ModelOutput(latent, decoder(latent), self.reconstructor(latent), latent.pooled)


def tiny_batch(views: int, *, decode: bool = True) -> TrainBatch:
    """Return a batch with gaps. decode: false = nothing is to be decoded."""
    there = presence()
    arrays = {s.name: normal((SAMPLES, *s.array_shape(SIDE, SIDE, STEPS)), "array", s.name) for s in specs()}
    dates = torch.tensor([[1, month, 2020] for month in range(STEPS)]).repeat(SAMPLES, 1, 1)
    first = Batch(arrays, {}, dates)
    made = []
    for i in range(views):
        codes = {n: _codes(p, decode, "view", i, n) for n, p in there.items()}
        made.append(replace(first, masks=codes, counts=ViewCounts.of(codes)))
    layout = TokenLayout.of(specs(), Tokenization(), rows=SIDE, columns=SIDE, steps=STEPS)
    return TrainBatch(1, layout, tuple(made))


def _codes(present: Tensor, decode: bool, *key: int | str) -> Tensor:
    hidden = (uniform(tuple(present.shape), *key) < 0.6) & decode
    return torch.where(present, torch.where(hidden, DECODE, ENCODE), MISSING).to(torch.int8)


def _groups(band_sets: tuple[BandSet, ...]) -> tuple[tuple[int, ...], ...]:
    ends = list(accumulate(len(band_set.bands) for band_set in band_sets))
    return tuple(tuple(range(start, end)) for start, end in zip([0, *ends], ends, strict=False))
