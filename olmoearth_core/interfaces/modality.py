"""What a modality is: data, not code.

Everything that a reader, the H5 format, the loader, the model and a licence page must know
about one kind of observation. A package adds a sensor by returning one of these from a factory.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

BASE_METERS = 0.625
"""Ground size of a pixel at resolution factor 1; every resolution is this times a power of two."""
TILE_PIXELS = 256
"""Side of a grid cell, in pixels of that grid's resolution."""

Kind = Literal["space_time", "space", "time", "static"]
StorageTransform = Literal["identity", "power_to_db"]
Normalization = Literal["computed", "standard", "predefined", "none"]
Resampling = Literal["nearest", "bilinear", "mode", "average"]
Quantity = Literal[
    "", "digital_number", "reflectance_x10000", "reflectance_x10000_and_kelvin_x10", "linear_power", "class_code",
    "class_probability", "meters", "weather", "count", "embedding_8192", "presence", "index", "degrees"
]  # fmt: skip
"""What stored values stand for, as a word that programs compare; "" = not said, so nothing is checked."""
ContractRule = Literal["counts_not_fractions", "power_not_decibel", "offset_removed", "bands_in_order", "whole_numbers"]
DropRule = Literal["any_nan", "all_zero", "any_nodata", "has_-9999", "all_missing"]


def resolution(factor: int) -> int | float:
    """Return metres per pixel of a resolution factor, an int when integral (it ends up in file names)."""
    meters = BASE_METERS * factor
    return int(meters) if meters.is_integer() else meters


@dataclass(frozen=True)
class BandSet:
    """Bands that are stored in one file at one resolution, in file order."""

    bands: tuple[str, ...]
    resolution_factor: int

    @property
    def meters(self) -> int | float:
        """Ground size of a stored pixel, in metres."""
        return resolution(self.resolution_factor)


@dataclass(frozen=True)
class Statistics:
    """How one band is brought to the model's scale.

    mean and std give the "computed" normalisation (mean -/+ 2 std to 0..1), minimum and maximum
    the "predefined" one. `count` is the number of pixels behind mean and std; 0 means set by hand.
    """

    mean: float | None = None
    std: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    count: int = 0


@dataclass(frozen=True)
class ModalitySpec:
    """One kind of observation.

    grid_factor: resolution factor of the grid on which its tiles are laid; 0 = not spatial.
    size_factor: stored pixels per grid pixel along a side (a 2.5 m image on a 10 m grid: 4); negative = divided.
    multitemporal: whether a tile holds one image per time step.
    parsed: whether its tiles are read from the GeoTIFF store (false for derived ones and lat/lon).
    storage: what happens to stored values on the way into H5.
    nodata: value that means "nothing was measured here" in the GeoTIFF store.
    drop_rules: which findings remove the modality from a sample on conversion.
    quantity: what values in the tile store stand for; a reader's must be the same.
    contract: which further tests a raw file's values must pass before they are used.
    codes: for maps of classes, the values that exist; () = any.
    valid_range: of values in the sample files, after `storage`.
    statistics: per band; a band without an entry cannot be normalised and is refused.
    derived_from, derive: the source modality and the name of the transform that computes this one.
    """

    name: str
    band_sets: tuple[BandSet, ...]
    grid_factor: int
    multitemporal: bool
    size_factor: int = 1
    parsed: bool = True
    storage: StorageTransform = "identity"
    dtype: str | None = None
    nodata: float | None = None
    drop_rules: tuple[DropRule, ...] = ("any_nan",)
    units: str = ""
    quantity: Quantity = ""
    contract: tuple[ContractRule, ...] = ()
    codes: tuple[int, ...] = ()
    valid_range: tuple[float, float] | None = None
    wavelengths_nm: Mapping[str, float] = field(default_factory=dict)
    resampling: Resampling = "nearest"
    normalization: Normalization = "computed"
    statistics: Mapping[str, Statistics] = field(default_factory=dict)
    derived_from: str | None = None
    derive: str | None = None
    title: str = ""
    licence: str = ""
    citation: str = ""
    source: str = ""

    @cached_property
    def band_order(self) -> tuple[str, ...]:
        """Bands of all sets in declared order: the channel order of every array everywhere."""
        return tuple(band for band_set in self.band_sets for band in band_set.bands)

    @property
    def num_bands(self) -> int:
        """Number of channels."""
        return len(self.band_order)

    @cached_property
    def band_indices(self) -> tuple[tuple[int, ...], ...]:
        """Channel indices of each declared band set."""
        starts = [sum(len(s.bands) for s in self.band_sets[:i]) for i in range(len(self.band_sets))]
        return tuple(tuple(range(a, a + len(s.bands))) for a, s in zip(starts, self.band_sets, strict=True))

    @property
    def tile_pixels(self) -> int:
        """Side of one tile of this modality in samples, in pixels: 256 times (or divided by) the size factor."""
        return TILE_PIXELS * self.size_factor if self.size_factor >= 0 else TILE_PIXELS // -self.size_factor

    @property
    def spatial(self) -> bool:
        """Whether a sample has rows and columns."""
        return self.grid_factor > 0 and self.tile_pixels > 1

    @property
    def kind(self) -> Kind:
        """Which axes an array has: (H, W, T, C), (H, W, 1, C), (T, C) or (C,)."""
        if self.spatial:
            return "space_time" if self.multitemporal else "space"
        return "time" if self.multitemporal else "static"

    @property
    def meters(self) -> int | float:
        """Ground size of a grid pixel, in metres."""
        return resolution(self.grid_factor)

    def stored_pixels(self, band_set: BandSet) -> int:
        """Side in pixels of the GeoTIFF that holds one band set of one tile."""
        return max(1, math.ceil(TILE_PIXELS * self.grid_factor / band_set.resolution_factor))

    def array_shape(self, height: int, width: int, steps: int) -> tuple[int, ...]:
        """Shape of this modality's array in a sample of height x width grid pixels and `steps` time steps."""
        if self.spatial:
            factor = self.size_factor
            return (height * factor, width * factor, steps if self.multitemporal else 1, self.num_bands)
        return (steps, self.num_bands) if self.multitemporal else (self.num_bands,)
