"""How an .npy file of a stranger is read: numbers only, never pickled objects, and no more than can be held."""

from __future__ import annotations

import warnings
from typing import IO

import numpy as np
from numpy.lib import format as npy

MOST_BYTES = 2**31


def read_npy(stream: IO[bytes]) -> np.ndarray:
    """Return the array of numbers that a stream holds.

    Raises:
        ValueError: it holds something else, is cut short, or declares more than MOST_BYTES.
    """
    try:
        with warnings.catch_warnings():
            # Headers as Python 2 wrote them are read too.
            warnings.simplefilter("ignore", UserWarning)
            old = npy.read_magic(stream) == (1, 0)
            header = (npy.read_array_header_1_0 if old else npy.read_array_header_2_0)(stream)
    # A header is a Python expression, and each way in which it can be wrong has an error of its own.
    except Exception as error:
        raise ValueError(f"no header of an .npy file ({' '.join(str(error).split())[:100]})") from error
    shape, columns_first, dtype = header
    if dtype.kind not in "biuf":
        raise ValueError(f"it holds {dtype}, expected numbers")
    size = dtype.itemsize
    for side in shape:
        size *= max(0, int(side))
    if size > MOST_BYTES or any(side < 0 for side in shape):
        raise ValueError(f"it declares {list(shape)} {dtype}, more than {MOST_BYTES >> 30} GB")
    content = stream.read(size)
    if len(content) < size:
        raise ValueError(f"it has {len(content)} of {size} bytes")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if columns_first else "C").copy()
