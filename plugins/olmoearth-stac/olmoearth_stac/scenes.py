"""From frozen items to scenes of a window; files are fetched when a scene is opened, and not before.

A scene whose provider has no such file any more is broken and passed over; one whose provider does not answer stops its
tile (`Unreachable`), so that the store never depends on the weather in the network.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray

from olmoearth_core.convert.whole_file import write_text
from olmoearth_core.errors import DataError
from olmoearth_core.ingest.candidate import Candidate
from olmoearth_core.ingest.windows import Window
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.reader import Reader
from olmoearth_stac.access import Access
from olmoearth_stac.download import Asset, fetched
from olmoearth_stac.item import Facts, Item, facts, matches
from olmoearth_stac.profile import Entry
from olmoearth_stac.queries import boxes
from olmoearth_stac.shelf import ITEM, Shelf, file_names
from olmoearth_stac.table import read_table


@dataclass(frozen=True)
class Scene:
    """One item as one modality."""

    item: Item
    facts: Facts
    spec: ModalitySpec
    entry: Entry
    reader: Reader
    access: Access
    shelf: Shelf

    @property
    def source(self) -> str:
        """Catalogue, collection and id."""
        return f"{self.access.profile.name}/{self.item['collection']}/{self.item['id']}"

    def candidate(self) -> Candidate:
        """Return it as one that may serve a window."""
        start, end, cover = self.facts.start, self.facts.end, self.facts.cloud_cover
        source, bounds = self.source, self.facts.bounds
        return Candidate(source, start, end, bounds, self.open, self.clear, cover, source, self.bands)

    @property
    def bands(self) -> tuple[str, ...]:
        """Bands that the item has, in the order of the specification."""
        return tuple(band for band in self.spec.band_order if self.entry.bands.get(band) in self.item["assets"])

    def open(self, bands: Sequence[str]) -> xarray.DataArray:
        """Return those bands that the item has."""
        there = self.bands
        if not there:
            wanted = ", ".join(sorted(set(self.entry.bands.values())))
            raise DataError(f"{self.source}: has none of the assets {wanted}. Was the collection changed?")
        known = [band for band in bands if band in there]
        asked = known or there[:1]
        path = self._fetched([*(self.entry.bands[band] for band in asked), *self.entry.also])
        array = self.reader.read(path, self.spec, bands=asked)
        return array if known else array.isel(band=slice(0, 0))

    def clear(self) -> xarray.DataArray | None:
        """Return where the ground is seen, or None where the item does not say."""
        first = next((asset for asset in self.entry.bands.values() if asset in self.item["assets"]), None)
        if first is None:
            return None
        return self.reader.clear(self._fetched([first, *self.entry.clear, *self.entry.also]), self.spec)

    def _fetched(self, assets: Iterable[str]) -> str:
        """Bring assets to this machine and return the path that the reader opens."""
        folder, names = self.shelf.folder(self.access.profile.name, self.item), file_names(self.item)
        for key in dict.fromkeys(assets):
            if key not in self.item["assets"]:
                continue
            asset = Asset.of(self.item["assets"][key], self.entry.alternate)
            if not fetched(asset, folder / names[key], self.access) and key not in self.entry.also:
                raise DataError(f"{self.source}: its provider no longer has the file of asset {key}.")
        if self.entry.opens in names:
            return str(folder / names[self.entry.opens])
        if self.entry.opens != "item":
            raise DataError(f"{self.source}: has no asset {self.entry.opens}. Was the collection changed?")
        return str(_written(folder, self.item, names))


def _written(folder: Path, item: Item, names: Mapping[str, str]) -> Path:
    """Write the item beside its files, naming those that are there, as a local catalogue would."""
    there = set(os.listdir(folder))
    assets = {k: {**a, "href": f"./{names[k]}"} for k, a in item["assets"].items() if names[k] in there}
    text = json.dumps({**item, "assets": assets}, sort_keys=True, indent=1) + "\n"
    path = folder / ITEM
    if not (path.is_file() and path.read_text("utf-8") == text):
        write_text(path, text)
    return path


@dataclass(frozen=True)
class Scenes:
    """All frozen scenes of one modality; finds those of a window (`ingest.tile.Find`). table: its path."""

    table: str
    sha256: str
    entry: Entry
    reader: Reader
    access: Access
    shelf: Shelf

    def __call__(self, window: Window, spec: ModalitySpec) -> list[Candidate]:
        """Return the scenes that touch a window."""
        # Nothing of the window before is used any more once a new one is asked for.
        self.shelf.release()
        index = _index(self.table, self.sha256)
        rows = sorted({int(row) for box in boxes(window) for row in index.near(*box)})
        found = []
        for row in rows:
            item = index.items[row]
            if matches(item, self.entry):
                known = facts(item, self.entry.lasts_days)
                found.append(Scene(item, known, spec, self.entry, self.reader, self.access, self.shelf).candidate())
        return found


@dataclass(frozen=True)
class _Index:
    """Items and their bounds, float64 [N, 4] = west, south, east, north."""

    items: tuple[Item, ...]
    bounds: np.ndarray

    def near(self, west: float, south: float, east: float, north: float) -> np.ndarray:
        """Return the places of items that touch a rectangle, which does not cross the antimeridian."""
        left, low, right, high = self.bounds.T
        width = np.where(right - left >= 360, 360.0, (right - left) % 360)
        across = ((west - left) % 360 <= width) | ((left - west) % 360 <= east - west)
        return np.flatnonzero(across & (low <= north) & (high >= south))


@functools.lru_cache(maxsize=2)
def _index(path: str, sha256: str) -> _Index:
    table = read_table(path)
    if table.sha256 != sha256:
        raise DataError(f"{path}: was changed while it was used. Start the same command again.")
    try:
        bounds = np.array([facts(item).bounds for item in table.items], dtype=np.float64).reshape(-1, 4)
    except (ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: an item in it cannot be used ({error}). Add --refresh to search again.") from error
    return _Index(table.items, bounds)
