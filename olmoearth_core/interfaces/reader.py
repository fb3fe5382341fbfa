"""Readers: whatever opens the raw files of a provider and says what their values mean.

A reader knows one kind of product. It returns values in the unit that its modality's specification asks for
(`quantity`), or refuses the file; it never guesses a unit from the values.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from olmoearth_core.interfaces.modality import ModalitySpec

if TYPE_CHECKING:
    import xarray


@runtime_checkable
class Reader(Protocol):
    """A reader of one kind of raw product. Frozen dataclasses with fields of these names will do."""

    @property
    def name(self) -> str:
        """The component's name."""
        ...

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names of the modalities whose values it can give; a stacked export may hold several."""
        ...

    def recognises(self, path: str) -> bool:
        """Whether a file or folder (path or URL) is of this kind of product, by its names and header alone.

        Never raises for a file that is something else, and reads no pixels.
        """
        ...

    def read(self, path: str, spec: ModalitySpec, *, bands: Sequence[str] | None = None) -> xarray.DataArray:
        """Open a product and return its values for one modality, pixels being read when they are used.

        spec: the modality, one of `modalities`. bands: names of `spec.band_order` to return, in that order; null = all
        that the product has, in the order of the specification. Bands of one native resolution come on their own grid,
        bands of several on the finest of them, each pixel being repeated.

        Returns float32 with dims (time, band, y, x), or (time, band) for modalities without rows and columns; NaN where
        nothing was measured. Coordinates: `time` (datetime64[ns], UTC), `band` (names), `x` and `y` (centres of pixels)
        and `spatial_ref` (the CRS, as rioxarray writes it). attrs: `units` (text), `quantity` (as `spec.quantity`),
        `modality`, `reader` and `source` (the path), and `cloud_cover` (percent) if the product says it. See
        `olmoearth_core.readers.scene`.

        Raises:
            OtherModality: the product is sound and holds another of `modalities`, so that walks over folders go on.
            DataError: the file is missing, torn, of another kind, or in another unit; says what was found and expected.
        """
        ...

    def clear(self, path: str, spec: ModalitySpec) -> xarray.DataArray | None:
        """Return where the ground is seen: bool (time, y, x) on the finest grid of the modality, False for cloud.

        None where the product does not say.
        """
        ...
