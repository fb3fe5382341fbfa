"""Sentinel-1 products as ESA gives them: `.SAFE` folders and zips of ground range detected images (GRD).

They are calibrated and laid on a map, but not corrected for terrain, so they are refused until that is accepted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import xarray

from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.reader import Reader
from olmoearth_core.readers.chosen_bands import chosen_bands
from olmoearth_core.readers.scene import Product, scene
from olmoearth_sentinel1.annotation import annotation, calibration, noise
from olmoearth_sentinel1.geocoding import Geocoding
from olmoearth_sentinel1.grd import LUTS, WHY_NOT, Calibration, GrdLayer, require_backscatter
from olmoearth_sentinel1.modality import NAME, require_modality
from olmoearth_sentinel1.power import QUANTITY
from olmoearth_sentinel1.product_name import EXPECTED, require_interferometric_dual
from olmoearth_sentinel1.safe_package import Package, package


def grd_safe(
    *, accept_uncorrected: bool = False, backscatter: str = "gamma0", remove_noise: bool = False
) -> Reader:  # fmt: skip
    """Read Sentinel-1 `.SAFE` products of type GRD (IW, VV and VH), as a folder or zipped, as linear power in UTM.

    accept_uncorrected: read them although slopes are not corrected for; without it they are refused.
    backscatter: "gamma0" (per area seen from the radar, as the modality is) or "sigma0" (per area of ground), both on
        the ellipsoid.
    remove_noise: subtract the instrument's noise; what is then 0 or less becomes NaN.
    Product guide: https://sentiwiki.copernicus.eu/web/s1-products
    """
    require_backscatter(backscatter)
    return _GrdSafe(accept_uncorrected, backscatter, remove_noise)


@dataclass(frozen=True)
class _GrdSafe:
    accept_uncorrected: bool
    backscatter: str
    remove_noise: bool
    name: str = "sentinel1.grd_safe.v1"
    modalities: tuple[str, ...] = (NAME,)

    def recognises(self, path: str) -> bool:
        try:
            return bool(package(path).channels("measurement"))
        except (DataError, OSError):
            return False

    def read(self, path: str, spec: ModalitySpec, *, bands: Sequence[str] | None = None) -> xarray.DataArray:
        require_modality(path, spec)
        product = package(path)
        require_interferometric_dual(path, product.title)
        images = product.channels("measurement")
        if not {"vv", "vh"} & set(images):
            found = ", ".join(images).upper() or "none"
            raise DataError(f"{path}: its images are of polarisation {found}, expected GRD of {EXPECTED}.")
        if not self.accept_uncorrected:
            raise DataError(f"{path}: {WHY_NOT}.")
        wanted = chosen_bands(path, images, spec, bands)
        read = [self._layer(product, band, images[band], float(spec.meters)) for band in wanted]
        layers = dict(zip(wanted, (layer for _, layer in read), strict=True))
        unit = f"{self.backscatter} linear power, not terrain corrected"
        return scene(spec, {read[0][0]: layers}, Product(self.name, path, unit, QUANTITY))

    def clear(self, path: str, spec: ModalitySpec) -> xarray.DataArray | None:
        return None

    def _layer(self, product: Package, channel: str, image: str, meters: float) -> tuple[datetime, GrdLayer]:
        facts = annotation(*_content(product, "annotation", channel), channel)
        amplitude = calibration(*_content(product, "calibration", channel), channel, LUTS[self.backscatter])
        noises = noise(*_content(product, "noise", channel), channel) if self.remove_noise else None
        where = f"{product.source}: annotation of {channel}"
        layer = GrdLayer(
            product.place(image), facts.lines, facts.pixels, Geocoding(where, facts.ties),
            Calibration(amplitude, noises), meters,
        )  # fmt: skip
        return facts.start, layer


def _content(product: Package, kind: str, channel: str) -> tuple[bytes, str]:
    files = product.channels(kind)
    if channel not in files:
        raise DataError(
            f"{product.source}: has no {kind} of {channel} (annotation/*.xml, annotation/calibration/*.xml). "
            "Fetch the product again."
        )
    return product.content(files[channel]), f"{product.source}: {files[channel]}"
