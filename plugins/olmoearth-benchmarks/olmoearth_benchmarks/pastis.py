"""PASTIS and PASTIS-R: what grows on French fields, per pixel, from a year of monthly images."""

# N samples, M months, C bands, H W pixels
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor

from olmoearth_benchmarks import place
from olmoearth_benchmarks.dense import images as im
from olmoearth_benchmarks.dense import tensor_file, whole_file
from olmoearth_benchmarks.dense.label_fraction import checked_fraction, chosen_rows
from olmoearth_benchmarks.dense.published_files import Folder
from olmoearth_benchmarks.pastis_r import months, prepare
from olmoearth_core import uri
from olmoearth_core.data.cache import Cache
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.evaluate.lazy import Lazy
from olmoearth_core.evaluate.profile import REFERENCE
from olmoearth_core.interfaces.evaluation import (
    About,
    Benchmark,
    Context,
    Download,
    LabelledSample,
    Opened,
    TaskType,
)
from olmoearth_core.interfaces.modality import ModalitySpec

CLASSES = (
    "background", "meadow", "soft winter wheat", "corn", "winter barley", "winter rapeseed", "spring barley",
    "sunflower", "grapevine", "beet", "winter triticale", "winter durum wheat", "fruits, vegetables, flowers",
    "potatoes", "leguminous fodder", "soybeans", "orchard", "mixed cereal", "sorghum",
)  # fmt: skip
SYNTHETIC = ("B01", "B09", "B10")
"""Bands that the published patches lack; prepared tiles hold copies of B02, B8A and B11."""
STATISTICS = {
    im.OPTICAL: im.measured_statistics(
        im.THIRTEEN,
        mean=(
            1201.6458740234375, 1201.6458740234375, 1398.6396484375, 1452.169921875, 1783.147705078125,
            2698.783935546875, 3022.353271484375, 3164.72802734375, 3270.47412109375, 3270.47412109375,
            2392.800537109375, 2392.800537109375, 1632.4835205078125,
        ),
        std=(
            1254.5341796875, 1254.5341796875, 1200.8133544921875, 1260.5355224609375, 1188.0682373046875,
            1163.632080078125, 1220.4384765625, 1237.6727294921875, 1232.5126953125, 1232.5126953125, 930.82861328125,
            930.82861328125, 829.1475219726562,
        ),
        minimum=(
            -1960.0, -1960.0, -1851.0, -1945.5999755859375, -1938.0, -1964.800048828125, -1961.5999755859375,
            -2012.4000244140625, -1993.800048828125, -1993.800048828125, -1953.4000244140625, -1953.4000244140625,
            -1950.0,
        ),
        maximum=(
            17369.0, 17369.0, 16374.5, 16553.0, 15202.5, 15281.5, 15599.0, 15640.5, 16068.0, 16068.0, 13522.5, 13522.5,
            13749.0,
        ),
    ),
    im.RADAR: im.measured_statistics(
        ("vv", "vh"),
        mean=(-10.7902, -17.3257),
        std=(2.836, 2.8106),
        minimum=(-32.25, -41.1875),
        maximum=(31.7578125, 27.17708396911621),
    ),
}  # fmt: skip
"""Of the training tiles (eval_tasks.json, "dataset_statistics"); radar as the reference puts it into months."""
_FILES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    im.OPTICAL: ("s2_images", im.THIRTEEN), im.RADAR: ("s1_images", ("vv", "vh"))
}  # fmt: skip


def pastis(
    *,
    root: str | None = None,
    size: int = 64,
    input_modalities: list[str] | None = None,
    s1_dates: str = "s1",
    partitions: str | None = None,
    label_fraction: float = 1.0,
    patch_size: int = 4,
) -> Benchmark:
    """Tell crops apart on twelve monthly images, per pixel.

    root: folder with `pastis_r_{train,valid,test}`; null = the environment variable PASTIS_DIR, or PASTIS_DIR_ORIG for
    a size of 128. size: pixels along a tile, 64 or 128. input_modalities: sentinel2_l2a, sentinel1 or both; null =
    all that the model knows. s1_dates: "s1" = radar in the months of its own days; "s2" = by the days of the optical
    images, a mistake of the reference that its published tiles contain. partitions: folder of the lists for
    label_fraction; null = PASTIS_DIR_PARTITION. label_fraction: share of the training tiles, by the published lists.
    patch_size: pixels of the 10 m grid.
    """
    if size not in (64, 128):
        raise ConfigError(f"pastis: size is {size}, expected 64 or 128.")
    if s1_dates not in ("s1", "s2"):
        raise ConfigError(f'pastis: s1_dates is "{s1_dates}", expected "s1" or "s2".')
    wanted = None if input_modalities is None else tuple(input_modalities)
    fraction = checked_fraction(label_fraction, "pastis")
    name = "pastis" if size == 64 else f"pastis{size}"
    return _Pastis(root, size, wanted, s1_dates, partitions, fraction, patch_size, name)


@dataclass
class _Pastis:
    root: str | None
    size: int
    input_modalities: tuple[str, ...] | None
    s1_dates: str
    partitions: str | None
    label_fraction: float
    patch_size: int
    name: str
    task_type: TaskType = "segmentation"
    primary_metric: str = "miou"

    @property
    def about(self) -> About:
        """Where the data comes from."""
        return About(
            title=f"PASTIS-R, tiles of {self.size} pixels",
            licence="CC-BY-4.0",
            citation="Sainte Fare Garnot and Landrieu, Panoptic segmentation of satellite image time series, ICCV "
            "2021; Sainte Fare Garnot et al., Multi-modal temporal attention models for crop mapping, ISPRS 187, 2022",
            homepage="https://zenodo.org/records/5735646",
            variable="PASTIS_DIR" if self.size == 64 else "PASTIS_DIR_ORIG",
            downloads=(Download("https://zenodo.org/records/5735646/files/PASTIS-R.zip"),),
            layout="pastis_r_{train,valid,test}/ with months.pt, targets.pt, s2_images and s1_images, made of "
            "PASTIS-R.zip",
            prepared=True,
        )

    def open(self, specs: Sequence[ModalitySpec], *, context: Context) -> Opened:
        """List the tiles; see `Benchmark.open`."""
        reference = context.profile == REFERENCE
        chosen = im.inputs(self.name, specs, tuple(_FILES), self.input_modalities)
        folder = place.folder(self.root, self.about.variable, self.name).rstrip("/")
        facts = _facts(folder)
        if im.RADAR in {spec.name for spec in chosen}:
            self._check_radar(folder, facts, "s2" if reference else self.s1_dates)
        splits = {}
        for split in prepare.FOLDS:
            files = _Tiles(f"{folder}/pastis_r_{split}", self.size, tuple(chosen), () if reference else SYNTHETIC,
                           tuple(facts.get("patches", {}).get(split, ())))  # fmt: skip
            splits[split] = Lazy(files.read, self._rows(split, files.count()))
        source = f"PASTIS-R, Zenodo 5735646, tiles of {self.size}, radar by days of {facts.get('s1_dates', 's2')}, "
        return Opened(splits, CLASSES, STATISTICS, source=f"{source}label fraction {self.label_fraction}")

    def prepare(self, raw: str, out: str) -> Iterator[str]:
        """Convert PASTIS-R.zip, or the folder in it; see `Preparable.prepare`."""
        return prepare.prepare(uri.resolve(raw), uri.resolve(out), size=self.size, s1_dates=self.s1_dates)

    def _rows(self, split: str, count: int) -> np.ndarray:
        if split != "train" or self.label_fraction == 1.0:
            return np.arange(count)
        return chosen_rows(place.folder(self.partitions, "PASTIS_DIR_PARTITION", self.name), self.label_fraction, count)

    def _check_radar(self, folder: str, facts: Mapping[str, Any], wanted: str) -> None:
        stored = facts.get("s1_dates", "s2")
        if stored != wanted:
            raise DataError(
                f"{folder}: its radar images lie in months by the days of {stored}, expected {wanted}. Prepare the "
                f'published patches with s1_dates = "{wanted}", or leave radar out: input_modalities = '
                f'["{im.OPTICAL}"]. Published tiles are by s2; s1_dates = "s2" accepts that, except that profile '
                f"{REFERENCE} always wants it."
            )


def _facts(folder: str) -> Mapping[str, Any]:
    """Return how tiles were made, {} for those of the reference, which do not say."""
    if not whole_file.exists(f"{folder}/{prepare.MARKER}"):
        return {}
    facts = Folder(folder).json(prepare.MARKER)
    patches = facts.get("patches") if isinstance(facts, dict) else None
    if not isinstance(patches, dict) or not all(isinstance(patches.get(s), list) for s in prepare.FOLDS):
        raise DataError(f"{folder}/{prepare.MARKER}: does not say how the tiles were made. Prepare them again.")
    return facts  # type: ignore[no-any-return]


@dataclass
class _Tiles:
    """Tiles of a split. patches: numbers of the publisher, () where unknown. Sent elsewhere, it goes without values."""

    folder: str
    size: int
    specs: tuple[ModalitySpec, ...]
    synthetic: tuple[str, ...]
    patches: tuple[int, ...]
    cache: Cache = field(default_factory=tensor_file.local_copies, repr=False)
    _content: tuple[Tensor, Tensor] | None = field(default=None, repr=False)

    def count(self) -> int:
        """Return the number of tiles, once months and labels are what they should be."""
        table, targets = self._tensors()
        if len(table) != len(targets) or (self.patches and len(self.patches) * self._per_patch != len(targets)):
            raise DataError(f"{self.folder}: {len(table)} rows of months, {len(targets)} labels. Prepare it again.")
        tensor_file.check_labels(targets, f"{self.folder}/targets.pt", len(CLASSES))
        return len(targets)

    def read(self, row: int) -> LabelledSample:
        """Read one tile: its files of the modalities that are shown."""
        table, targets = self._tensors()
        parts = {spec.name: self._planes(spec.name, row) for spec in self.specs}
        days = months.timestamps(table[row].numpy(), f"{self.folder}/months.pt, row {row}")
        number, quadrant = divmod(row, self._per_patch)
        patch = f"patch {self.patches[number]}" if self.patches else f"{self.folder.rpartition('_')[2]} patch {number}"
        sample = im.labelled(parts, self.specs, targets[row].numpy(), days, row)
        return im.named(sample, name=f"{patch} tile {quadrant}", group=patch)

    @property
    def _per_patch(self) -> int:
        return int((prepare.PATCH // self.size) ** 2)

    def _planes(self, modality: str, row: int) -> im.Planes:
        kind, bands = _FILES[modality]
        url = f"{self.folder}/{kind}/{row}.pt"
        shape = (months.KEPT, len(bands), self.size, self.size)
        values = tensor_file.tensor(tensor_file.load(url, self.cache), url, shape).numpy()
        return im.Planes(values, bands, self.synthetic)

    def _tensors(self) -> tuple[Tensor, Tensor]:
        if self._content is None:
            table, targets = (f"{self.folder}/{name}.pt" for name in ("months", "targets"))
            self._content = (
                tensor_file.tensor(tensor_file.load(table, self.cache), table, (None, months.KEPT), whole=True),
                tensor_file.tensor(tensor_file.load(targets, self.cache), targets, (None, self.size, self.size)),
            )
        return self._content

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_content": None}
