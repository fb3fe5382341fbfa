"""Embeddings of an area too large for one pass: overlapping crops, of which the middles are kept.

With an overlap of twice the reach of a searchlight the result is that of one pass: positions enter only as
differences, so it does not matter that each crop counts them from its own corner.
"""

# B samples, R C rows and columns of embeddings, D width
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from olmoearth_core.data.sample import Batch
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_plugins.blocks.positions import GROUND_METERS
from olmoearth_plugins.blocks.searchlight import SearchlightSettings
from olmoearth_plugins.encoders.encoder import Encoder


def embed_domain(
    encoder: Encoder,
    batch: Batch,
    patch_size: int,
    *,
    location_query_patch_size: int | None = None,
    crop_px: int,
    overlap_px: int,
    output_key: str = "student_location_tokens",
    settings: SearchlightSettings | None = None,
    input_res: float = GROUND_METERS,
) -> Tensor:
    """Return the embeddings of a whole area, [B, H/s, W/s, D] on the encoder's device.

    batch: the area, H x W pixels of the 10 m grid. patch_size, location_query_patch_size (s; null = patch_size),
    input_res: as of the encoder. crop_px: side of a crop; overlap_px: shared by neighbouring crops; from
    2 * searchlight_reach_px(...) on the result is exact. output_key: which of the encoder's `extras`.
    settings: of the searchlight, null = its defaults.

    Raises:
        ConfigError: crops that are no whole number of patches or smaller than the box, or an output there is not.
        DataError: an area that does not fit.
    """
    settings = settings or SearchlightSettings()
    specs = encoder.patch_embeddings.specs
    height, width = _size(batch, specs, patch_size)
    asked = location_query_patch_size or patch_size
    plan = Tiling(crop_px, overlap_px, patch_size)
    crops = [plan.crops(length, settings.neighborhood_attention_size_px) for length in (height, width)]
    embeddings = None
    for rows in crops[0]:
        for columns in crops[1]:
            part = cut(batch, specs, rows.taken, columns.taken, patch_size)
            extras = encoder(
                part,
                patch_size,
                input_res=input_res,
                location_query_patch_size=location_query_patch_size,
                searchlight=settings,
            ).extras
            middle = _named(extras, output_key)[:, rows.inner(asked), columns.inner(asked)]
            if embeddings is None:
                size = (len(middle), height // asked, width // asked, middle.shape[-1])
                embeddings = middle.new_empty(size)
            embeddings[:, rows.outer(asked), columns.outer(asked)] = middle
    assert embeddings is not None
    return embeddings


@dataclass(frozen=True)
class Crop:
    """A stretch of an axis in pixels: what is taken, and the middle of it that is kept."""

    taken: slice
    kept: slice

    def inner(self, step: int) -> slice:
        """Where the middle lies in the crop's embeddings, one per `step` pixels."""
        start = self.taken.start
        return slice((self.kept.start - start) // step, (self.kept.stop - start) // step)

    def outer(self, step: int) -> slice:
        """Where the middle lies in the embeddings of the area."""
        return slice(self.kept.start // step, self.kept.stop // step)


@dataclass(frozen=True)
class Tiling:
    """How an area is cut; all numbers are pixels.

    Raises:
        ConfigError: a core or halo that is no whole number of patches, or no core.
    """

    crop: int
    overlap: int
    patch_size: int

    def __post_init__(self) -> None:
        core, halo = self.crop - self.overlap, self.overlap // 2
        if core < 1 or self.overlap < 0 or self.overlap % 2 or core % self.patch_size or halo % self.patch_size:
            raise ConfigError(
                f"crop_px {self.crop} and overlap_px {self.overlap}: the kept core of {core} px must be positive, and "
                f"core and half the overlap whole numbers of patches of {self.patch_size} px."
            )

    def crops(self, length: int, box: int) -> list[Crop]:
        """Cut an axis.

        Raises:
            ConfigError: the last crop would be smaller than the box of the searchlight.
        """
        found = list(self._crops(length))
        last = found[-1].taken
        if last.stop - last.start < box <= length:
            raise ConfigError(
                f"the last crop of an axis of {length} px has {last.stop - last.start} px, but the box of the "
                f"searchlight has {box} px. Choose overlap_px >= {2 * (box - self.patch_size)}."
            )
        return found

    def _crops(self, length: int) -> Iterator[Crop]:
        core, halo = self.crop - self.overlap, self.overlap // 2
        for start in range(0, length, core):
            stop = min(start + core, length)
            yield Crop(slice(max(0, start - halo), min(stop + halo, length)), slice(start, stop))


def cut(batch: Batch, specs: Sequence[ModalitySpec], rows: slice, columns: slice, patch_size: int) -> Batch:
    """Return part of an area as views; rows and columns are whole patches, in pixels of the 10 m grid."""
    arrays, masks = dict(batch.arrays), dict(batch.masks)
    for spec in specs:
        if spec.spatial and spec.name in arrays:
            height = arrays[spec.name].shape[1]
            arrays[spec.name] = _part(arrays[spec.name], rows, columns, spec.size_factor, 1)
            if spec.name in masks:
                by_pixel = masks[spec.name].shape[1] == height
                scale = (spec.size_factor, 1) if by_pixel else (1, patch_size)
                masks[spec.name] = _part(masks[spec.name], rows, columns, *scale)
    return Batch(arrays, masks, batch.timestamps)


def _part(array: Tensor, rows: slice, columns: slice, times: int, over: int) -> Tensor:
    top, bottom, left, right = (x * times // over for x in (rows.start, rows.stop, columns.start, columns.stop))
    return array[:, top:bottom, left:right]


def _size(batch: Batch, specs: Sequence[ModalitySpec], patch_size: int) -> tuple[int, int]:
    held = next((spec for spec in specs if spec.spatial and spec.name in batch.arrays), None)
    if held is None:
        raise DataError(f"embed_domain needs a spatial modality, but the batch holds {list(batch.arrays)}.")
    height, width = (n // held.size_factor for n in batch.arrays[held.name].shape[1:3])
    if height % patch_size or width % patch_size:
        raise DataError(
            f"an area of {height} x {width} px cannot be cut into patches of {patch_size} px. Crop or pad it."
        )
    return height, width


def _named(extras: Mapping[str, Tensor], key: str) -> Tensor:
    if key not in extras:
        raise ConfigError(
            f"output_key is {key!r}, but this encoder gives {', '.join(extras) or 'no such outputs'}. "
            f"Choose one, or an encoder with an attention pooler (and student_dims)."
        )
    return extras[key]
