"""MADOS: what floats on the sea, one of fifteen classes per pixel.

Values are reflectances that were corrected for the air over water (0 to about 2.6), not the counts that models are
trained on, so the default profile says that they are foreign and only statistics of this data set can scale them.
"""

# N samples, C bands, H W pixels
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from olmoearth_benchmarks import place
from olmoearth_benchmarks.dense import images as im
from olmoearth_benchmarks.dense import tensor_file
from olmoearth_benchmarks.dense.label_fraction import checked_fraction, chosen_rows
from olmoearth_benchmarks.dense.stored_tiles import StoredTiles
from olmoearth_benchmarks.mados_scenes import prepare as scenes
from olmoearth_core import uri
from olmoearth_core.errors import DataError
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

if TYPE_CHECKING:
    from torch import Tensor

CLASSES = (
    "marine debris", "dense sargassum", "sparse floating algae", "natural organic material", "ship", "oil spill",
    "marine water", "sediment-laden water", "foam", "turbid water", "shallow water", "waves and wakes",
    "oil platform", "jellyfish", "sea snot",
)  # fmt: skip
SYNTHETIC = ("B06", "B09", "B10")
STATISTICS = im.measured_statistics(
    im.THIRTEEN,
    mean=(
        0.05834943428635597, 0.05259967967867851, 0.044100478291511536, 0.036041468381881714, 0.03370574489235878,
        0.034933559596538544, 0.03616137430071831, 0.03185819461941719, 0.0348929800093174, 0.0348929800093174,
        0.029205497354269028, 0.023518012836575508, 0.017942268401384354,
    ),
    std=(
        0.021028317511081696, 0.024127380922436714, 0.027077781036496162, 0.028892582282423973, 0.028282219544053078,
        0.03273169696331024, 0.04026992991566658, 0.03786701336503029, 0.04325847327709198, 0.04325847327709198,
        0.0350610613822937, 0.02930651605129242, 0.022308016195893288,
    ),
    minimum=(
        0.01632598415017128, 0.00860124733299017, 0.002034253440797329, -0.0014456997159868479, -0.004665287211537361,
        -0.003888914827257395, -0.0031503422651439905, -0.007095776963979006, -0.0018839773256331682,
        -0.0018839773256331682, -0.000539120810572058, -0.00024337049399036914, -5.886760482098907e-05,
    ),
    maximum=(
        0.7840737104415894, 0.7967689037322998, 1.510464072227478, 1.9531464576721191, 1.5892995595932007,
        2.1147849559783936, 2.640270233154297, 2.3779959678649902, 2.4624695777893066, 2.4624695777893066,
        1.9261047840118408, 1.4288651943206787, 1.3433334827423096,
    ),
)  # fmt: skip
"""Of the training tiles, in stored units (eval_tasks.json, "dataset_statistics")."""


ABOUT = About(
    title="MADOS, marine debris and oil spill",
    licence="CC-BY-4.0",
    citation="Kikaki et al., Detecting marine pollutants and sea surface features with deep learning in Sentinel-2 "
    "imagery, ISPRS J. Photogramm. Remote Sens. 210, 2024",
    homepage="https://zenodo.org/records/10664073",
    variable="MADOS_DIR",
    downloads=(Download("https://zenodo.org/records/10664073/files/MADOS.zip"),),
    layout="MADOS_train.pt, MADOS_val.pt and MADOS_test.pt, made from the scenes of MADOS.zip",
    prepared=True,
)


def mados(*, root: str | None = None, label_fraction: float = 1.0, patch_size: int = 4) -> Benchmark:
    """Tell what floats on the sea from one optical image of water, per pixel.

    root: folder with `MADOS_{train,val,test}.pt`; null = the environment variable MADOS_DIR. label_fraction: share of
    the training tiles, by the published lists (0.01, 0.02, 0.05, 0.1, 0.2, 0.5 or 1). patch_size: pixels of the 10 m
    grid.
    """
    return _Mados(root, checked_fraction(label_fraction, "mados"), patch_size)


@dataclass
class _Mados:
    root: str | None
    label_fraction: float
    patch_size: int
    name: str = "mados"
    task_type: TaskType = "segmentation"
    primary_metric: str = "micro_f1"
    about: About = ABOUT

    def open(self, specs: Sequence[ModalitySpec], *, context: Context) -> Opened:
        """List the tiles; see `Benchmark.open`."""
        chosen = im.inputs(self.name, specs, (im.OPTICAL,), None)
        folder = place.folder(self.root, self.about.variable, self.name).rstrip("/")
        reference = context.profile == REFERENCE
        splits = {}
        for split, file in zip(("train", "valid", "test"), scenes.SPLITS, strict=True):
            tiles = _Tiles(StoredTiles(f"{folder}/MADOS_{file}.pt"), tuple(chosen), () if reference else SYNTHETIC)
            count = tiles.checked()
            rows = chosen_rows(folder, self.label_fraction if split == "train" else 1.0, count)
            splits[split] = Lazy(tiles.read, rows)
        foreign = {} if reference else {im.OPTICAL: "reflectance corrected for the air over water, 0 to 2.6"}
        source = f"MADOS, Zenodo 10664073, tiles of 80, label fraction {self.label_fraction}"
        return Opened(splits, CLASSES, {im.OPTICAL: STATISTICS}, foreign, source=source)

    def prepare(self, raw: str, out: str) -> Iterator[str]:
        """Convert MADOS.zip, or the folder in it; see `Preparable.prepare`."""
        return scenes.prepare(uri.resolve(raw), uri.resolve(out))


@dataclass(frozen=True)
class _Tiles:
    stored: StoredTiles
    specs: tuple[ModalitySpec, ...]
    synthetic: tuple[str, ...]

    def checked(self) -> int:
        """Return the number of tiles, once the file is what it should be."""
        images, labels = self._tensors()
        if len(images) != len(labels):
            raise DataError(f"{self.stored.url}: {len(images)} images, but {len(labels)} labels. Prepare it again.")
        if not len(labels):
            raise DataError(f"{self.stored.url}: holds no tile. Prepare it again.")
        tensor_file.check_labels(labels, f"{self.stored.url}: labels", len(CLASSES))
        return len(labels)

    def read(self, row: int) -> LabelledSample:
        """Read one tile."""
        images, labels = self._tensors()
        planes = im.Planes(images[row].numpy().transpose(2, 0, 1)[None], im.THIRTEEN, self.synthetic)
        sample = im.labelled({im.OPTICAL: planes}, self.specs, labels[row].numpy(), im.JULY_2020, row)
        name = self.stored.text("names", row) or f"{self.stored.url} tile {row}"
        return im.named(sample, name=name, group=self.stored.text("groups", row))

    def _tensors(self) -> tuple[Tensor, Tensor]:
        side = scenes.TILE
        images = self.stored.tensor("images", (None, None, None, None))
        if images.shape[1:] == (len(im.THIRTEEN), side, side):
            raise DataError(
                f"{self.stored.url}: images have their bands first, as the converter of the reference leaves them, and "
                f"then labels count from 0 = not labelled. Convert the published scenes with "
                f"`olmoearth benchmarks prepare`."
            )
        images = self.stored.tensor("images", (None, side, side, len(im.THIRTEEN)))
        return images, self.stored.tensor("labels", (None, side, side))
