"""Scenes that lie on this machine: which files of a folder serve a modality, where and when.

Every path is shown to the readers that give the modality; a folder that one recognises is one product. Two readers
that recognise the same path must be told apart by name, because each takes its values for something else.
"""

from __future__ import annotations

import inspect
import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import xarray
from rasterio.warp import transform_bounds

from olmoearth_core.errors import DataError, OtherModality
from olmoearth_core.ingest.candidate import Candidate
from olmoearth_core.ingest.windows import Window
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.reader import Reader

Bounds = tuple[float, float, float, float]
MAP_LASTS = timedelta(days=365)
"""How long a map holds whose file names no end."""
_MONTH = (timedelta(days=27), timedelta(days=32))
"""Steps of a series at such distances are months, each lasting until the next."""
_AROUND = 0.02
"""Degrees by which a window reaches beyond its centre, at the equator, and a little more."""


@dataclass(frozen=True)
class Scene:
    """One time step of one product for one modality, as its header tells it.

    step: place on the product's time axis. bands: those that it has. bounds: as in `Candidate`.
    """

    reader: Reader
    path: str
    spec: ModalitySpec
    step: int
    start: datetime
    end: datetime
    bounds: Bounds
    bands: tuple[str, ...]
    cloud_cover: float | None

    def open(self, bands: Sequence[str]) -> xarray.DataArray:
        """Return those bands that the product has, at this step."""
        known = [band for band in bands if band in self.bands]
        if not known:
            return self.reader.read(self.path, self.spec).isel(time=self._now, band=slice(0, 0))
        return self.reader.read(self.path, self.spec, bands=known).isel(time=self._now)

    def clear(self) -> xarray.DataArray | None:
        """Return where the ground is seen at this step, or None where the product does not say."""
        mask = self.reader.clear(self.path, self.spec)
        return mask if mask is None else mask.isel(time=self._now)

    @property
    def _now(self) -> slice:
        return slice(self.step, self.step + 1)

    def candidate(self) -> Candidate:
        """Return it as one that may serve a window."""
        return Candidate(
            self.path, self.start, self.end, self.bounds, self.open, self.clear, self.cloud_cover, self.path, self.bands
        )  # fmt: skip


@dataclass(frozen=True)
class LocalScenes:
    """All scenes of one modality below a folder; finds those of a window (`tile.Find`)."""

    scenes: tuple[Scene, ...]

    def __call__(self, window: Window, spec: ModalitySpec) -> list[Candidate]:
        """Return the scenes that touch a window."""
        lat, lon = window.cell.latlon()
        up = _AROUND
        across = min(180.0, up / max(float(np.cos(np.radians(lat))), 0.01))
        return [
            s.candidate() for s in self.scenes if s.spec.name == spec.name and _near(s.bounds, lon, lat, across, up)
        ]


def scan(
    root: str | Path, specs: Sequence[ModalitySpec], readers: Sequence[Reader]
) -> tuple[Mapping[str, LocalScenes], tuple[str, ...]]:
    """Look through a file or folder and return modality -> scenes, and what could not be opened, by name.

    A product of another modality is passed over; the first is named where a modality has no scene at all.

    Raises:
        DataError: the path does not exist, or two readers recognise a file for one modality; names both.
    """
    if not Path(root).exists():
        raise DataError(f"{root}: not found. Give a file or folder of raw products.")
    found: dict[str, list[Scene]] = {spec.name: [] for spec in specs}
    faults: list[str] = []
    others: dict[str, str] = {}
    for path, knowing in products(root, readers):
        for spec in specs:
            reader = _only(path, spec, [r for r in knowing if spec.name in r.modalities])
            if reader is None:
                continue
            try:
                found[spec.name].extend(_scenes(reader, path, spec))
            except OtherModality as error:
                others.setdefault(spec.name, str(error))
            # A reader may be anybody's, and one bad file must not hide the others.
            except Exception as error:
                text = str(error) or type(error).__name__
                faults.append(text if path in text else f"{path}: {text}")
    faults += [text for name, text in others.items() if not found[name]]
    return {name: LocalScenes(tuple(scenes)) for name, scenes in found.items()}, tuple(faults)


def products(root: str | Path, readers: Sequence[Reader]) -> Iterator[tuple[str, list[Reader]]]:
    """Yield each product below a path, in the order of names, with the readers that recognise it."""
    path = str(root)
    knowing = [reader for reader in readers if _recognised(reader, path)]
    if knowing:
        yield path, knowing
    elif os.path.isdir(path) and (path == str(root) or not os.path.islink(path)):
        for name in sorted(os.listdir(path)):
            if not name.startswith("."):
                yield from products(os.path.join(path, name), readers)


def build_readers(
    components: Mapping[str, Any], modality_names: Sequence[str], name: str | None, options: Mapping[str, Any]
) -> list[Reader]:
    """Build the readers that give one of the modalities.

    components: name -> factory. name: take this one alone. options: arguments for those factories that have them.

    Raises:
        DataError: an option that no factory has, or a value that it refuses.
    """
    chosen = {n: f for n, f in components.items() if name in (None, n)}
    takes = {n: set(inspect.signature(factory).parameters) for n, factory in chosen.items()}
    if strange := [key for key in options if not any(key in names for names in takes.values())]:
        known = sorted({key for names in takes.values() for key in names})
        raise DataError(f'option "{strange[0]}": no reader here takes it. Known: {", ".join(known) or "none"}.')
    built: list[Reader] = []
    for component, factory in sorted(chosen.items()):
        try:
            reader = factory(**{key: value for key, value in options.items() if key in takes[component]})
        except (TypeError, ValueError) as error:
            raise DataError(f"reader {component}: {error}. `olmoearth show {component}` lists its options.") from error
        if set(reader.modalities) & set(modality_names):
            built.append(reader)
    return built


def _recognised(reader: Reader, path: str) -> bool:
    try:
        return reader.recognises(path)
    except Exception:  # it promised not to raise; a file that confuses it is not its own
        return False


def _only(path: str, spec: ModalitySpec, readers: Sequence[Reader]) -> Reader | None:
    if len(readers) > 1:
        names = " and ".join(reader.name for reader in readers)
        raise DataError(f"{path}: {names} both read it as {spec.name}, with different meaning. Choose with --reader.")
    return readers[0] if readers else None


def _scenes(reader: Reader, path: str, spec: ModalitySpec) -> Iterator[Scene]:
    array = reader.read(path, spec)
    bounds = bounds_of(array)
    cover = array.attrs.get("cloud_cover")
    bands = tuple(str(band) for band in array["band"].values)
    for step, (start, end) in enumerate(spans(array, spec)):
        yield Scene(reader, path, spec, step, start, end, bounds, bands, None if cover is None else float(cover))


def spans(array: xarray.DataArray, spec: ModalitySpec) -> list[tuple[datetime, datetime]]:
    """Return start and end of each time step, UTC: images are moments, maps last a year, months until the next."""
    moments = [
        datetime.fromtimestamp(int(t) / 1e9, UTC) for t in array["time"].values.astype("datetime64[ns]").astype(int)
    ]
    if not spec.multitemporal:
        return [(time, time + MAP_LASTS) for time in moments]
    gaps = [after - before for before, after in itertools.pairwise(moments)]
    if gaps and all(_MONTH[0] <= gap <= _MONTH[1] for gap in gaps):
        return list(zip(moments, [*moments[1:], moments[-1] + gaps[-1]], strict=True))
    return [(time, time) for time in moments]


def bounds_of(array: xarray.DataArray) -> Bounds:
    """Return west, south, east, north of an array in degrees; west > east across the antimeridian.

    An array without rows and columns is of the whole world.
    """
    import rioxarray  # noqa: F401  registers the accessor `.rio`

    if "x" not in array.dims:
        return (-180.0, -90.0, 180.0, 90.0)
    if array.rio.crs is None:
        raise DataError(f"{array.attrs.get('source', 'the array')}: its array has no CRS.")
    edges = []
    for axis in ("x", "y"):
        centres = array[axis].values
        half = abs(float(centres[-1] - centres[0])) / (len(centres) - 1) / 2 if len(centres) > 1 else 0.0
        edges.append((float(centres.min()) - half, float(centres.max()) + half))
    (left, right), (bottom, top) = edges
    if array.rio.crs.is_geographic:
        if right - left >= 360:
            return (-180.0, bottom, 180.0, top)
        return ((left + 180) % 360 - 180, bottom, 180 - (180 - right) % 360, top)
    west, south, east, north = transform_bounds(array.rio.crs, "EPSG:4326", left, bottom, right, top, densify_pts=21)
    return west, south, east, north


def _near(bounds: Bounds, lon: float, lat: float, across: float, up: float) -> bool:
    west, south, east, north = bounds
    if not south - up <= lat <= north + up:
        return False
    width = 360.0 if east - west >= 360 else (east - west) % 360
    return (lon - west + across) % 360 <= width + 2 * across
