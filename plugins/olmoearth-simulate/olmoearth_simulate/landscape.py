"""A simulated landscape as a tile store: what people without data, tests and the quick start begin with.

Regions of two by two tiles lie far apart, each with its own climate, terrain and year. Months, sensors
and the edges of radar swaths are missing here and there, as in real archives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from olmoearth_core.convert.grid import Cell
from olmoearth_core.convert.tile_writer import Row, write_table, write_tile
from olmoearth_core.convert.tiles import SLOTS, slot
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import TILE_PIXELS, ModalitySpec
from olmoearth_core.interfaces.source import Progress, Source, Written
from olmoearth_simulate.hidden import Hidden, hidden
from olmoearth_simulate.mapped import elevation, features, land_cover
from olmoearth_simulate.optical import level1_numbers, surface_reflectance
from olmoearth_simulate.radar import backscatter

_Dated = Callable[[Hidden, ModalitySpec, float, np.random.Generator], list[np.ndarray]]
_Static = Callable[[Hidden, ModalitySpec, np.random.Generator], list[np.ndarray]]
DATED: Mapping[str, _Dated] = {
    "sentinel2_l2a": surface_reflectance,
    "sentinel1": backscatter,
    "landsat": level1_numbers,
}
STATIC: Mapping[str, tuple[_Static, int, int]] = {
    "srtm": (elevation, 2000, 2001),
    "worldcover": (land_cover, 2021, 2022),
    "openstreetmap_raster": (features, 2020, 2025),
}
"""Modality -> how it is made, and the years that its table names."""
MADE = (*DATED, *STATIC)
REGION_TILES = 2
_FIRST_COL, _FIRST_ROW = 200, -2200


def landscape(*, seed: int = 0, tiles: int = 12, gaps: bool = True, crs: str = "EPSG:32632") -> Source:
    """A made-up landscape, written as a GeoTIFF tile store.

    seed: same seed, same files. tiles: tiles of 2560 m, each four samples of 128 px; fewer than four lie apart, more in
    groups of four. gaps: leave out months,
    sensors and swath edges. crs: UTM zone that the tiles lie in.
    """
    if tiles < 1:
        raise DataError(f"tiles is {tiles}, expected at least 1.")
    return _Landscape(seed=seed, tiles=tiles, gaps=gaps, crs=crs)


@dataclass(frozen=True, kw_only=True)
class _Landscape:
    seed: int
    tiles: int
    gaps: bool
    crs: str
    name: str = "simulate.landscape.v1"
    writes: Written = "tiles"

    def write(self, out: str | Path, specs: Sequence[ModalitySpec], *, progress: Progress | None = None) -> Path:
        """Write the tiles and tables of all modalities that can be simulated."""
        by_name = {spec.name: spec for spec in specs}
        # In our own order, so that the same seed gives the same pixels whatever else is asked for.
        known = [by_name[name] for name in MADE if name in by_name]
        if not known:
            raise DataError(f"none of the modalities can be simulated; choose from {', '.join(MADE)}.")
        root = Path(out)
        rows: dict[str, list[Row]] = {spec.name: [] for spec in known}
        side = REGION_TILES if self.tiles >= REGION_TILES**2 else 1
        per_region = side**2
        done = 0
        try:
            for number in range(-(-self.tiles // per_region)):
                region = _Region(self, number, side)
                for _ in region.write(root, known, rows, min(per_region, self.tiles - done)):
                    done += 1
                    if progress:
                        progress(done, self.tiles)
            for spec in known:
                write_table(root, spec, rows[spec.name])
        except OSError as error:
            raise DataError(f"{root}: cannot be written ({error}). Give another output folder.") from error
        return root


@dataclass(frozen=True)
class _Region:
    """One region: its place, its time and its hidden map. side: tiles along a side."""

    source: _Landscape
    number: int
    side: int

    def rng(self, *purpose: int) -> np.random.Generator:
        return np.random.default_rng([self.source.seed, self.number, *purpose])

    def write(
        self, root: Path, specs: Sequence[ModalitySpec], rows: dict[str, list[Row]], tiles: int
    ) -> Iterator[Cell]:
        land = hidden(self.rng(0), self.side * TILE_PIXELS)
        when = self._tile_time()
        cells = [self._cell(index) for index in range(tiles)]
        missing = [self._missing(specs, index) for index in range(tiles)]
        for spec in specs:
            dates = self._dates(land, spec, when, MADE.index(spec.name))
            for index, cell in enumerate(cells):
                steps = [k for k in range(len(dates)) if k not in missing[index].get(spec.name, ())]
                if steps:
                    self._write_tile(root, spec, cell, index, [dates[k] for k in steps], missing[index])
                    rows[spec.name] += _rows(spec, cell, when, steps)
        yield from cells

    def _tile_time(self) -> datetime:
        rng = self.rng(1)
        day = datetime(int(rng.integers(2017, 2023)), 1, 1, tzinfo=UTC)
        return day + timedelta(days=int(rng.integers(0, 365)))

    def _cell(self, index: int) -> Cell:
        # Three columns of regions some 40 km apart: far enough to be different places, all inside one UTM zone.
        col = _FIRST_COL + 16 * (self.number % 3) + index % self.side
        row = _FIRST_ROW + 16 * (self.number // 3) + index // self.side
        return Cell(self.source.crs, 16, col, row)

    def _dates(self, land: Hidden, spec: ModalitySpec, when: datetime, order: int) -> list[list[np.ndarray]]:
        if spec.name in STATIC:
            return [STATIC[spec.name][0](land, spec, self.rng(2, order))]
        dates = []
        for number in range(1, SLOTS + 1):
            rng = self.rng(3, order, number)
            start, _ = slot(when, number)
            day = (start.timetuple().tm_yday + rng.uniform(0, 30)) % 365
            dates.append(DATED[spec.name](land, spec, day, rng))
        return dates

    def _missing(self, specs: Sequence[ModalitySpec], index: int) -> dict[str, tuple[int, ...]]:
        """Choose the months that each sensor lacks on a tile; at least one sensor always has all twelve."""
        dated = [spec.name for spec in specs if spec.name in DATED]
        if not self.source.gaps or len(dated) < 2:
            return {}
        rng = self.rng(4, index)
        complete = dated[int(rng.random() < 0.2)]
        gaps: dict[str, tuple[int, ...]] = {}
        for name in dated:
            draw, months = rng.random(), rng.permutation(SLOTS)
            if name == complete or draw < 0.4:
                continue
            gone = SLOTS if draw > 0.93 and name != dated[0] else int(rng.integers(1, 6))
            gaps[name] = tuple(int(m) for m in months[:gone])
        if rng.random() < 0.1 and "sentinel1" in dated and complete != "sentinel1":
            gaps["swath_edge"] = (int(rng.integers(0, SLOTS)),)
        return gaps

    def _write_tile(
        self, root: Path, spec: ModalitySpec, cell: Cell, index: int, dates: list[list[np.ndarray]],
        missing: Mapping[str, tuple[int, ...]],
    ) -> None:  # fmt: skip
        row, col = divmod(index, self.side)
        for number, band_set in enumerate(spec.band_sets):
            side = spec.stored_pixels(band_set)
            window = np.s_[:, row * side : (row + 1) * side, col * side : (col + 1) * side]
            steps = np.stack([date[number][window] for date in dates])
            if spec.name == "sentinel1" and "swath_edge" in missing and spec.nodata is not None:
                steps[missing["swath_edge"][0] % len(steps), :, :, : side // 5] = spec.nodata
            write_tile(root, spec, cell, band_set, steps)


def _rows(spec: ModalitySpec, cell: Cell, when: datetime, steps: Sequence[int]) -> list[Row]:
    if not spec.multitemporal:
        first, last = (datetime(year, 1, 1, tzinfo=UTC) for year in STATIC[spec.name][1:])
        return [Row(cell, when, 0, first, last)]
    return [Row(cell, when, place, *slot(when, k + 1)) for place, k in enumerate(steps)]
