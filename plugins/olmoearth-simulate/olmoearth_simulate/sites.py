"""Real sites, cut into windows and written as sample files, with labels beside them.

Sites are 64 to 224 pixels wide and lie off the grid of the tile store, so they skip it. Sites with many
dates are small: they are cut with overlap for training, and only windows of a grid without overlap carry labels.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from olmoearth_core.convert.dataset_writer import DatasetWriter, Record
from olmoearth_core.convert.h5_writer import Storage
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.source import Progress, Source, Written
from olmoearth_simulate.site_arrays import RECIPES, SiteArrays, read_site
from olmoearth_simulate.site_labels import CLASSES, read_labels


def sites(*, root: str, tile_size: int = 32, stride: int = 16, compression: str = "zstd") -> Source:
    """Co-located real tiles in folders, one GeoTIFF per modality.

    root: folder of site folders, or the folder above it. tile_size: side of a window in pixels of 10 m; divides 256.
    stride: pixels from window to window on sites with more than one date; sites with one date never overlap.
    compression: of the sample files.
    """
    if not 1 <= stride <= tile_size:
        raise DataError(f"stride {stride}: expected 1 to tile_size ({tile_size}).")
    return _Sites(root=root, tile_size=tile_size, stride=stride, compression=compression)


@dataclass(frozen=True)
class _Window:
    site: str
    top: int
    left: int
    labelled: bool


@dataclass(frozen=True, kw_only=True)
class _Sites:
    root: str
    tile_size: int
    stride: int
    compression: str
    name: str = "simulate.sites.v1"
    writes: Written = "h5"

    def write(self, out: str | Path, specs: Sequence[ModalitySpec], *, progress: Progress | None = None) -> Path:
        """Write the windows of all sites and return the numbered folder."""
        folders = self._folders()
        known = [spec for spec in specs if spec.name in RECIPES]
        about = {"source": self.name, "sites": [f.name for f in folders], "stride": self.stride,
                 "modalities": [s.name for s in known]}  # fmt: skip
        storage = Storage(self.compression, 3 if self.compression in ("zstd", "gzip") else None)
        writer = DatasetWriter(out, known, tile_size=self.tile_size, storage=storage, about=about)
        done = writer.existing()
        if done:
            return Path(done[0])
        writer.open()
        records: list[Record] = []
        labels: list[tuple[str, np.ndarray | None]] = []
        for number, folder in enumerate(folders, start=1):
            for record, label in self._site(folder, known, writer):
                records.append(record)
                labels.append((folder.name, label))
            if progress:
                progress(number, len(folders))
        return Path(writer.finish(records, beside=lambda folder: _write_labels(folder / "labels", labels)))

    def _folders(self) -> list[Path]:
        root = Path(self.root)
        root = root / "sites" if (root / "sites").is_dir() else root
        folders = sorted(f for f in root.iterdir() if any(f.glob("*.tif"))) if root.is_dir() else []
        if not folders:
            raise DataError(f"{root}: no folders with GeoTIFF files. Give the folder that holds the sites.")
        return folders

    def _site(
        self, folder: Path, specs: Sequence[ModalitySpec], writer: DatasetWriter
    ) -> Iterator[tuple[Record, np.ndarray | None]]:
        site = read_site(folder, specs)
        if site is None:
            return
        labels = read_labels(folder)
        for window in self._windows(folder.name, site):
            part = np.s_[window.top : window.top + self.tile_size, window.left : window.left + self.tile_size]
            arrays = {name: np.ascontiguousarray(array[part]) for name, array in site.arrays.items()}
            middle = site.frame.latlon(window.top + self.tile_size / 2, window.left + self.tile_size / 2)
            key = f"{window.site}_{window.top:03}_{window.left:03}"
            source = json.dumps({name: site.sources[name] for name in sorted(arrays)})
            record = writer.add(key, arrays, site.timestamps, middle, site.masks, source=source)
            yield record, labels[part] if labels is not None and window.labelled else None

    def _windows(self, name: str, site: SiteArrays) -> Iterator[_Window]:
        height, width = next(iter(site.arrays.values())).shape[:2]
        stride = self.stride if len(site.months) > 1 else self.tile_size
        for top in _starts(height, self.tile_size, stride):
            for left in _starts(width, self.tile_size, stride):
                yield _Window(name, top, left, top % self.tile_size == 0 and left % self.tile_size == 0)


def _starts(length: int, size: int, stride: int) -> list[int]:
    """Return where windows begin; the last one ends at the edge, so that no pixel is left out."""
    if length < size:
        return []
    return sorted({*range(0, length - size + 1, stride), length - size})


def _write_labels(folder: Path, labels: Sequence[tuple[str, np.ndarray | None]]) -> None:
    folder.mkdir(exist_ok=True)
    group = {}
    for index, (site, label) in enumerate(labels):
        group[str(index)] = site
        if label is not None:
            np.save(folder / f"sample_{index}.npy", label)
    text = json.dumps({"classes": list(CLASSES), "group": group}, indent=2)
    (folder / "classes.json").write_text(text)
