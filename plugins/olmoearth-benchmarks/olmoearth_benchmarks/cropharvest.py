"""CropHarvest: is a point cropland, told from twelve months of observations of it.

Layout of the release (Zenodo 7257688): `labels.geojson`, one point per label, `features/arrays/<index>_<dataset>.h5`
with an array [12,18] each, and `test_features/togo-eval*.h5` with x [N,12,18], y [N] (-1 = not known), lats and lons.
Reflectance is that at the top of the atmosphere x 10000, backscatter in dB.
"""

# N points, T months, C channels
from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import fsspec
import numpy as np

from olmoearth_benchmarks.dense.images import inputs
from olmoearth_benchmarks.pixels.hdf5_file import HeldFile
from olmoearth_benchmarks.pixels.series import CHANNELS, INPUTS, pixel_sample
from olmoearth_benchmarks.place import folder
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.evaluate.lazy import Lazy
from olmoearth_core.evaluate.splits import block_split
from olmoearth_core.interfaces.evaluation import (
    About,
    Benchmark,
    Context,
    Download,
    LabelledSample,
    Opened,
    TaskType,
)

if TYPE_CHECKING:
    from olmoearth_core.interfaces.modality import ModalitySpec

RECORD = "https://zenodo.org/records/7257688"
BOXES = {"togo": (-0.05, 5.92, 1.87, 11.02), "prc": (73.67, 18.19, 135.03, 53.46)}
"""West, south, east, north of the country."""
SHOWN = ("sentinel2_l2a", "sentinel1")
MONTHS = 12
_MOST_BYTES = 2**29


def cropharvest(
    *,
    root: str | None = None,
    task: str = "togo",
    input_modalities: list[str] | None = None,
    valid_fraction: float = 0.2,
    test_fraction: float = 0.2,
    block_degrees: float = 0.5,
    seed: int = 0,
    patch_size: int = 1,
) -> Benchmark:
    """Tell cropland from other land, point by point, in Togo or China.

    root: folder of the unpacked release; null = the environment variable CROPHARVEST_DIR. task: "togo", tested on the
    published points, or "prc", for which no test points are published. input_modalities: sentinel2_l2a, sentinel1,
    srtm; null = those of the first two that the model knows. valid_fraction: share of the training points for
    validation, in whole squares of `block_degrees` drawn with `seed`; test_fraction: the same for the test points of
    prc. patch_size: 1, as there is one pixel.
    """
    if task not in BOXES:
        raise ConfigError(f'cropharvest: task is "{task}", expected one of {", ".join(BOXES)}.')
    if not (0 < valid_fraction < 1 and 0 < test_fraction < 1 and block_degrees > 0) or patch_size != 1:
        raise ConfigError(
            f"cropharvest: valid_fraction and test_fraction must lie between 0 and 1, block_degrees above 0 and "
            f"patch_size be 1; got {valid_fraction}, {test_fraction}, {block_degrees} and {patch_size}."
        )
    wanted = None if input_modalities is None else tuple(input_modalities)
    return _CropHarvest(root, task, wanted, valid_fraction, test_fraction, block_degrees, seed, f"cropharvest_{task}")


@dataclass(frozen=True)
class Point:
    """A labelled point. file: of its array, for messages too; row: of the arrays in a file of many, else -1."""

    file: str
    row: int
    crop: int
    lat: float
    lon: float
    end: datetime.date


@dataclass(frozen=True)
class _CropHarvest:
    root: str | None
    task: str
    input_modalities: tuple[str, ...] | None
    valid_fraction: float
    test_fraction: float
    block_degrees: float
    seed: int
    name: str
    task_type: TaskType = "classification"
    primary_metric: str = "accuracy"
    patch_size: int = 1
    about: About = About(  # noqa: RUF009 - frozen
        title="CropHarvest: cropland or not, points",
        licence="CC-BY-SA-4.0",
        citation="Tseng et al. 2021, CropHarvest: a global dataset for crop-type classification, NeurIPS Datasets and "
        "Benchmarks, doi:10.5281/zenodo.7257688",
        homepage=RECORD,
        variable="CROPHARVEST_DIR",
        downloads=tuple(
            Download(f"{RECORD}/files/{name}") for name in ("labels.geojson", "features.tar.gz", "test_features.tar.gz")
        ),
        layout="labels.geojson, features/arrays/*.h5 and test_features/*.h5, the archives unpacked",
    )

    def open(self, specs: Sequence[ModalitySpec], *, context: Context) -> Opened:
        """List the points of the country that have an array; see `Benchmark.open`."""
        place = folder(self.root, self.about.variable, self.name).rstrip("/")
        offered = SHOWN if self.input_modalities is None else tuple(INPUTS)
        shown = inputs(self.name, specs, offered, self.input_modalities)
        labels = _labels(f"{place}/labels.geojson")
        points = list(self._points(labels, place))
        if not points:
            raise DataError(f"{place}: has no array of a label in {self.task}. Unpack features.tar.gz here.")
        if self.task == "togo":
            test: Sequence[Point] = list(_togo_test(place, labels))
        else:
            points, test = self._cut(points, self.test_fraction)
        train, valid = self._cut(points, self.valid_fraction)
        splits = {"train": train, "valid": valid, "test": test}
        lazy = {
            split: Lazy(_Points(tuple(rows), tuple(shown), self.block_degrees, {}).read, np.arange(len(rows)))
            for split, rows in splits.items()
        }
        return Opened(lazy, ("other", "crop"), source=f"CropHarvest, Zenodo 7257688, seed {self.seed}")

    def _points(self, labels: Sequence[Mapping[str, Any]], place: str) -> Iterator[Point]:
        west, south, east, north = BOXES[self.task]
        there = _names(f"{place}/features/arrays")
        for facts in labels:
            name = f"{facts['index']}_{facts['dataset']}.h5"
            if (not facts["is_test"] and name in there and west <= facts["lon"] <= east
                    and south <= facts["lat"] <= north):  # fmt: skip
                file = f"{place}/features/arrays/{name}"
                yield Point(file, -1, int(facts["is_crop"]), facts["lat"], facts["lon"], facts["end"])

    def _cut(self, points: Sequence[Point], share: float) -> tuple[list[Point], list[Point]]:
        first, second = block_split(
            [_block(point, self.block_degrees) for point in points], test_fraction=share, seed=self.seed
        )
        return [points[i] for i in first], [points[i] for i in second]


@dataclass(frozen=True)
class _Points:
    """Points of a split. arrays: of files of many points, once they are read."""

    points: tuple[Point, ...]
    specs: tuple[ModalitySpec, ...]
    block_degrees: float
    arrays: dict[str, np.ndarray]

    def read(self, row: int) -> LabelledSample:
        """Read one point."""
        point = self.points[row]
        values = HeldFile(point.file).read("array") if point.row < 0 else self._many(point.file)[point.row]
        if values.shape != (MONTHS, len(CHANNELS)):
            raise DataError(f"{point.file}: has shape {list(values.shape)}, expected [{MONTHS}, {len(CHANNELS)}].")
        stamps = months_before(point.end)
        place = np.array([point.lat, point.lon])
        sample = pixel_sample(values, CHANNELS, INPUTS, self.specs, stamps, place, index=row)
        name = f"{point.file.rpartition('/')[2]}{'' if point.row < 0 else f' row {point.row}'}"
        return LabelledSample(sample, np.asarray(point.crop, np.int64), _block(point, self.block_degrees), name)

    def _many(self, file: str) -> np.ndarray:
        if file not in self.arrays:
            self.arrays[file] = HeldFile(file).read("x")
        return self.arrays[file]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "arrays": {}}


def months_before(end: datetime.date) -> np.ndarray:
    """Return timestamps [12,3] of the months before a date, the first of which is a year earlier."""
    last = 12 * end.year + end.month - 1
    month = np.arange(last - MONTHS, last)
    return np.stack([np.ones_like(month), month % 12, month // 12], axis=1)


def _block(point: Point, degrees: float) -> str:
    return f"{point.lat // degrees:.0f}/{point.lon // degrees:.0f}"


def _labels(url: str) -> list[dict[str, Any]]:
    """Return index, dataset, is_crop, is_test, lat, lon and the end of the observations of every label."""
    try:
        with fsspec.open(url, "rb") as stream:
            found = json.loads(stream.read(_MOST_BYTES))["features"]
        return [_facts(feature["properties"]) for feature in found]
    except FileNotFoundError as cause:
        raise DataError(f"{url}: there is no such file. CROPHARVEST_DIR is the folder of the release.") from cause
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as cause:
        raise DataError(
            f"{url}: is not the list of labels of CropHarvest ({type(cause).__name__}: {str(cause)[:80]}). Get it "
            f"again."
        ) from cause


def _facts(properties: Mapping[str, Any]) -> dict[str, Any]:
    end = datetime.date.fromisoformat(str(properties["export_end_date"])[:10])
    if not datetime.date(2010, 1, 1) <= end <= datetime.date(2100, 1, 1):
        raise ValueError(f"export_end_date {end}")
    return {
        "index": int(properties["index"]),
        # A name with a slash would lead out of the folder; it is in no listing, so it is never opened.
        "dataset": str(properties["dataset"]),
        "is_crop": bool(properties["is_crop"]),
        "is_test": bool(properties["is_test"]),
        "lat": float(properties["lat"]),
        "lon": float(properties["lon"]),
        "end": end,
    }


def _names(url: str) -> set[str]:
    try:
        filesystem, path = fsspec.core.url_to_fs(url)
        return {str(name).rpartition("/")[2] for name in filesystem.ls(path, detail=False)}
    except OSError as cause:
        raise DataError(f"{url}: cannot be listed ({cause}). Unpack the archives of {RECORD} side by side.") from cause


def _togo_test(place: str, labels: Sequence[Mapping[str, Any]]) -> Iterator[Point]:
    """Return the published test points; their months are those of the labels they were made of."""
    inside = f"{place}/test_features"
    names = sorted(name for name in _names(inside) if name.startswith("togo-eval") and name.endswith(".h5"))
    ends = sorted({facts["end"] for facts in labels if facts["dataset"] == "togo-eval"})
    if not names or not ends:
        what = "togo-eval*.h5" if not names else "label of togo-eval in labels.geojson"
        raise DataError(f"{inside}: there is no {what}. Unpack test_features.tar.gz here.")
    for name in names:
        file = HeldFile(f"{inside}/{name}")
        truth, lats, lons = (file.read(key) for key in ("y", "lats", "lons"))
        if truth.ndim != 1 or truth.shape != lats.shape or truth.shape != lons.shape:
            raise DataError(f"{inside}/{name}: y, lats and lons have shapes {truth.shape}, {lats.shape}, {lons.shape}.")
        if not np.isin(truth, (-1, 0, 1)).all():
            raise DataError(f"{inside}/{name}: y holds other values than -1, 0 and 1. Get the file again.")
        for row in np.flatnonzero(truth >= 0):
            crop, lat, lon = int(truth[row]), float(lats[row]), float(lons[row])
            yield Point(f"{inside}/{name}", int(row), crop, lat, lon, ends[-1])
