"""Small data sets of sample files for tests: random values of any modalities, with gaps, written by the real writer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from olmoearth_core.convert.dataset_writer import DatasetWriter, Record
from olmoearth_core.interfaces.modality import ModalitySpec


def write_set(
    root: Path,
    specs: Sequence[ModalitySpec],
    count: int,
    *,
    side: int = 32,
    steps: int = 3,
    seed: int = 0,
    start: tuple[int, int] = (2020, 0),
    gaps: bool = False,
) -> Path:
    """Write `count` samples of side x side grid pixels (a divisor of 256) and return the numbered folder.

    start: year and month 0-11 of the first of `steps` months. gaps: sample 1, 3, … lack the last modality, and every
    space-time modality lacks its second month. Sample i lies at latitude 10 + i, longitude 20 + i; four samples share
    no place. Values are whole numbers from 1 to 199.
    """
    writer = DatasetWriter(root, specs, tile_size=side, about={"source": "test", "seed": seed})
    writer.open()
    records = [_sample(writer, i, side, _months(steps, start), seed, gaps) for i in range(count)]
    return Path(writer.finish(records))


def _sample(writer: DatasetWriter, i: int, side: int, months: np.ndarray, seed: int, gaps: bool) -> Record:
    kept = writer.specs[:-1] if gaps and i % 2 and len(writer.specs) > 1 else writer.specs
    there = np.ones(len(months), dtype=bool)
    there[1:2] = not gaps
    rng = np.random.default_rng([seed, i])
    arrays, masks = {}, {}
    for spec in kept:
        shape = spec.array_shape(side, side, int(there.sum()) if spec.kind == "space_time" else len(months))
        kind = "float32" if spec.storage == "power_to_db" else spec.dtype or "float32"
        arrays[spec.name] = rng.integers(1, 200, shape).astype(kind)
        if spec.kind == "space_time":
            masks[spec.name] = there
    latlon = np.array([10 + i, 20 + i], dtype=np.float32)
    return writer.add(f"{i:03}", arrays, months, latlon, masks, source=f"made up {i}")


def _months(steps: int, start: tuple[int, int]) -> np.ndarray:
    first = start[0] * 12 + start[1]
    return np.array([[1, (first + k) % 12, (first + k) // 12] for k in range(steps)], dtype=np.int32)
