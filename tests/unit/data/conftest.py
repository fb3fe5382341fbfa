"""Tiny H5 data sets in the documented layout, written with plain h5py."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

import h5py
import hdf5plugin
import numpy as np
import pytest

from olmoearth_core import lookup
from olmoearth_core.testing.install import install

__all__ = ["install"]

Arrays = Mapping[str, np.ndarray]
DTYPES = {"sentinel1": np.float32, "era5_10": np.float32, "srtm": np.int16, "worldcover": np.uint8}


def months(count: int) -> np.ndarray:
    """Return timestamps of `count` months from January 2020 on."""
    return np.array([[1, k % 12, 2020 + k // 12] for k in range(count)], dtype=np.int32)


def values(name: str, size: int, steps: int, seed: int = 0) -> np.ndarray:
    """Return random stored values of a modality, in its usual dtype."""
    (spec,) = lookup.modalities([name])
    drawn = np.random.default_rng([seed, *name.encode()]).integers(1, 200, spec.array_shape(size, size, steps))
    return drawn.astype(DTYPES.get(name, np.uint16))


def write_sample(
    path: Path, arrays: Arrays, timestamps: np.ndarray, masks: Mapping[str, Sequence[bool]] | None, latlon=(45.0, -90.0)
) -> None:
    """Write one file as the reference's converter does: one zstd chunk per array, plain masks."""
    with h5py.File(path, "w") as file:
        everything = {"latlon": np.array(latlon, np.float32), "timestamps": timestamps, **arrays}
        for name, array in everything.items():
            file.create_dataset(name, data=array, chunks=array.shape, **hdf5plugin.Zstd(clevel=3))
        for name, mask in (masks or {}).items():
            file.create_dataset(f"missing_timesteps_masks/{name}", data=np.array(mask, bool))


def write_set(
    root: Path, samples: Sequence[Callable[[Path], Sequence[str]]], size: int, columns: Sequence[str]
) -> Path:
    """Write a data set of samples that each return the modalities they hold; return its numbered folder."""
    name = f"h5py_data_w_missing_timesteps_zstd_3_{size}_x_{(256 // size) ** 2}"
    folder = root / name / "_".join(sorted(columns)) / str(len(samples))
    folder.mkdir(parents=True)
    rows = [sample(folder / f"sample_{i}.h5") for i, sample in enumerate(samples)]
    table = [",".join([str(i), *(str(int(c in row)) for c in columns)]) for i, row in enumerate(rows)]
    (folder / "sample_metadata.csv").write_text("\n".join([",".join(["sample_index", *columns]), *table]) + "\n")
    np.save(folder / "latlon_distribution.npy", np.array([[45.0 + i, -90.0 + i] for i in range(len(samples))]))
    (folder / "compression_settings.json").write_text(json.dumps({"compression": "zstd"}))
    return folder


@pytest.fixture(scope="session")
def writing() -> SimpleNamespace:
    """Return the functions above, for fixtures that live longer than one test."""
    return SimpleNamespace(months=months, values=values, write_sample=write_sample, write_set=write_set)


@pytest.fixture
def make_set(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a data set of `count` complete samples and returns its numbered folder."""

    def make(
        count: int = 1,
        *,
        modalities: Sequence[str] = ("sentinel2_l2a",),
        size: int = 16,
        steps: int = 12,
        root: str = "d",
    ) -> Path:
        specs = lookup.modalities(modalities)

        def sample(number: int) -> Callable[[Path], Sequence[str]]:
            def write(path: Path) -> Sequence[str]:
                arrays = {s.name: values(s.name, size, steps, number) for s in specs}
                masks = {s.name: [True] * steps for s in specs if s.kind == "space_time"}
                write_sample(path, arrays, months(steps), masks)
                return [s.name for s in specs]

            return write

        return write_set(tmp_path / root, [sample(i) for i in range(count)], size, [s.name for s in specs])

    return make


@pytest.fixture
def make_one(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a data set of one sample with given arrays and masks."""

    def make(arrays: Arrays, masks: Mapping[str, Sequence[bool]] | None, *, steps: int, size: int = 8) -> Path:
        def write(path: Path) -> Sequence[str]:
            write_sample(path, arrays, months(steps), masks)
            return list(arrays)

        return write_set(tmp_path / "one", [write], size, list(arrays))

    return make
