"""Where QA_PIXEL says that the ground is seen.

QA_PIXEL (16 bits, 30 m) of Collection 2: bit 0 fill, 1 dilated cloud, 2 cirrus of high confidence, 3 cloud, 4 cloud
shadow, 5 snow, 6 clear (neither cloud nor dilated cloud), 7 water, and above that pairs of bits of confidence, of which
bits 2 to 5 are the summary. Bit 6 is left alone: it knows nothing of shadow and cirrus. By default snow is clear,
because it is ground in winter. Both levels have the same file.
Source: Landsat 8-9 Collection 2 Level-2 Science Product Guide (LSDS-1619), "Pixel Quality Assessment band".
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from datetime import datetime

import numpy as np
import xarray

from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.readers.layers import FileLayer, Layer, opened
from olmoearth_core.readers.scene import clear_sky
from olmoearth_landsat.panchromatic import onto

FLAGS = {"fill": 0, "dilated_cloud": 1, "cirrus": 2, "cloud": 3, "cloud_shadow": 4, "snow": 5, "water": 7}
"""Name -> bit."""
NOT_CLEAR = ("fill", "dilated_cloud", "cirrus", "cloud", "cloud_shadow")


def require_flags(not_clear: Iterable[str]) -> tuple[str, ...]:
    """Return names of flags in the order of bits, each once; fill is always one of them.

    Raises:
        ConfigError: one is no flag.
    """
    found = [not_clear] if isinstance(not_clear, str) else list(not_clear)
    if strange := [name for name in found if name not in FLAGS]:
        raise ConfigError(f"not_clear: {strange[0]!r} is no flag of QA_PIXEL, expected some of {', '.join(FLAGS)}.")
    return tuple(name for name in FLAGS if name in found or name == "fill")


def seen(values: np.ndarray, bits: int) -> np.ndarray:
    """Return float32 1 where none of some bits is set, else 0. values: QA_PIXEL, NaN where none."""
    there = np.isfinite(values)
    flags = np.where(there, values, 1).astype(np.int64)
    return np.asarray(there & (flags & bits == 0), dtype=np.float32)


def require_bits(path: str) -> None:
    """Refuse a file that cannot be QA_PIXEL.

    Raises:
        DataError: it is torn, or does not hold 16 bits.
    """
    with opened(path) as raster:
        count, dtype = raster.count, raster.dtypes[0]
    if (count, dtype) != (1, "uint16"):
        raise DataError(
            f"{path}: {count} bands of {dtype}, expected one of uint16 (QA_PIXEL of Collection 2). Fetch it again."
        )


def quality_layer(path: str, not_clear: tuple[str, ...], band: int = 1) -> FileLayer:
    """Return where a QA_PIXEL band says that the ground is seen: 1, else 0."""
    bits = sum(1 << FLAGS[name] for name in not_clear)
    return FileLayer(path, band, convert=functools.partial(seen, bits=bits))


def mask_of(masks: dict[datetime, Layer], finest: Layer, not_clear: tuple[str, ...]) -> xarray.DataArray:
    """Return what `Reader.clear` promises, on the grid of a band. attrs: `not_clear`, the flags that hide the ground.

    Raises:
        DataError: mask and band are not of one scene.
    """
    grid = finest.grid()
    array = clear_sky({time: onto(mask, finest, grid) for time, mask in masks.items()})
    array.attrs["not_clear"] = ", ".join(not_clear)
    return array
