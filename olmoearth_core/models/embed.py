"""Embeddings in one call, from a batch or from an xarray scene, raw values or normalised ones."""

# B samples, H W patches, D width
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast, overload

import torch
from torch import Tensor, nn

from olmoearth_core.data.fitting import whole_patch_size
from olmoearth_core.data.sample import Batch
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.features.embed import device_of, encoder_of, resting
from olmoearth_core.features.pooling import max_all, max_grid, pool_all, pool_grid
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.parts import Pooling
from olmoearth_core.models.card import ModelCard, card_of
from olmoearth_core.models.plausible import Range
from olmoearth_core.models.prepare import checked, prepare
from olmoearth_core.models.windows import Pool, Window, cut, visible_tokens, windows

if TYPE_CHECKING:
    import xarray

WINDOW = 128
"""Side in pixels from which on an area is embedded in windows."""


@overload
def embed(
    model: nn.Module, data: Batch, *, patch_size: int = 4, pooling: str | Pooling = "mean", spatial: bool = False,
    normalize: bool = True, batch_size: int = 32, window: int | None = WINDOW,
    device: str | torch.device | None = None,
) -> Tensor: ...  # fmt: skip


@overload
def embed(
    model: nn.Module, data: xarray.Dataset | xarray.DataArray, *, patch_size: int = 4, pooling: str | Pooling = "mean",
    spatial: bool = False, normalize: bool = True, batch_size: int = 32, window: int | None = WINDOW,
    device: str | torch.device | None = None,
) -> xarray.DataArray: ...  # fmt: skip


def embed(
    model: nn.Module,
    data: Batch | xarray.Dataset | xarray.DataArray,
    *,
    patch_size: int = 4,
    pooling: str | Pooling = "mean",
    spatial: bool = False,
    normalize: bool = True,
    batch_size: int = 32,
    window: int | None = WINDOW,
    device: str | torch.device | None = None,
) -> Tensor | xarray.DataArray:
    """Return what a model makes of observations.

    Values are raw, in the units of their modality (`model.card.specs`; radar backscatter in decibels), on its 10 m
    grid. NaN, -99999 and pixels whose bands are all the modality's nodata value are absent, and so are bands that are
    not there; what that means for a token is the card's `band_gap`, and what stands in for it the card's `fill`.
    Modalities that are no inputs of the model do not change the result. Values that cannot be in these units (radar
    that is not in decibels, reflectances from 0 to 1) draw a warning.

    Args:
        model: what `load_model` returned; it is in its former mode afterwards.
        data: a `Batch`, whose masks may be left out ({}): what is there is then shown; or a Dataset with one variable
            per modality, of dims time, band, y and x in any order; time holds dates, band the names of bands, and a
            variable with other bands than the rest may name its dim band_<modality>. A DataArray with a name, too.
        patch_size: pixels along the side of a patch; smaller ones give finer and dearer embeddings.
        pooling: "mean" or "max" over visible tokens, or a @poolings component, which then decides what comes out.
            On the grid, each modality is pooled first where it is visible, then the modalities are.
        spatial: keep the grid of patches.
        normalize: False = values are already at the model's scale.
        batch_size: samples at a time; decides memory, never numbers.
        window: largest side in pixels of the 10 m grid that is embedded at once. A larger area is embedded in windows
            of equal size (to a patch) that cover each patch once; its pooled vector is that over all their visible
            tokens (a component's: the mean, weighted by them). None = all at once: every patch may then attend to
            every other, time grows with the square of the area.
        device: where to compute, and where the model then is; None = where it is now.

    Returns:
        For a batch, float32 [B,D] or [B,H,W,D] where the batch is. For a scene, a DataArray with dims (feature) or
        (y, x, feature), the coordinates of patch centres and the scene's CRS.

    Raises:
        DataError: data that the model cannot take, with what it would take.
        ConfigError: a pooling that does not exist.
        CheckpointError: a model without a card.
    """
    card, pool, seen = card_of(model), _pooling(pooling, spatial), Range()
    patch_size = whole_patch_size(patch_size)
    if device is not None:
        model.to(device)
    how = _How(card, pool, patch_size, normalize, window, seen)
    if isinstance(data, Batch):
        out: Any = _run(model, data, how, batch_size)
    else:
        from olmoearth_core.models.scene import read

        scene = read(data, card, patch_size)
        out = scene.labelled(_run(model, scene.batch, how, batch_size)[0].numpy(), card, patch_size)
    seen.warn(card.specs, stacklevel=2)
    return cast("Tensor | xarray.DataArray", out)


@dataclass(frozen=True)
class _How:
    """The arguments of one call."""

    card: ModelCard
    pool: Pool
    patch_size: int
    normalize: bool
    window: int | None
    seen: Range


def _run(model: nn.Module, batch: Batch, how: _How, batch_size: int) -> Tensor:
    batch, specs = checked(batch, how.card)
    if batch.size < 1 or batch_size < 1:
        raise DataError(f"found {batch.size} samples and batch_size {batch_size}, expected at least one of each.")
    encoder, done = encoder_of(model), []
    places = windows(batch, specs, how.patch_size, how.window)
    with resting(encoder):
        for start in range(0, batch.size, batch_size):
            part = batch.rows(slice(start, start + batch_size))
            found = [_window(encoder, part, specs, at, how, alone=len(places) == 1) for at in places]
            done.append(how.pool.join(found))
    return torch.cat(done)


def _window(
    encoder: nn.Module, batch: Batch, specs: Sequence[ModalitySpec], at: Window, how: _How, *, alone: bool
) -> tuple[Window, Tensor, Tensor]:
    """Embed what lies in a window; return it with its features and its numbers of visible tokens."""
    piece = batch if alone else cut(batch, specs, how.patch_size, at)
    ready = prepare(piece, how.card, patch_size=how.patch_size, normalize=how.normalize, seen=how.seen)
    tokens = encoder(ready.to(device_of(encoder)), patch_size=how.patch_size)
    return at, how.pool.of(tokens).float().to(batch.device), visible_tokens(tokens).to(batch.device)


def _pooling(pooling: str | Pooling, spatial: bool) -> Pool:
    named = {"mean": (pool_all, pool_grid), "max": (max_all, max_grid)}
    if isinstance(pooling, str):
        if pooling not in named:
            raise ConfigError(f'pooling: found "{pooling}", expected one of {", ".join(named)}, or a component.')
        return Pool(named[pooling][spatial], largest=pooling == "max")
    return Pool(pooling)
