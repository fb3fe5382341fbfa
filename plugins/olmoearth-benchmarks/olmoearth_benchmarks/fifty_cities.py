"""Fifty cities: what covers the ground in and around them, per pixel, on one radar and one optical image.

Divided at random, neighbouring tiles lie on both sides of the split, which flatters a score; by city or by continent
they do not.
"""

# C bands, H W pixels
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from olmoearth_benchmarks import place
from olmoearth_benchmarks.cities import prepare
from olmoearth_benchmarks.cities.split import divide, fraction_of
from olmoearth_benchmarks.dense import images as im
from olmoearth_benchmarks.dense import tensor_file
from olmoearth_benchmarks.dense.published_files import Folder
from olmoearth_core import uri
from olmoearth_core.choice import one_of
from olmoearth_core.data.cache import Cache
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.evaluate.lazy import Lazy
from olmoearth_core.evaluate.profile import REFERENCE
from olmoearth_core.interfaces.evaluation import About, Benchmark, Context, LabelledSample, Opened, TaskType
from olmoearth_core.interfaces.modality import ModalitySpec

SPLITS = ("random", "by_city", "by_continent")
STATISTICS = {
    im.OPTICAL: im.measured_statistics(
        im.TWELVE,
        mean=(929.987, 1050.686, 1282.192, 1390.08, 1643.835, 2045.0, 2199.791, 2253.265, 2295.29, 2345.512, 2099.266,
              1754.644),
        std=(903.761, 1019.675, 1099.984, 1255.881, 1261.506, 1276.813, 1330.759, 1380.702, 1352.824, 1454.604,
             1370.791, 1325.78),
        minimum=(0.0,) * 12,
        maximum=(19328.0, 34208.0, 29008.0, 25120.0, 23469.0, 22705.0, 22017.0, 21344.0, 20873.0, 19939.0, 16653.0,
                 16261.0),
    ),
    im.RADAR: im.measured_statistics(
        ("vh", "vv"),
        mean=(-17.401, -10.663),
        std=(5.338, 5.93),
        minimum=(-52.086, -48.819),
        maximum=(38.791, 40.521),
    ),
}  # fmt: skip
"""Of the training tiles (eval_tasks.json, "dataset_statistics")."""
_MOST_TILES = 10**6


ABOUT = About(
    title="Fifty cities, land cover",
    licence="not published",
    citation="50Cities; the reference gives no public link",
    variable="FIFTY_CITIES_DIR",
    layout="tiles/<City>/<i>.pt and manifest.json, made of S1.tif, S2.tif and label.png of each city",
    prepared=True,
)


def fifty_cities(
    *,
    root: str | None = None,
    split: str = "random",
    input_modalities: list[str] | None = None,
    label_fraction: float = 1.0,
    patch_size: int = 4,
) -> Benchmark:
    """Tell thirteen kinds of ground apart in fifty cities, per pixel.

    root: folder with `tiles/<City>/<i>.pt` and `manifest.json`; null = the environment variable FIFTY_CITIES_DIR.
    split: random, by_city or by_continent. input_modalities: sentinel2_l2a, sentinel1 or both; null = all that the
    model knows. label_fraction: share of the training tiles, above 0 and at most 1. patch_size: pixels of the 10 m
    grid.
    """
    one_of(split, SPLITS, "fifty_cities: split")
    if not 0 < label_fraction <= 1:
        raise ConfigError(f"fifty_cities: label_fraction is {label_fraction}, expected above 0 and at most 1.")
    wanted = None if input_modalities is None else tuple(input_modalities)
    name = "fifty_cities" if split == "random" else f"fifty_cities_{split}"
    return _FiftyCities(root, split, wanted, label_fraction, patch_size, name)


@dataclass
class _FiftyCities:
    root: str | None
    split: str
    input_modalities: tuple[str, ...] | None
    label_fraction: float
    patch_size: int
    name: str
    task_type: TaskType = "segmentation"
    primary_metric: str = "miou"
    about: About = ABOUT

    def open(self, specs: Sequence[ModalitySpec], *, context: Context) -> Opened:
        """List the tiles; see `Benchmark.open`."""
        chosen = im.inputs(self.name, specs, (im.OPTICAL, im.RADAR), self.input_modalities)
        folder = place.folder(self.root, self.about.variable, self.name).rstrip("/")
        num_classes, counts = _manifest(folder)
        tiles = divide(counts, self.split)
        empty = next((split for split, members in tiles.items() if not members), None)
        if empty is not None:
            raise DataError(f"{folder}: {len(counts)} cities give no tile for {empty}. Get the rest of the cities.")
        tiles["train"] = fraction_of(tiles["train"], self.label_fraction)
        splits = {}
        for split, members in tiles.items():
            reader = _Tiles(folder, tuple(members), tuple(chosen), num_classes, context.profile != REFERENCE)
            splits[split] = Lazy(reader.read, np.arange(len(members)))
        classes = tuple(f"class {number}" for number in range(num_classes))
        source = f"50Cities, tiles of {prepare.TILE}, {self.split}, label fraction {self.label_fraction}"
        return Opened(splits, classes, STATISTICS, source=source)

    def prepare(self, raw: str, out: str) -> Iterator[str]:
        """Cut the images of cities into tiles; see `Preparable.prepare`."""
        return prepare.prepare(uri.resolve(raw), uri.resolve(out))


def _manifest(folder: str) -> tuple[int, dict[str, int]]:
    """Return the number of classes, and how many tiles each city has.

    Raises:
        DataError: the manifest is missing or says something else.
    """
    where = f"{folder}/manifest.json"
    facts = Folder(folder).json("manifest.json", 2**24)
    counts = facts.get("counts") if isinstance(facts, dict) else None
    if not isinstance(counts, dict) or facts.get("tile_size") != prepare.TILE:
        raise DataError(f'{where}: expected "tile_size" {prepare.TILE} and "counts" of tiles. Prepare the tiles again.')
    for city, count in counts.items():
        if not prepare.NAME.fullmatch(city) or type(count) is not int or not 0 <= count <= _MOST_TILES:
            raise DataError(f"{where}: found {city[:60]!r} with {str(count)[:20]} tiles, expected a city and a number.")
    num_classes = facts.get("num_classes")
    if type(num_classes) is not int or not 2 <= num_classes <= 255:
        raise DataError(f'{where}: "num_classes" is {str(num_classes)[:20]}, expected 2 to 255.')
    return num_classes, dict(counts)


@dataclass(frozen=True)
class _Tiles:
    """Files of a split. void: whether what was filled in for missing values is absent."""

    folder: str
    tiles: tuple[tuple[str, int], ...]
    specs: tuple[ModalitySpec, ...]
    num_classes: int
    void: bool
    cache: Cache = field(default_factory=tensor_file.local_copies, repr=False)

    def read(self, row: int) -> LabelledSample:
        """Read one tile."""
        city, number = self.tiles[row]
        url, side = f"{self.folder}/tiles/{city}/{number}.pt", prepare.TILE
        table = tensor_file.table(tensor_file.load(url, self.cache), url, ("s1", "s2", "label"))
        label_HW = tensor_file.tensor(table["label"], f"{url}: label", (side, side), whole=True).numpy()
        tensor_file.check_label_values(label_HW, f"{url}: label", self.num_classes)
        parts = {}
        for spec in self.specs:
            key, bands = _STORED[spec.name]
            values = tensor_file.tensor(table[key], f"{url}: {key}", (len(bands), side, side)).numpy()
            parts[spec.name] = self._planes(spec.name, values, bands)
        sample = im.labelled(parts, self.specs, label_HW, im.JULY_2020, row)
        return im.named(sample, name=f"{city} tile {number}", group=city)

    def _planes(self, modality: str, values_CHW: np.ndarray, bands: tuple[str, ...]) -> im.Planes:
        if not self.void:
            return im.Planes(values_CHW[None], bands)
        if modality == im.RADAR:
            return im.Planes(np.where(values_CHW > prepare.WEAKEST_DB, values_CHW, np.nan)[None], bands)
        return im.Planes(values_CHW[None], bands, void_THW=(values_CHW == 0).all(axis=0)[None])


_STORED: Mapping[str, tuple[str, tuple[str, ...]]] = {im.RADAR: ("s1", ("vh", "vv")), im.OPTICAL: ("s2", im.TWELVE)}
