"""Sen1Floods11: water or not, per pixel, on the day of a flood.

Radar is the task. The optical images of the same floods can be shown instead or beside it; they are of Level-1C, top
of the atmosphere, and are given as the surface reflectance that models know, without the cirrus band.
"""

# N samples, C bands, H W pixels
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch

from olmoearth_benchmarks import place
from olmoearth_benchmarks.dense import images as im
from olmoearth_benchmarks.dense import tensor_file, whole_file
from olmoearth_benchmarks.dense.label_fraction import checked_fraction, chosen_rows
from olmoearth_benchmarks.dense.stored_tiles import StoredTiles
from olmoearth_benchmarks.floods import chips as raw_chips
from olmoearth_benchmarks.floods.prepare import prepare
from olmoearth_core import uri
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.evaluate.lazy import Lazy
from olmoearth_core.evaluate.profile import REFERENCE
from olmoearth_core.interfaces.evaluation import ALL, About, Benchmark, Context, LabelledSample, Opened, TaskType
from olmoearth_core.interfaces.modality import ModalitySpec

CLASSES = ("dry", "water")
STATISTICS = im.measured_statistics(
    ("vv", "vh"),
    mean=(-11.27174944, -18.4847947),
    std=(4.81716083, 5.79660676),
    minimum=(-61.35483932495117, -71.63967895507812),
    maximum=(29.926393508911133, 17.376384735107422),
)
"""Of the training tiles, in dB (eval_tasks.json, "dataset_statistics")."""


ABOUT = About(
    title="Sen1Floods11, hand-labelled",
    licence="free to use; the publisher's repository names no licence",
    citation="Bonafilia et al., Sen1Floods11, CVPR Workshops 2020",
    homepage="https://github.com/cloudtostreet/Sen1Floods11",
    variable="FLOODS_DIR",
    layout="LabelHand, S1Hand and S2Hand of gs://sen1floods11/v1.1/data/flood_events/HandLabeled, and the lists of "
    "v1.1/splits/flood_handlabeled; or flood_<split>_data.pt made from them",
)


def sen1floods11(
    *,
    root: str | None = None,
    input_modalities: list[str] | None = None,
    test: str = "test",
    label_fraction: float = 1.0,
    patch_size: int = 4,
) -> Benchmark:
    """Tell water from land in radar images of floods, per pixel.

    root: folder with `flood_<split>_data.pt`, or with the published chips (`*_LabelHand.tif`, `*_S1Hand.tif`,
    `*_S2Hand.tif`, flat or in their folders); null = the environment variable FLOODS_DIR. Chips without the
    publisher's lists are one split, to be cut by quarter of a chip. input_modalities: null = sentinel1;
    sentinel2_l2a shows the optical images. test: "test", or "bolivia" = the flood that no list trains on.
    label_fraction: share of the training tiles, by the published lists. patch_size: pixels of the 10 m grid.
    """
    if test not in ("test", "bolivia"):
        raise ConfigError(f'sen1floods11: test is "{test}", expected "test" or "bolivia".')
    fraction = checked_fraction(label_fraction, "sen1floods11")
    return _Floods(root, tuple(input_modalities or (im.RADAR,)), test, fraction, patch_size)


class _Source(Protocol):
    def count(self) -> int: ...
    def finite(self) -> np.ndarray: ...
    def read(self, row: int) -> LabelledSample: ...


@dataclass
class _Floods:
    root: str | None
    input_modalities: tuple[str, ...]
    test: str
    label_fraction: float
    patch_size: int
    name: str = "sen1floods11"
    task_type: TaskType = "segmentation"
    primary_metric: str = "miou"
    about: About = ABOUT

    def open(self, specs: Sequence[ModalitySpec], *, context: Context) -> Opened:
        """List the tiles; see `Benchmark.open`."""
        reference = context.profile == REFERENCE
        chosen = im.inputs(self.name, specs, (im.RADAR, im.OPTICAL), self.input_modalities)
        if reference and self.input_modalities != (im.RADAR,):
            raise ConfigError(f"{self.name}: profile {REFERENCE} knows radar alone. Leave out input_modalities.")
        folder = place.folder(self.root, self.about.variable, self.name).rstrip("/")
        splits = {}
        for split, source in self._sources(folder, tuple(chosen), reference).items():
            rows = np.arange(source.count())
            # Published lists of rows count tiles whose radar is finite throughout: only those are in the reference.
            if reference or (split == "train" and self.label_fraction < 1):
                rows = source.finite()
            if split == "train":
                rows = rows[chosen_rows(folder, self.label_fraction, len(rows))]
            splits[split] = Lazy(source.read, rows)
        told = f"Sen1Floods11 v1.1 hand-labelled, tiles of 64, {self.test}, label fraction {self.label_fraction}"
        return Opened(splits, CLASSES, {im.RADAR: STATISTICS}, source=told)

    def prepare(self, raw: str, out: str) -> Iterator[str]:
        """Cut the published chips into tiles; see `Preparable.prepare`."""
        return prepare(uri.resolve(raw), uri.resolve(out))

    def _sources(self, folder: str, specs: tuple[ModalitySpec, ...], reference: bool) -> dict[str, _Source]:
        lists = {"train": "train", "valid": "valid", "test": self.test}
        if whole_file.exists(f"{folder}/flood_train_data.pt"):
            files = {split: StoredTiles(f"{folder}/flood_{name}_data.pt") for split, name in lists.items()}
            return {split: _Stored(file, specs, not reference) for split, file in files.items()}
        chips = raw_chips.Chips(folder)
        listed = {split: chips.listed(name) for split, name in lists.items()}
        dates = {} if reference else chips.dates()
        if all(names is None for names in listed.values()):
            if self.label_fraction < 1:
                raise ConfigError(
                    f"{self.name}: label_fraction needs the publisher's lists of splits beside the chips."
                )
            listed = {ALL: chips.labelled()}
        sources: dict[str, _Source] = {}
        for split, names in listed.items():
            if names is None:
                raise DataError(f"{folder}: no flood_{lists[split]}_data.csv, though other lists are here. Get it.")
            chips.require(names, [_KIND[spec.name] for spec in specs])
            sources[split] = _Raw(chips, tuple(chips.tiles(names)), specs, dates)
        return sources


_KIND: Mapping[str, str] = {im.RADAR: raw_chips.RADAR, im.OPTICAL: raw_chips.OPTICAL}


def _planes(modality: str, values_CHW: np.ndarray) -> im.Planes:
    if modality == im.RADAR:
        return im.Planes(values_CHW[None], ("vv", "vh"))
    return im.Planes(values_CHW[None], im.THIRTEEN, void_THW=(values_CHW == 0).all(axis=0)[None])


@dataclass(frozen=True)
class _Raw:
    chips: raw_chips.Chips = field(repr=False)
    tiles: tuple[raw_chips.Tile, ...]
    specs: tuple[ModalitySpec, ...]
    dates: Mapping[str, np.ndarray]

    def count(self) -> int:
        return len(self.tiles)

    def finite(self) -> np.ndarray:
        radar = (self.chips.read(tile, raw_chips.RADAR) for tile in self.tiles)
        return np.flatnonzero([bool(np.isfinite(values).all()) for values in radar])

    def read(self, row: int) -> LabelledSample:
        tile = self.tiles[row]
        parts = {s.name: _planes(s.name, self.chips.read(tile, _KIND[s.name])) for s in self.specs}
        label_HW = self.chips.read(tile, raw_chips.LABEL)[0]
        day = raw_chips.day_of(self.dates, tile.chip, im.JULY_2020)
        return im.named(im.labelled(parts, self.specs, label_HW, day, row), name=tile.name, group=tile.group)


@dataclass(frozen=True)
class _Stored:
    stored: StoredTiles
    specs: tuple[ModalitySpec, ...]
    dated: bool

    def count(self) -> int:
        labels = self._tensor("labels", 1)
        tensor_file.check_labels(labels, f"{self.stored.url}: labels", len(CLASSES))
        for spec in self.specs:
            if len(found := self._tensor(*_KEY[spec.name])) != len(labels):
                raise DataError(f"{self.stored.url}: {len(found)} images, but {len(labels)} labels. Prepare it again.")
        if not len(labels) or (self._has_days() and len(self._days()) != len(labels)):
            raise DataError(f"{self.stored.url}: {len(labels)} labels, no tile or not one day for each.")
        return len(labels)

    def finite(self) -> np.ndarray:
        s1 = self._tensor(*_KEY[im.RADAR])
        parts = [torch.isfinite(s1[first : first + 256]).flatten(1).all(1) for first in range(0, len(s1), 256)]
        return np.flatnonzero(torch.cat(parts).numpy())

    def read(self, row: int) -> LabelledSample:
        parts = {s.name: _planes(s.name, self._tensor(*_KEY[s.name])[row].numpy()) for s in self.specs}
        label_HW = self._tensor("labels", 1)[row, 0].numpy()
        day = self._days()[row].numpy()[None] if self._has_days() else im.JULY_2020
        name = self.stored.text("names", row) or f"{self.stored.url} tile {row}"
        sample = im.labelled(parts, self.specs, label_HW, day, row)
        return im.named(sample, name=name, group=self.stored.text("groups", row))

    def _has_days(self) -> bool:
        return self.dated and self.stored.has("timestamps")

    def _days(self) -> torch.Tensor:
        return self.stored.tensor("timestamps", (None, 3))

    def _tensor(self, key: str, bands: int) -> torch.Tensor:
        return self.stored.tensor(key, (None, bands, raw_chips.TILE, raw_chips.TILE))


_KEY: Mapping[str, tuple[str, int]] = {im.RADAR: ("s1", 2), im.OPTICAL: ("s2", 13)}
