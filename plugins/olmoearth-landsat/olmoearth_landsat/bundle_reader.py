"""How a bundle of either level is read: the level that its identifier says must be the one that is read here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import xarray

from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.readers.chosen_bands import chosen_bands
from olmoearth_core.readers.layers import FileLayer
from olmoearth_landsat.bundle import Bundle, bundle, stands_for_its_product
from olmoearth_landsat.images import BandLayer, Images, array_of, require_level
from olmoearth_landsat.metadata import Metadata
from olmoearth_landsat.product import LEVELS, METERS, MODALITY, Level
from olmoearth_landsat.quality import mask_of, quality_layer, require_bits
from olmoearth_landsat.scaling import agree_with_header, conversion

_READERS: dict[Level, str] = {"l1": "landsat.level1.v1", "l2": "landsat.level2.v1"}


@dataclass(frozen=True)
class BundleReader:
    """A reader of bundles of one level."""

    level: Level
    not_clear: tuple[str, ...]

    @property
    def name(self) -> str:
        """The component's name."""
        return _READERS[self.level]

    @property
    def modalities(self) -> tuple[str, ...]:
        """The modality of the level."""
        return (MODALITY[self.level],)

    def recognises(self, path: str) -> bool:
        """Whether it is a bundle of this level, by names and metadata; each product is met once in a walk."""
        try:
            return stands_for_its_product(path) and bundle(path).metadata().product.level == self.level
        except (DataError, OSError):
            return False

    def read(self, path: str, spec: ModalitySpec, *, bands: Sequence[str] | None = None) -> xarray.DataArray:
        """Return values, as `Reader.read` promises."""
        product, known = self._known(path, spec)
        _require_all_sensors(path, known, bands)
        layers = self._layers(product, known, chosen_bands(path, known.files, spec, bands))
        return array_of(Images(path, self.level, {known.time: layers}, known.cloud_cover), spec, self.name, bands)

    def clear(self, path: str, spec: ModalitySpec) -> xarray.DataArray | None:
        """Return where the ground is seen, as `Reader.clear` promises."""
        product, known = self._known(path, spec)
        if known.mask is None:
            return None
        place = product.file("QA_PIXEL", known.mask)
        require_bits(place)
        mask: FileLayer = quality_layer(place, self.not_clear)
        pan = known.files.get("B8", "")
        onto = BandLayer(product.file("band B8", pan), meters=METERS["B8"]) if product.holds(pan) else mask
        return mask_of({known.time: mask}, onto, self.not_clear)

    def _known(self, path: str, spec: ModalitySpec) -> tuple[Bundle, Metadata]:
        product = bundle(path)
        known = product.metadata()
        if known.product.level != self.level:
            raise DataError(
                f"{path}: {known.product.text} is {LEVELS[known.product.level]}, expected {LEVELS[self.level]}. Read "
                f"it with {_READERS[known.product.level]} as {MODALITY[known.product.level]}."
            )
        require_level(path, self.level, spec)
        return product, known

    def _layers(self, product: Bundle, known: Metadata, bands: Sequence[str]) -> dict[str, BandLayer]:
        layers = {}
        for band in bands:
            place = product.file(f"band {band}", known.files[band])
            agree_with_header(place, self.level, band)
            layers[band] = BandLayer(place, 1, (0,), conversion(self.level, band), meters=METERS[band])
        return layers


def _require_all_sensors(path: str, known: Metadata, bands: Sequence[str] | None) -> None:
    product = known.product
    if product.level == "l1" and product.sensor != "C" and bands is None:
        raise DataError(
            f"{path}: {product.text} is of one instrument alone and has only {', '.join(known.files)}; landsat is made "
            "of scenes with all eleven bands (LC08, LC09). Give such a scene, or name the bands that you want."
        )
