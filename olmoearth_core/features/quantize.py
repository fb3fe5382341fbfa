"""Embeddings in few bits, and back: what a product loses by being stored small.

Eight bits of the signed square root need no table. One to eight bits by percentiles need one per dimension: a file
with the edges between codes and the value that each code stands for, measured once on embeddings of many places.
"""

# N rows, D width
from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import uuid4

import fsspec
import h5py
import numpy as np
import torch
from torch import Tensor

from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.uri import resolve

BITS = (1, 2, 4, 8)
_BLOCK = 2**22
"""Values worked on at a time."""
_MOST_BYTES = 2**28
_MOST_WIDTH = 2**16


def int8_codes(values: Tensor) -> Tensor:
    """Return round(clamp(sign(x) sqrt|x| 127.5, -127, 127)) as int8, half to even, computed in the values' own dtype.

    |x| above 0.992 saturates.
    """
    return (values.sign() * values.abs().sqrt() * 127.5).clamp(-127, 127).round().to(torch.int8)


def int8_values(codes: Tensor) -> Tensor:
    """Return sign(q) (q / 127.5)^2, float32."""
    root = codes.float() / 127.5
    return root * root.abs()


def through_int8(values: Tensor) -> Tensor:
    """Return values [..., D] as they come back from eight bits, float32, in a tensor of their own; block by block."""
    return _by_rows(values, lambda part: int8_values(int8_codes(part)))


@dataclass(frozen=True)
class Percentiles:
    """The table of one number of bits. quantiles: edges, float32 [D, 2^bits + 1]; midpoints: float32 [D, 2^bits]."""

    bits: int
    quantiles: Tensor
    midpoints: Tensor


def percentile_codes(values: Tensor, table: Percentiles) -> Tensor:
    """Return int8 [..., D]: the number of the interval, edges belonging to the one below; above 127 it wraps."""
    _check_width(values, table)
    columns = values.flatten(0, -2).float().mT.contiguous()
    found = torch.searchsorted(table.quantiles, columns) - 1
    codes = found.clamp(0, 2**table.bits - 1).to(torch.uint8).mT.contiguous()
    return codes.view(torch.int8).reshape(values.shape)


def percentile_values(codes: Tensor, table: Percentiles) -> Tensor:
    """Return the midpoints that int8 codes [..., D] stand for, float32."""
    _check_width(codes, table)
    numbers = codes.flatten(0, -2).contiguous().view(torch.uint8).long()
    return table.midpoints.mT.gather(0, numbers).reshape(codes.shape)


def through_percentiles(values: Tensor, table: Percentiles) -> Tensor:
    """Return values [..., D] as they come back from their codes, float32, in a tensor of their own; block by block.

    Raises:
        DataError: the table is for another width.
    """
    _check_width(values, table)
    return _by_rows(values, lambda part: percentile_values(percentile_codes(part, table), table))


def measure_percentiles(values: Tensor) -> dict[int, Percentiles]:
    """Return a table for every number of bits, from embeddings [..., D] of many places.

    Edges are the percentiles 0, 100/2^b, ... 100, midpoints those halfway between; a few columns are sorted at a time.

    Raises:
        DataError: there are no embeddings, or some are not finite.
    """
    rows = values.flatten(0, -2)
    if not rows.numel():
        raise DataError("There are no embeddings to measure percentiles of.")
    shares = {bits: np.linspace(0, 100, 2 ** (bits + 1) + 1) for bits in BITS}
    every = shares[max(BITS)]
    step = max(1, _BLOCK // len(rows))
    parts = [
        np.percentile(rows[:, start : start + step].float().numpy(), every, axis=0).T
        for start in range(0, rows.shape[1], step)
    ]
    found = torch.from_numpy(np.concatenate(parts).astype(np.float32))
    if not bool(found.isfinite().all()):
        raise DataError("Some embeddings are not finite, so they have no percentiles. Check the model's output.")
    tables = {}
    for bits in BITS:
        here = found[:, :: 2 ** (max(BITS) - bits)]
        tables[bits] = Percentiles(bits, here[:, ::2].contiguous(), here[:, 1::2].contiguous())
    return tables


def write_percentiles(url: str, tables: Mapping[int, Percentiles]) -> None:
    """Write tables as HDF5: groups "8bit" ... "1bit" with `quantiles` and `midpoints`, and the width as `dim`."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        for bits, table in tables.items():
            group = file.create_group(f"{bits}bit")
            group["quantiles"], group["midpoints"] = table.quantiles.numpy(), table.midpoints.numpy()
            if "dim" not in file:
                file["dim"] = len(table.quantiles)
    place = resolve(url)
    filesystem, path = fsspec.core.url_to_fs(place)
    part = f"{path}.{uuid4().hex[:8]}.part"
    filesystem.makedirs(os.path.dirname(path), exist_ok=True)
    filesystem.pipe_file(part, content.getvalue())
    filesystem.mv(part, path)


def read_percentiles(url: str, bits: int) -> Percentiles:
    """Read the table of one number of bits.

    Raises:
        ConfigError: no such number of bits.
        DataError: the file is not there, or is not what it should be.
    """
    if bits not in BITS:
        raise ConfigError(f"quantize: {bits} bits, expected one of {', '.join(map(str, BITS))}.")
    try:
        filesystem, path = fsspec.core.url_to_fs(resolve(url))
        size = filesystem.size(path) or 0
        if size > _MOST_BYTES:
            raise DataError(f"{url}: it has {size} bytes, more than a table of percentiles can ({_MOST_BYTES}).")
        content = filesystem.cat_file(path)
        with h5py.File(io.BytesIO(content), "r") as file:
            quantiles = _column(file, url, f"{bits}bit/quantiles", 2**bits + 1)
            midpoints = _column(file, url, f"{bits}bit/midpoints", 2**bits)
            width = _width(file, url)
    except FileNotFoundError as cause:
        raise DataError(f"{url}: there is no such file of percentiles.") from cause
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as cause:
        raise DataError(f"{url}: cannot be read as an HDF5 file of percentiles ({cause}).") from cause
    if len(quantiles) != len(midpoints) or width not in (None, len(quantiles)):
        raise DataError(
            f"{url}: {len(quantiles)} rows of quantiles, {len(midpoints)} of midpoints and dim = {width}, "
            f"expected one number. Make the file anew."
        )
    if (np.diff(quantiles, axis=1) < 0).any():
        raise DataError(f"{url}: quantiles of {bits} bits do not ascend. Make the file anew.")
    return Percentiles(bits, torch.from_numpy(quantiles), torch.from_numpy(midpoints))


def _column(file: h5py.File, url: str, name: str, wide: int) -> np.ndarray:
    for part in ("/".join(name.split("/")[: i + 1]) for i in range(name.count("/") + 1)):
        if not isinstance(file.get(part, getlink=True), h5py.HardLink):
            raise DataError(f"{url}: it has no {name}, so it is not a table of these bits. Make the file anew.")
    data = file[name]
    if not isinstance(data, h5py.Dataset) or data.external or data.is_virtual:
        raise DataError(f"{url}: {name} holds no numbers of its own. Make the file anew.")
    if data.dtype.kind != "f" or data.ndim != 2 or data.shape[1] != wide or not 0 < data.shape[0] <= _MOST_WIDTH:
        raise DataError(f"{url}: {name} is {data.dtype} {list(data.shape)}, expected float32 [D, {wide}].")
    values: np.ndarray = np.ascontiguousarray(data[()], dtype=np.float32)
    if not np.isfinite(values).all():
        raise DataError(f"{url}: {name} has values that are not finite. Make the file anew.")
    return values


def _width(file: h5py.File, url: str) -> int | None:
    found = file.attrs.get("dim")
    if isinstance(file.get("dim", getlink=True), h5py.HardLink):
        data = file["dim"]
        if not isinstance(data, h5py.Dataset) or data.shape != () or data.external or data.is_virtual:
            raise DataError(f"{url}: dim is not one number. Make the file anew.")
        found = data[()]
    return None if found is None else int(found)


def _check_width(values: Tensor, table: Percentiles) -> None:
    if values.shape[-1] != len(table.quantiles):
        raise DataError(
            f"The features are {values.shape[-1]} wide, but the file of percentiles is for {len(table.quantiles)}. "
            f"Use the file made for this model."
        )


def _by_rows(values: Tensor, work: Callable[[Tensor], Tensor]) -> Tensor:
    rows = values.flatten(0, -2)
    out = torch.empty(rows.shape, dtype=torch.float32)
    step = max(1, _BLOCK // max(1, rows.shape[-1]))
    for start in range(0, len(rows), step):
        out[start : start + step] = work(rows[start : start + step])
    return out.view(values.shape)
