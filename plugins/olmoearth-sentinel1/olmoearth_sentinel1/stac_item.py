"""Sentinel-1 images as STAC items with an asset per polarisation, as catalogues name them.

Known are terrain-corrected images (`sentinel-1-rtc` of Microsoft Planetary Computer, linear gamma0 power) and, if that
is accepted, uncorrected ones (`sentinel-1-grd` of Earth Search v1 and Planetary Computer) with their annotation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import xarray

from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.reader import Reader
from olmoearth_core.readers.chosen_bands import chosen_bands
from olmoearth_core.readers.header import header
from olmoearth_core.readers.layers import Layer
from olmoearth_core.readers.scene import Product, scene
from olmoearth_sentinel1.annotation import annotation, calibration, noise
from olmoearth_sentinel1.geocoding import Geocoding
from olmoearth_sentinel1.grd import LUTS, WHY_NOT, Calibration, GrdLayer, require_backscatter
from olmoearth_sentinel1.modality import NAME, require_modality
from olmoearth_sentinel1.power import QUANTITY, agreed, require_unit
from olmoearth_sentinel1.product_name import EXPECTED, require_interferometric_dual
from olmoearth_sentinel1.rtc_image import declared_units, layer, measure_of, require_plain
from olmoearth_sentinel1.stac_file import Item

KNOWN: Mapping[str, tuple[str, str]] = {"sentinel-1-rtc": ("gamma0", "power")}
"""Collection -> backscatter and unit, where its description declares them and its items do not.
Source: https://planetarycomputer.microsoft.com/dataset/sentinel-1-rtc."""


def stac_item(
    *, units: str = "", accept_uncorrected: bool = False, backscatter: str = "gamma0", remove_noise: bool = False
) -> Reader:
    """Read STAC items of Sentinel-1, saved as JSON, as linear power.

    units: "power" (linear), "amplitude" or "db" of terrain-corrected images where neither item, collection nor file say
        it. An item that says otherwise is refused.
    accept_uncorrected: read GRD items although slopes are not corrected for; without it they are refused.
    backscatter: of GRD: "gamma0", as the modality is, or "sigma0", both on the ellipsoid.
    remove_noise: of GRD: subtract the instrument's noise; what is then 0 or less becomes NaN.
    """
    require_unit(units)
    require_backscatter(backscatter)
    return _StacItem(units, accept_uncorrected, backscatter, remove_noise)


@dataclass(frozen=True)
class _StacItem:
    units: str
    accept_uncorrected: bool
    backscatter: str
    remove_noise: bool
    name: str = "sentinel1.stac_item.v1"
    modalities: tuple[str, ...] = (NAME,)

    def recognises(self, path: str) -> bool:
        try:
            item = Item.open(path)
            return item.is_sentinel1() and bool(_assets(item))
        except (DataError, OSError):
            return False

    def read(self, path: str, spec: ModalitySpec, *, bands: Sequence[str] | None = None) -> xarray.DataArray:
        require_modality(path, spec)
        item = _known(path)
        corrected = item.is_corrected()
        if not (corrected or self.accept_uncorrected):
            raise DataError(f"{path}: {item.described()} {WHY_NOT}.")
        assets = _assets(item)
        wanted = chosen_bands(path, assets, spec, bands)
        layers: dict[str, Layer] = {}
        units = f"{self.backscatter} linear power, not terrain corrected"
        for band in wanted:
            if corrected:
                layers[band], units = self._corrected(item, assets[band])
            else:
                layers[band] = self._uncorrected(item, band, assets[band], float(spec.meters))
        return scene(spec, {item.time(): layers}, Product(self.name, path, units, QUANTITY))

    def clear(self, path: str, spec: ModalitySpec) -> xarray.DataArray | None:
        return None

    def _corrected(self, item: Item, key: str) -> tuple[Layer, str]:
        place = item.place(key)
        found = header(place)
        require_plain(found)
        if found.bands != 1:
            raise DataError(f"{place}: has {found.bands} bands, expected one. Is it another asset's file?")
        measure, unit = KNOWN.get(item.collection, ("", ""))
        said = {f"collection {item.collection}": unit, **item.units(key), **declared_units(found, (1,), "")}
        known = layer(place, 1, agreed(item.path, said, self.units), item.nodata(key))
        return known, f"{measure or measure_of(found)} linear power"

    def _uncorrected(self, item: Item, band: str, key: str, meters: float) -> Layer:
        facts = annotation(*item.metadata(f"schema-product-{band}"), band)
        amplitude = calibration(*item.metadata(f"schema-calibration-{band}"), band, LUTS[self.backscatter])
        noises = noise(*item.metadata(f"schema-noise-{band}"), band) if self.remove_noise else None
        where = f"{item.path}: annotation of {band}"
        return GrdLayer(
            item.place(key), facts.lines, facts.pixels, Geocoding(where, facts.ties), Calibration(amplitude, noises),
            meters,
        )  # fmt: skip


def _known(path: str) -> Item:
    item = Item.open(path)
    if not item.is_sentinel1():
        raise DataError(
            f"{path}: an item of {item.described()}, expected Sentinel-1 (constellation, platform or collection say "
            "so). Use the reader of that sensor."
        )
    require_interferometric_dual(path, item.id)
    item.require_interferometric()
    return item


def _assets(item: Item) -> dict[str, str]:
    """Return band -> asset.

    Raises:
        DataError: there is none.
    """
    found = {band: key for band in ("vv", "vh") for key in (band, band.upper()) if key in item.assets}
    if not found:
        shown = ", ".join(list(item.assets)[:6])[:200] or "none"
        raise DataError(f"{item.path}: assets {shown} are no polarisations, expected vv and vh ({EXPECTED}).")
    return found
