"""Labelled pixels with a year of monthly observations: what a model knows of a place from its seasons alone.

The layout is that of the exports of CropHarvest and Presto (nasaharvest): plain arrays, one row per pixel, of twelve
months and eighteen channels. Backscatter is in dB, reflectance in counts (x 10000), elevation in metres.
"""

# N pixels, T months, C channels
from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import fsspec
import numpy as np

from olmoearth_benchmarks.pixels.series import CHANNELS, INPUTS, pixel_sample
from olmoearth_benchmarks.place import folder
from olmoearth_core.data.npy import read_npy
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.evaluate.lazy import Lazy
from olmoearth_core.evaluate.splits import block_split
from olmoearth_core.interfaces.evaluation import About, Benchmark, Context, LabelledSample, Opened, TaskType

if TYPE_CHECKING:
    from olmoearth_core.interfaces.modality import ModalitySpec

VARIABLE = "PIXEL_SERIES_DIR"
_FILES = {"values": "s1_s2_era5_srtm.npy", "label": "target.npy", "test": "is_test.npy", "place": "latlon.npy",
          "month": "month.npy"}  # fmt: skip
_YEAR = 2020


def pixel_series(
    *,
    root: str | None = None,
    input_modalities: list[str] | None = None,
    valid_fraction: float = 0.2,
    block_degrees: float = 1.0,
    seed: int = 0,
    patch_size: int = 1,
) -> Benchmark:
    """Tell the class of a pixel from twelve monthly observations of it.

    root: folder of the five arrays; null = the environment variable PIXEL_SERIES_DIR. input_modalities: of
    sentinel2_l2a, sentinel1 and srtm; null = all that the model knows. valid_fraction: share of what is not test,
    taken in whole squares of `block_degrees` drawn with `seed`. patch_size: 1, as there is one pixel.
    """
    unknown = [name for name in input_modalities or () if name not in INPUTS]
    if unknown:
        raise ConfigError(f"pixel_series: there is no {', '.join(unknown)}; there are {', '.join(INPUTS)}.")
    if not 0 < valid_fraction < 1 or block_degrees <= 0 or patch_size != 1:
        raise ConfigError(
            f"pixel_series: valid_fraction must lie between 0 and 1, block_degrees above 0 and patch_size be 1; got "
            f"{valid_fraction}, {block_degrees} and {patch_size}."
        )
    return _PixelSeries(root, tuple(input_modalities or INPUTS), valid_fraction, block_degrees, seed)


@dataclass(frozen=True)
class _PixelSeries:
    root: str | None
    inputs: Sequence[str]
    valid_fraction: float
    block_degrees: float
    seed: int
    name: str = "pixel_series"
    task_type: TaskType = "classification"
    primary_metric: str = "macro_f1"
    patch_size: int = 1
    about: About = About(  # noqa: RUF009 - frozen
        title="Labelled pixel time series (CropHarvest and Presto layout)",
        licence="that of the data; CropHarvest is CC-BY-SA 4.0",
        citation="Tseng et al. 2021, CropHarvest, NeurIPS Datasets and Benchmarks; Tseng et al. 2023, arXiv:2304.14065",
        homepage="https://github.com/nasaharvest/presto",
        variable=VARIABLE,
        layout="s1_s2_era5_srtm.npy [N,12,18], target.npy [N], is_test.npy [N], latlon.npy [N,2], month.npy [N,12]",
    )

    def open(self, specs: Sequence[ModalitySpec], *, context: Context) -> Opened:
        """Read the arrays, which are small, and cut what is not test into squares."""
        place = folder(self.root, VARIABLE, self.name)
        arrays = {key: _read(f"{place}/{name}") for key, name in _FILES.items()}
        _check(arrays, place)
        kept = [spec for spec in specs if spec.name in self.inputs]
        if not kept:
            raise DataError(f"pixel_series has {', '.join(self.inputs)}, but the model knows none of them.")
        codes = np.unique(arrays["label"])
        table = _Table(kept, arrays, np.searchsorted(codes, arrays["label"]), self._blocks(arrays["place"]))
        rest, test = np.flatnonzero(arrays["test"] == 0), np.flatnonzero(arrays["test"] != 0)
        blocks = [table.blocks[int(i)] for i in rest]
        train, valid = block_split(blocks, test_fraction=self.valid_fraction, seed=self.seed)
        splits = {"train": rest[train], "valid": rest[valid], "test": test}
        return Opened(
            {name: Lazy(table.sample, rows) for name, rows in splits.items()},
            tuple(f"class {code}" for code in codes),
            source=f"{len(codes)} classes, validation in squares of {self.block_degrees:g} degrees",
        )

    def _blocks(self, latlon: np.ndarray) -> list[str]:
        return [f"{row:.0f}/{column:.0f}" for row, column in np.floor(latlon / self.block_degrees)]


@dataclass(frozen=True)
class _Table:
    """All pixels. label: numbered from 0."""

    specs: Sequence[ModalitySpec]
    arrays: Mapping[str, np.ndarray]
    label: np.ndarray
    blocks: Sequence[str]

    def sample(self, row: int) -> LabelledSample:
        """Make the sample of one pixel."""
        values, months = self.arrays["values"][row], self.arrays["month"][row]
        # The year is not recorded; it goes up where the months begin again.
        years = _YEAR + np.concatenate([[0], np.cumsum(np.diff(months) < 0)])
        stamps = np.stack([np.ones_like(months), months, years], axis=1)
        sample = pixel_sample(values, CHANNELS, INPUTS, self.specs, stamps, self.arrays["place"][row], index=row)
        return LabelledSample(sample, np.asarray(self.label[row], np.int64), self.blocks[row], f"pixel {row}")


def _read(url: str) -> np.ndarray:
    try:
        with fsspec.open(url, "rb") as stream:
            return read_npy(io.BytesIO(stream.read()))
    except FileNotFoundError as cause:
        raise DataError(f"{url}: there is no such file. The folder holds {', '.join(_FILES.values())}.") from cause
    except (OSError, ValueError) as cause:
        raise DataError(f"{url}: cannot be read as an array of numbers ({cause}). Get the file again.") from cause


def _check(arrays: Mapping[str, np.ndarray], place: str) -> None:
    """Compare shapes and months with the layout.

    Raises:
        DataError: they differ.
    """
    count = len(arrays["label"])
    wanted = {"values": (count, 12, len(CHANNELS)), "label": (count,), "test": (count,), "place": (count, 2),
              "month": (count, 12)}  # fmt: skip
    for key, shape in wanted.items():
        if arrays[key].shape != shape:
            raise DataError(f"{place}/{_FILES[key]}: found shape {arrays[key].shape}, expected {shape}.")
    month = arrays["month"]
    if month.dtype.kind not in "iu" or (month.size and (month.min() < 0 or month.max() > 11)):
        raise DataError(f"{place}/{_FILES['month']}: months run from 0 to 11, found {month.min()} to {month.max()}.")
