"""Tensor files (.pt) of strangers: plain tensors, numbers and texts; never code, and read where they are used.

Format: what `torch.save` writes since 1.6, a zip of a pickle and raw storages. The pickle goes through torch's own
reader for weights, which builds tensors and containers and refuses every other name; the storages are mapped into
memory, so that a split of many gigabytes costs none.
"""

from __future__ import annotations

import pickle
import struct
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from olmoearth_core.data.cache import Cache, Throttle
from olmoearth_core.errors import DataError

_FLOATS = (torch.float16, torch.float32, torch.float64)
_WHOLE = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
_DAMAGE = (
    ArithmeticError, AssertionError, AttributeError, BufferError, EOFError, ImportError, LookupError, MemoryError,
    OSError, RuntimeError, TypeError, ValueError, struct.error,
)  # fmt: skip
"""How torch's reader fails at damaged files; none of it is documented."""
_CHUNK = 1 << 22
"""Values that are looked at together when a whole tensor is checked."""


def local_copies() -> Cache:
    """Return what fetches remote files; local ones are read in place."""
    return Cache(None, Throttle(None))


def load(url: str, cache: Cache) -> Any:
    """Return what a tensor file holds; its tensors are mapped, not read.

    Raises:
        DataError: it is not there, damaged, or names anything but tensors and plain containers.
    """
    try:
        with warnings.catch_warnings():
            # Of an odd protocol: if it cannot be read, the error says so.
            warnings.simplefilter("ignore", UserWarning)
            return torch.load(cache.local(url), map_location="cpu", weights_only=True, mmap=True)
    except FileNotFoundError as cause:
        raise DataError(f"{url}: there is no such file. `olmoearth benchmarks list` says how to get it.") from cause
    except pickle.UnpicklingError as cause:
        raise DataError(
            f"{url}: holds something else than tensors, numbers and texts, so it was not read, and nothing in it was "
            f"run ({_short(cause)}). Get the file again from its publisher."
        ) from cause
    except _DAMAGE as cause:
        raise DataError(f"{url}: is not a whole tensor file ({_short(cause)}). Get it again.") from cause


def table(value: Any, where: str, keys: tuple[str, ...]) -> Mapping[str, Any]:
    """Return a value that is a table with these keys.

    Raises:
        DataError: it is none, or a key lacks.
    """
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise DataError(f"{where}: holds {type(value).__name__}, expected a table with {', '.join(keys)}.")
    lacking = [key for key in keys if key not in value]
    if lacking:
        raise DataError(
            f"{where}: has no {lacking[0]!r}, only {', '.join(map(repr, value))[:120]}. Is it another file?"
        )
    return value


def tensor(value: Any, where: str, shape: tuple[int | None, ...], *, whole: bool = False) -> Tensor:
    """Return a value that is a plain tensor of numbers of this shape; None = any size.

    whole: it must be of a type for whole numbers.

    Raises:
        DataError: it is anything else, or claims more values than its file holds.
    """
    if type(value) is not Tensor or value.layout != torch.strided or value.device.type != "cpu" or value.is_quantized:
        raise DataError(f"{where}: found {_kind(value)}, expected a plain tensor. Get the file again.")
    kinds = _WHOLE if whole else (*_WHOLE, *_FLOATS)
    if value.dtype not in kinds:
        raise DataError(f"{where}: holds {value.dtype}, expected {'whole ' if whole else ''}numbers.")
    fits = len(value.shape) == len(shape) and all(n in (None, m) for n, m in zip(shape, value.shape, strict=True))
    if not fits:
        expected = ", ".join("N" if n is None else str(n) for n in shape)
        raise DataError(f"{where}: has shape {list(value.shape)}, expected [{expected}].")
    # A stride of 0 makes a small file look endless.
    if value.numel() * value.element_size() > value.untyped_storage().nbytes():
        raise DataError(f"{where}: claims {value.numel()} values, more than the file holds. Get it again.")
    return value


def check_labels(labels: Tensor, where: str, num_classes: int) -> None:
    """Refuse labels that are not whole numbers from -1 to `num_classes` - 1; bounded memory.

    Raises:
        DataError: says which number was found.
    """
    step = max(1, _CHUNK // max(1, labels[:1].numel()))
    for first in range(0, len(labels), step):
        check_label_values(labels[first : first + step].numpy(), where, num_classes)


def check_label_values(labels: np.ndarray, where: str, num_classes: int) -> None:
    """Refuse an array of labels that are not whole numbers from -1 to `num_classes` - 1."""
    if labels.size == 0:
        return
    low, high = labels.min(), labels.max()
    # Written so that NaN is refused as well.
    if not (low >= -1 and high < num_classes):
        raise DataError(f"{where}: labels from {low} to {high}, expected -1 (ignore) to {num_classes - 1}.")
    if labels.dtype.kind == "f" and (labels != np.floor(labels)).any():
        raise DataError(f"{where}: labels with fractions, expected whole numbers from -1 to {num_classes - 1}.")


def _kind(value: Any) -> str:
    return f"a {value.layout} tensor on {value.device}" if isinstance(value, Tensor) else f"a {type(value).__name__}"


def _short(cause: Exception) -> str:
    return " ".join(str(cause).split())[:160] or type(cause).__name__
