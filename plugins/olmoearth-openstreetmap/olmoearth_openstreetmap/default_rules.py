"""How features are drawn as things with a size: widths in metres, and every pixel that is touched.

Order does not matter: each category has a channel of its own, and a pixel is 1 where any feature of it lies. Inner
rings stay open. Pixels are cut by floor, so nothing from outside the tile enters it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from rasterio.errors import RasterioError
from rasterio.features import rasterize
from rasterio.transform import Affine

from olmoearth_core.errors import DataError
from olmoearth_openstreetmap.widths import POINT, width

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

    from olmoearth_openstreetmap.feature import Feature


def draw_default(mask: np.ndarray, features: Sequence[Feature], corner: tuple[int, int], pixel: float) -> None:
    """Draw features of one category, in metres, onto a mask uint8 [rows, cols]; corner and pixel as for the reference.

    Raises:
        DataError: a shape cannot be drawn; names its category and origin.
    """
    from shapely import box

    left, top = corner[0] * pixel, -corner[1] * pixel
    frame = box(left, top - mask.shape[0] * pixel, left + mask.shape[1] * pixel, top)
    transform = Affine(pixel, 0, left, 0, -pixel, top)
    drawn = [shape for feature in features for shape in _sized(feature) if shape.intersects(frame)]
    if not drawn:
        return
    try:
        burnt = rasterize(drawn, out_shape=mask.shape, transform=transform, all_touched=True, dtype="uint8")
    except (RasterioError, ValueError) as error:
        raise DataError(
            f"features of {features[0].category}: cannot be drawn ({error}). Repair their shapes."
        ) from error
    np.maximum(mask, burnt, out=mask)


def _sized(feature: Feature) -> list[BaseGeometry]:
    return [shape for part in _parts(feature.shape) for shape in [_wide(part, feature)] if not shape.is_empty]


def _parts(shape: BaseGeometry) -> list[BaseGeometry]:
    return [p for part in shape.geoms for p in _parts(part)] if hasattr(shape, "geoms") else [shape]


def _wide(shape: BaseGeometry, feature: Feature) -> BaseGeometry:
    if shape.geom_type == "Point":
        # all_touched adds up to a pixel around; what is inside this square is what the table says.
        return shape.buffer(POINT / 2, cap_style="square")
    if shape.geom_type in ("LineString", "LinearRing"):
        return shape.buffer(width(feature.category, feature.tags) / 2, cap_style="flat")
    return shape
