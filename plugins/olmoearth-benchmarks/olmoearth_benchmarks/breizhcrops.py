"""BreizhCrops: what grows on a field of Brittany, from a year of Level-1C reflectance, averaged by month.

Layout, as the package `breizhcrops` downloads it: `classmapping.csv`, and per region `2017/L1C/<region>.csv`, one row
per field, and `2017/L1C/<region>.h5`, one array [observations, 17] per field under the path of its row.
"""

# T months, C columns
from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import fsspec
import numpy as np

from olmoearth_benchmarks.dense.images import measured_statistics
from olmoearth_benchmarks.pixels.hdf5_file import HeldFile
from olmoearth_benchmarks.pixels.series import pixel_sample
from olmoearth_benchmarks.place import folder
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.evaluate.lazy import Lazy
from olmoearth_core.evaluate.profile import REFERENCE
from olmoearth_core.interfaces.evaluation import About, Benchmark, Context, LabelledSample, Opened, TaskType

if TYPE_CHECKING:
    from olmoearth_core.interfaces.modality import ModalitySpec

BANDS = ("B1", "B10", "B11", "B12", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9")
COLUMNS = (*BANDS, "QA10", "QA20", "QA60", "doa")
"""In the order of the arrays, which is that of the alphabet. doa: nanoseconds since 1970."""
NAMES = tuple(f"B{int(band[1:]):02d}" if band[1:].isdigit() else band for band in BANDS)
REGIONS: Mapping[str, tuple[str, ...]] = {"train": ("frh01", "frh02"), "valid": ("frh03",), "test": ("frh04",)}
YEAR = 2017
_MEAN = (
    3254.1433, 288.4604, 2729.1228, 1857.3398, 2999.3413, 2742.9236, 2749.7593, 2992.1721, 3702.4248, 4056.3201,
    3914.2307, 4290.2134, 1697.6628,
)  # fmt: skip
_STD = (
    2148.5647, 544.2625, 1146.0743, 985.2388, 2194.9316, 2055.145, 2285.5239, 2134.8782, 1794.7379, 1752.6676, 1649.35,
    11693.7297, 1239.9095,
)  # fmt: skip
_MINIMUM = (
    9.999999747378752e-05, 0.02552894316613674, 0.02212270349264145, 9.999999747378752e-05, 0.00036050420021638274,
    0.0056096026673913, 0.001366666634567082, 0.06511551141738892, 0.043631017208099365, 0.024099353700876236,
    0.024422578513622284, 0.03114842064678669, 0.01931280829012394,
)  # fmt: skip
_MAXIMUM = (
    1.5837817192077637, 2.297010898590088, 2.372464179992676, 1.5052449703216553, 0.8805046081542969,
    1.4607253074645996, 1.0844439268112183, 1.7317609786987305, 1.757254719734192, 2.0996997356414795,
    2.1980061531066895, 2.2519309520721436, 2.32584285736084,
)  # fmt: skip
_MOST_BYTES = 2**28


def breizhcrops(*, root: str | None = None, input_modality: str = "sentinel2_l2a", patch_size: int = 1) -> Benchmark:
    """Tell the crop of a field, 9 classes; regions frh01 and frh02 train, frh03 validates, frh04 tests.

    root: folder with classmapping.csv; null = the environment variable BREIZHCROPS_DIR. input_modality: as what the
    reflectance at the top of the atmosphere is shown, "sentinel2_l2a" (as the reference does; without B10) or
    "sentinel2". patch_size: 1, as a field is one pixel.
    """
    if input_modality not in ("sentinel2_l2a", "sentinel2"):
        raise ConfigError(f'breizhcrops: input_modality is "{input_modality}", expected sentinel2_l2a or sentinel2.')
    if patch_size != 1:
        raise ConfigError(f"breizhcrops: patch_size is {patch_size}, but a field is one pixel: expected 1.")
    return _BreizhCrops(root, input_modality)


@dataclass(frozen=True)
class _BreizhCrops:
    root: str | None
    input_modality: str
    name: str = "breizhcrops"
    task_type: TaskType = "classification"
    primary_metric: str = "accuracy"
    patch_size: int = 1
    about: About = About(  # noqa: RUF009 - frozen
        title="BreizhCrops, Level-1C, 2017",
        licence="MIT (package); fields: Registre parcellaire graphique, Licence Ouverte 2.0; contains modified "
        "Copernicus Sentinel data",
        citation="Rußwurm et al. 2020, BreizhCrops, ISPRS Archives XLIII-B2-2020, 1545-1551, "
        "doi:10.5194/isprs-archives-XLIII-B2-2020-1545-2020",
        homepage="https://github.com/dl4sits/BreizhCrops",
        variable="BREIZHCROPS_DIR",
        layout="classmapping.csv, 2017/L1C/frh0{1,2,3,4}.csv and 2017/L1C/frh0{1,2,3,4}.h5, as the package "
        "`breizhcrops` puts them there",
    )

    def open(self, specs: Sequence[ModalitySpec], *, context: Context) -> Opened:
        """List the fields of each region; see `Benchmark.open`."""
        place = folder(self.root, self.about.variable, self.name).rstrip("/")
        shown = [spec for spec in specs if spec.name == self.input_modality]
        if not shown:
            raise DataError(f"breizhcrops shows {self.input_modality}, which the model does not know.")
        reference = context.profile == REFERENCE
        codes, classes = _mapping(f"{place}/classmapping.csv")
        splits = {
            split: _Fields.of([f"{place}/{YEAR}/L1C/{region}" for region in regions], codes, shown[0], reference)
            for split, regions in REGIONS.items()
        }
        # The published extremes are fractions while the values are counts; the reference mixes the two.
        unit = 1.0 if reference else 10000.0
        table = measured_statistics(
            NAMES, mean=_MEAN, std=_STD, minimum=[unit * v for v in _MINIMUM], maximum=[unit * v for v in _MAXIMUM]
        )
        lazy = {split: Lazy(fields.read, np.arange(len(fields.labels))) for split, fields in splits.items()}
        return Opened(lazy, classes, {self.input_modality: table}, source="BreizhCrops L1C 2017, monthly means")


@dataclass(frozen=True)
class _Fields:
    """Fields of some regions. owners: number of the file of each; paths: inside it."""

    files: tuple[HeldFile, ...]
    owners: np.ndarray
    paths: Sequence[str]
    labels: np.ndarray
    spec: ModalitySpec
    reference: bool
    _inputs: Mapping[str, Mapping[str, str]] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_inputs", {self.spec.name: dict(zip(NAMES, BANDS, strict=True))})

    @classmethod
    def of(cls, regions: Sequence[str], codes: Mapping[str, int], spec: ModalitySpec, reference: bool) -> _Fields:
        """List the fields whose crop is one of the classes. regions: URLs without ending."""
        owners, paths, labels = [], [], []
        for number, region in enumerate(regions):
            for row in _rows(f"{region}.csv", ("CODE_CULTU", "path")):
                if (label := codes.get(row["CODE_CULTU"])) is not None:
                    owners.append(number)
                    paths.append(row["path"])
                    labels.append(label)
        if not paths:
            raise DataError(f"{regions[0]}.csv: lists no field of a known crop. Is classmapping.csv of this release?")
        files = tuple(HeldFile(f"{region}.h5") for region in regions)
        return cls(files, np.asarray(owners), paths, np.asarray(labels, np.int64), spec, reference)

    def read(self, row: int) -> LabelledSample:
        """Read one field and average it by month."""
        file, path = self.files[int(self.owners[row])], self.paths[row]
        name = f"{file.url.rpartition('/')[2].removesuffix('.h5')} {path}"
        values, stamps = monthly(file.read(path), f"{file.url}: {path}", reference=self.reference)
        sample = pixel_sample(values, BANDS, self._inputs, [self.spec], stamps, np.zeros(2), index=row)
        return LabelledSample(sample, np.asarray(self.labels[row]), name.partition(" ")[0], name)


def monthly(series: np.ndarray, where: str, *, reference: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return means by month [T,13] and timestamps [T,3], in order of time.

    series: [observations, 17]. reference: every year is 2017, and months of two years are one.

    Raises:
        DataError: it has another shape, no observation, or no real dates.
    """
    if series.ndim != 2 or series.shape[1] != len(COLUMNS) or not len(series):
        raise DataError(f"{where}: has shape {series.shape}, expected [observations, {len(COLUMNS)}].")
    nanoseconds = series[:, -1].astype(np.float64)
    if not np.isfinite(nanoseconds).all() or nanoseconds.min() < 0 or nanoseconds.max() >= 2.0**62:
        raise DataError(f"{where}: the last column, nanoseconds since 1970, holds no dates. Get the file again.")
    month = nanoseconds.astype(np.int64).astype("datetime64[ns]").astype("datetime64[M]").astype(np.int64)
    found, owner = np.unique(month % 12 if reference else month, return_inverse=True)
    sums = np.zeros((len(found), len(BANDS)))
    np.add.at(sums, owner, series[:, : len(BANDS)].astype(np.float64))
    means = sums / np.bincount(owner)[:, None]
    years = np.full(len(found), YEAR) if reference else 1970 + found // 12
    return means, np.stack([np.ones_like(found), found % 12, years], axis=1)


def _mapping(url: str) -> tuple[dict[str, int], tuple[str, ...]]:
    """Return code of a crop -> class, and the names of the classes."""
    codes: dict[str, int] = {}
    names: dict[int, str] = {}
    for row in _rows(url, ("code", "id", "classname")):
        if not row["id"].isdigit() or int(row["id"]) > 99:
            raise DataError(f'{url}: id is "{row["id"]}", expected the number of a class.')
        codes[row["code"]] = int(row["id"])
        names.setdefault(int(row["id"]), row["classname"])
    if sorted(names) != list(range(len(names))) or not names:
        raise DataError(f"{url}: has the classes {sorted(names)}, expected 0, 1, 2, ... Get the file again.")
    return codes, tuple(names[number] for number in sorted(names))


def _rows(url: str, needed: Sequence[str]) -> Iterator[dict[str, str]]:
    try:
        with fsspec.open(url, "rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
    except FileNotFoundError as cause:
        raise DataError(
            f"{url}: there is no such file. BREIZHCROPS_DIR is the folder with classmapping.csv."
        ) from cause
    except OSError as cause:
        raise DataError(f"{url}: cannot be read ({cause}).") from cause
    try:
        table = csv.DictReader(io.StringIO(content[:_MOST_BYTES].decode()))
        missing = [name for name in needed if name not in (table.fieldnames or ())]
        if len(content) > _MOST_BYTES:
            raise DataError(f"{url}: more than {_MOST_BYTES} bytes, which this table never has.")
        if missing:
            raise DataError(f"{url}: has no column {', '.join(missing)}. Get the file again.")
        for row in table:
            yield {name: row[name] or "" for name in needed}
    except (csv.Error, UnicodeDecodeError) as cause:
        raise DataError(f"{url}: is no table of text ({cause}). Get the file again.") from cause
