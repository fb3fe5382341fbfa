"""One sample of GEO-Bench v1: an HDF5 file with one 2-D array per band, and an attribute with a pickled dict.

A key is the name of a band, followed by `_<date>` where it has one. The attribute `pickle` is the *text* of a Python
bytes literal. It is read as data (`safe_pickle`), never loaded.
Layout: https://github.com/ServiceNow/geo-bench (Lacoste et al. 2023, arXiv:2306.03831).
"""

# H W pixels
from __future__ import annotations

import ast
import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import h5py
import numpy as np

from olmoearth_benchmarks.geobench_v1 import pickled_values, safe_pickle
from olmoearth_core.data.h5 import SampleFile
from olmoearth_core.errors import DataError

LABEL = "label"
SUFFIX = ".hdf5"
LARGEST_SIDE = 4096
_LITERAL = re.compile(
    r"""b(?:'(?:[ -&(-\[\]-~]|\\(?:[\\'"nrt]|x[0-9a-f]{2}))*+'|"(?:[ !#-\[\]-~]|\\(?:[\\'"nrt]|x[0-9a-f]{2}))*+")"""
)
"""Exactly what `repr` makes of bytes: no other expression reaches the literal evaluator."""
_MOST_TEXT = 4 * safe_pickle.LARGEST + 3
"""A byte takes up to four characters."""


@dataclass(frozen=True)
class Stored:
    """A sample as it is stored.

    planes: [H,W] by band name. label: a class, one 0/1 per class, or a class per pixel [H,W]. date: None = not said.
    """

    planes: Mapping[str, np.ndarray]
    label: int | list[int] | np.ndarray
    date: datetime.date | None


def read_sample(path: str, bands: Sequence[str], *, dense: bool, name: str) -> Stored:
    """Read a local file.

    bands: those that are wanted; any that the file lacks is left out. dense: the label is an array. name: for messages.

    Raises:
        DataError: the file is not what it should be; names the file.
    """
    with SampleFile(path) as file:
        keys = band_keys(file.names, bands, name)
        planes = {band: _plane(file, key, name) for band, key in keys.items()}
        if not planes:
            raise DataError(f"{name}: none of the bands {', '.join(bands)}. It holds {file.names[:20]}.")
        label = _plane(file, _label_key(file.names, name), name) if dense else None
    shapes = {plane.shape for plane in (*planes.values(), *([] if label is None else [label]))}
    if len(shapes) > 1:
        raise DataError(f"{name}: arrays of {len(shapes)} sizes {sorted(shapes)}; expected one. Get the file again.")
    facts = read_attribute(path, name)
    date = _date(facts, keys)
    return Stored(planes, _class(facts, name) if label is None else label, date)


def band_keys(keys: Sequence[str], bands: Sequence[str], name: str) -> dict[str, str]:
    """Return the key of each band, which is its name, or its name and a date.

    Raises:
        DataError: a band is there at several dates, which none of these benchmarks has.
    """
    found = {}
    for band in bands:
        mine = [key for key in keys if key == band or key.startswith(f"{band}_")]
        if len(mine) > 1:
            raise DataError(f"{name}: {len(mine)} arrays of {band}: {', '.join(mine)}; expected one date per sample.")
        if mine:
            found[band] = mine[0]
    return found


def read_attribute(path: str, name: str) -> dict[str, object]:
    """Return the dict in the attribute `pickle`, {} where there is none.

    Raises:
        DataError: it is not the text of a bytes literal, or its pickle is not an inert dict.
    """
    where = f"{name}: attribute pickle"
    try:
        with h5py.File(path, "r", locking=False) as file:
            if "pickle" not in file.attrs:
                return {}
            kind = file.attrs.get_id("pickle")
            if kind.shape not in ((), (1,)) or kind.dtype.itemsize > _MOST_TEXT or kind.dtype.kind not in "OSU":
                raise DataError(f"{where}: an array, expected one text. Get the file again.")
            value = file.attrs["pickle"]
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as cause:
        raise DataError(f"{where}: cannot be read ({type(cause).__name__}). Get the file again.") from cause
    return _dict(_text(value, where), where)


def _text(value: object, where: str) -> str:
    one = value.item() if isinstance(value, np.ndarray) and value.size == 1 else value
    text = one.decode("latin-1") if isinstance(one, bytes) else one
    if not isinstance(text, str) or len(text) > _MOST_TEXT or not _LITERAL.fullmatch(text):
        raise DataError(f"{where}: expected the text of a bytes literal (b'...') of at most {safe_pickle.LARGEST} "
                        "bytes. It is not read, because other text could be a program.")  # fmt: skip
    return text


def _dict(text: str, where: str) -> dict[str, object]:
    found = safe_pickle.read(ast.literal_eval(text), where=where)
    if not isinstance(found, dict):
        raise DataError(f"{where}: holds {type(found).__name__}, expected a dict. Get the file again.")
    return found


def _plane(file: SampleFile, key: str, name: str) -> np.ndarray:
    shape = file.shape(key)
    if len(shape) != 2 or not all(1 <= side <= LARGEST_SIDE for side in shape):
        raise DataError(f"{name}: {key} is {list(shape)}, expected rows and columns, at most {LARGEST_SIDE} each.")
    return file.whole(key)


def _label_key(keys: Sequence[str], name: str) -> str:
    mine = [key for key in keys if key.startswith(LABEL)]
    if len(mine) != 1:
        raise DataError(f"{name}: {len(mine)} arrays named {LABEL}, expected one. It holds {', '.join(keys[:20])}.")
    return mine[0]


def _class(facts: Mapping[str, object], name: str) -> int | list[int]:
    found = pickled_values.whole_numbers(facts.get(LABEL))
    if found is None:
        raise DataError(f"{name}: no label (a whole number, or a list of them) in its attribute pickle.")
    return found


def _date(facts: Mapping[str, object], keys: Mapping[str, str]) -> datetime.date | None:
    """Return the first date that the bands say, in their dict or in their keys."""
    for band, key in keys.items():
        entry = facts.get(key)
        said = pickled_values.date(entry.get("date")) if isinstance(entry, dict) else None
        said = said or pickled_values.date(key[len(band) + 1 :])
        if said is not None:
            return said
    return None
