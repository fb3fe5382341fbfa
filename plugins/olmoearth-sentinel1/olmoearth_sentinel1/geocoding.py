"""From radar geometry to a map: where on the ground a detected image lies, by the tie points of its annotation.

Tie points give latitude and longitude of some lines and pixels, at the height of the ground there. Between them a thin
plate spline is used, which meets each of them. Relief between tie points is not corrected: a mountain 1000 m above its
surroundings lies 1000 to 1700 m away from its place. Line i and pixel j are the middle of row i and column j, because
the annotation times them so.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from rasterio._err import CPLE_BaseError
from rasterio.control import GroundControlPoint
from rasterio.errors import RasterioError
from rasterio.transform import Affine, GCPTransformer
from rasterio.warp import transform as to_crs

from olmoearth_core.errors import DataError
from olmoearth_core.ingest.place import utm
from olmoearth_core.readers.layers import Grid

_EVERY = 16
"""Pixels between those that are computed; between them places are linear to a hundredth of a pixel."""
_FEWEST = 4
_MOST_TIES = 10_000


@dataclass(frozen=True, eq=False)
class Geocoding:
    """Of one image. place: for messages. ties: [N, 4] line, pixel, latitude, longitude (degrees, WGS84)."""

    place: str
    ties: np.ndarray

    def grid(self, meters: float, most: int) -> Grid:
        """Return pixels of a UTM zone that cover the image, their edges on multiples of `meters`.

        most: pixels along a side.

        Raises:
            DataError: tie points are too few, no places, or further apart than any scene.
        """
        self._require_places()
        lats, lons = self.ties[:, 2], self._unwrapped(self.ties[:, 3])
        try:
            crs = utm((float(lons.mean()) + 180) % 360 - 180, float(lats.mean()))
        except DataError as error:
            raise DataError(f"{self.place}: {error}") from error
        xs, ys = (np.asarray(axis) for axis in to_crs("EPSG:4326", crs, lons.tolist(), lats.tolist()))
        edges = np.array([xs.min(), ys.min(), xs.max(), ys.max()]) / meters
        # A thousandth of a pixel is noise of the projection.
        left, bottom, right, top = [*np.floor(edges[:2] + 1e-3), *np.ceil(edges[2:] - 1e-3)]
        if not np.isfinite(edges).all() or max(right - left, top - bottom) > most:
            raise DataError(f"{self.place}: tie points lie further apart than any scene. Fetch the product again.")
        width, height = max(1, int(right - left)), max(1, int(top - bottom))
        return Grid(crs, Affine(meters, 0, left * meters, 0, -meters, top * meters), width, height)

    def image_places(self, grid: Grid, rows: slice, cols: slice) -> tuple[np.ndarray, np.ndarray]:
        """Return lines and pixels of the image, float64 [rows, cols], at the middles of a grid's pixels."""
        down, across = _nodes(rows), _nodes(cols)
        x, y = grid.transform @ (np.tile(across + 0.5, len(down)), np.repeat(down + 0.5, len(across)))
        lons, lats = (np.asarray(axis) for axis in to_crs(grid.crs, "EPSG:4326", x.tolist(), y.tolist()))
        with self._spline() as spline:
            found = spline.rowcol(self._unwrapped(lons), lats, op=np.positive)
        lines, pixels = (_between(axis.reshape(len(down), len(across)), down, across, rows, cols) for axis in found)
        # A ten-thousandth of a pixel is a millimetre; so true middles stay middles.
        return np.round(lines, 4), np.round(pixels, 4)

    @contextmanager
    def _spline(self) -> Iterator[GCPTransformer]:
        lons = self._unwrapped(self.ties[:, 3])
        points = [
            GroundControlPoint(row=line, col=pixel, x=lon, y=lat)
            for (line, pixel, lat, _), lon in zip(self.ties, lons, strict=True)
        ]
        try:
            with GCPTransformer(points, tps=True) as spline:
                yield spline
        # GDAL's own errors come through here without rasterio's wrapping.
        except (RasterioError, CPLE_BaseError, TypeError, ValueError) as error:
            raise DataError(f"{self.place}: its tie points lie on no surface ({error}). Is it torn?") from error

    def _unwrapped(self, lons: np.ndarray) -> np.ndarray:
        """Return longitudes within half a turn of the first tie point, so that the antimeridian is no edge."""
        first = self.ties[0, 3]
        near: np.ndarray = (lons - first + 180) % 360 - 180 + first
        return near

    def _require_places(self) -> None:
        if not _FEWEST <= len(self.ties) <= _MOST_TIES:
            raise DataError(
                f"{self.place}: {len(self.ties)} tie points (geolocationGridPoint), expected some 200. Is it torn?"
            )
        if (np.abs(self.ties[:, 2:]) > (90, 180)).any():
            raise DataError(f"{self.place}: a tie point is no latitude and longitude in degrees. Is it torn?")
        if any(len(np.unique(self.ties[:, axis])) < 2 for axis in range(4)):
            raise DataError(f"{self.place}: all tie points lie on one line. Fetch the product again.")


def _nodes(span: slice) -> np.ndarray:
    """Return every 16th place of a span, and the last."""
    nodes = np.arange(span.start, span.stop, _EVERY)
    return nodes if nodes[-1] == span.stop - 1 else np.append(nodes, span.stop - 1)


def _between(
    values: np.ndarray, down: np.ndarray, across: np.ndarray, rows: slice, cols: slice
) -> np.ndarray:  # fmt: skip
    """Return values at all rows and columns of values at nodes [down, across]."""
    wanted = np.arange(cols.start, cols.stop)
    along = np.stack([np.interp(wanted, across, row) for row in values])
    place = np.interp(np.arange(rows.start, rows.stop), down, np.arange(len(down)))
    above = np.floor(place).astype(int)
    below = np.minimum(above + 1, len(down) - 1)
    share = (place - above)[:, None]
    between: np.ndarray = along[above] * (1 - share) + along[below] * share
    return between
