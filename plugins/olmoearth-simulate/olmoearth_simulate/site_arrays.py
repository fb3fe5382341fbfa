"""From the files of a site to arrays in the bands, units and months of modalities.

Absent pixels and bands become -99999, absent months are left out of an array and False in its mask: that
is how sample files say that something was not measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from olmoearth_core.convert.h5_writer import MISSING_VALUE, stored
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_simulate.site_files import Month, SiteFile, read_site_file


@dataclass(frozen=True)
class Recipe:
    """How a modality is found among a site's files.

    files: names to look for; several are joined along the bands. units: a text that one of the file's tags must
    contain, or the values would be in other units. lowest: smaller values are fill, not measurements.
    """

    files: tuple[str, ...]
    units: str
    lowest: float | None = None


RECIPES: Mapping[str, Recipe] = {
    "sentinel2_l2a": Recipe(("sentinel2_l2a_10m.tif", "sentinel2_l2a_20m.tif"), "DN/10000", lowest=1),
    "sentinel1": Recipe(("sentinel1_10m.tif", "sentinel1_20m.tif"), "linear power", lowest=0),
    # Negative reflectance in this archive is its fill value -999.
    "landsat_l2": Recipe(("landsat8_sr_10m.tif",), "surface reflectance *10000", lowest=0),
    "srtm": Recipe(("dem_10m.tif", "dem_20m.tif"), "m"),
}


@dataclass(frozen=True)
class SiteArrays:
    """Everything that a site gives.

    arrays: stored form, [H, W, T_m, C] with the months that exist. masks: bool [T]. months: the site's steps.
    sources: modality -> where its pixels came from. frame: a file that knows the site's place.
    """

    arrays: dict[str, np.ndarray]
    masks: dict[str, np.ndarray]
    months: tuple[Month, ...]
    sources: dict[str, str]
    frame: SiteFile

    @property
    def timestamps(self) -> np.ndarray:
        """First day of each month, int32 [T, 3] = day, month 0-11, year."""
        return np.array([[1, month - 1, year] for year, month in self.months], dtype=np.int32)


def read_site(folder: Path, specs: Sequence[ModalitySpec]) -> SiteArrays | None:
    """Read all modalities that the site has files for; None if none of them varies in space and time."""
    stacks: dict[str, tuple[np.ndarray, tuple[Month, ...], list[SiteFile]]] = {}
    for spec in specs:
        files = [read_site_file(folder / n) for n in RECIPES[spec.name].files if (folder / n).exists()]
        if files:
            stacks[spec.name] = (*_stacked(spec, files), files)
    dated = {spec.name for spec in specs if spec.kind == "space_time" and spec.name in stacks}
    if not dated:
        return None
    months = tuple(sorted({month for name in dated for month in stacks[name][1]}))
    masks = {name: np.array([month in stacks[name][1] for month in months]) for name in dated}
    sources = {name: files[0].tags.get("source", files[0].path.name) for name, (_, _, files) in stacks.items()}
    frame = next(files[0] for _, _, files in stacks.values())
    return SiteArrays({name: array for name, (array, _, _) in stacks.items()}, masks, months, sources, frame)


def _stacked(spec: ModalitySpec, files: Sequence[SiteFile]) -> tuple[np.ndarray, tuple[Month, ...]]:
    """Return the array [H, W, T, C] in stored form and its months, without months that hold nothing."""
    recipe, first = RECIPES[spec.name], files[0]
    for file in files:
        _check(spec, recipe, file, first)
    found = {band: (file, index) for file in files for index, band in enumerate(file.bands)}
    bands = [_name_in_file(band, found) for band in spec.band_order]
    shape = (len(first.months), spec.num_bands, *first.values.shape[2:])
    values = np.full(shape, np.nan)
    for index, band in enumerate(bands):
        if band is not None:
            file, place = found[band]
            values[:, index] = file.values[:, place]
    if recipe.lowest is not None:
        values[values < recipe.lowest] = np.nan
    keep = [t for t in _first_of_each_month(first.months) if np.isfinite(values[t]).any()]
    months = tuple(month for t in keep if (month := first.months[t]) is not None)
    return _stored_form(spec, values[keep]), months


def _name_in_file(band: str, found: Mapping[str, object]) -> str | None:
    aliases = {band, band.lower(), "elevation" if band == "srtm" else band}
    return next((name for name in aliases if name in found), None)


def _first_of_each_month(months: Sequence[Month | None]) -> list[int]:
    return [t for t, month in enumerate(months) if month not in months[:t]]


def _stored_form(spec: ModalitySpec, values: np.ndarray) -> np.ndarray:
    real = spec.dtype is not None and spec.dtype.startswith("float")
    filled = np.where(np.isfinite(values), values, MISSING_VALUE).transpose(2, 3, 0, 1)
    return stored(filled.astype(np.float32) if real else np.rint(filled).astype(np.int32), spec.storage)


def _check(spec: ModalitySpec, recipe: Recipe, file: SiteFile, first: SiteFile) -> None:
    said = f"{file.tags.get('units', '')} {file.tags.get('scale', '')}"
    if recipe.units not in said:
        raise DataError(
            f'{file.path}: its tags say "{said.strip()}", expected "{recipe.units}" for {spec.name}. '
            "Convert the values, or correct the tag."
        )
    same = (file.crs, file.left, file.top, file.values.shape[2:]) == (
        first.crs, first.left, first.top, first.values.shape[2:],
    )  # fmt: skip
    if not same or _month_list(file) != _month_list(first):
        raise DataError(f"{file.path}: place, size or dates differ from {first.path.name} of the same site.")


def _month_list(file: SiteFile) -> tuple[Month | None, ...]:
    return file.months
