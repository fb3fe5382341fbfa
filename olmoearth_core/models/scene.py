"""An xarray scene as a batch of one sample, and embeddings as an xarray of the same place.

Variables are told apart by name, axes by the names of dims and bands by the coordinate of theirs, so their order never
matters. Where variables with different bands share one dim, xarray fills up with NaN: such bands are nobody's.
"""

# H W pixels, T steps, C bands, D features
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import xarray

from olmoearth_core.data.sample import Batch
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.models.card import ModelCard
from olmoearth_core.models.prepare import spec_of
from olmoearth_core.names import closest

_REFERENCES = ("spatial_ref", "crs")


@dataclass(frozen=True)
class Scene:
    """A batch of raw values, NaN where nothing is, and the coordinates of patch centres (None: not spatial)."""

    batch: Batch
    rows: np.ndarray | None
    columns: np.ndarray | None
    reference: xarray.DataArray | None

    def labelled(self, values: np.ndarray, card: ModelCard, patch_size: int) -> xarray.DataArray:
        """Return features [D] or [H,W,D] with the coordinates of patch centres and the CRS."""
        coords: dict[str, Any] = {}
        if values.ndim == 3 and self.rows is not None and self.columns is not None:
            coords = {"y": self.rows, "x": self.columns}
        dims = [["feature"], ["part", "feature"], ["y", "x", "feature"]][values.ndim - 1]
        facts = {"model": card.title, "source": card.source, "patch_size": patch_size}
        out = xarray.DataArray(values, coords, dims, name="embedding", attrs=facts)
        if self.reference is not None:
            name = str(self.reference.name)
            out = out.assign_coords({name: self.reference})
            out.encoding["grid_mapping"] = name
        return out


def read(data: xarray.Dataset | xarray.DataArray, card: ModelCard, patch_size: int) -> Scene:
    """Read a scene.

    Raises:
        DataError: variables, dims, bands, dates or sizes that do not fit, and what would.
    """
    variables = _variables(data)
    specs = {name: spec_of(name, card) for name in variables}
    times = _times(variables, specs)
    arrays = {}
    for name, variable in variables.items():
        ordered = _ordered(_banded(variable, specs[name]), specs[name])
        arrays[specs[name].name] = torch.from_numpy(ordered.to_numpy().astype(np.float32))[None]
    batch = Batch(arrays, {}, torch.from_numpy(times)[None])
    spatial = next((name for name, spec in specs.items() if spec.spatial), None)
    if spatial is None:
        return Scene(batch, None, None, _reference(data))
    side = patch_size * specs[spatial].size_factor
    _check_size(variables[spatial], side)
    rows, columns = (_centres(variables[spatial][axis].to_numpy(), side) for axis in ("y", "x"))
    return Scene(batch, rows, columns, _reference(data))


def _variables(data: Any) -> dict[str, xarray.DataArray]:
    """Return the variables that hold observations: all but scalars, such as the one that describes the CRS."""
    if isinstance(data, xarray.DataArray):
        if data.name is None:
            raise DataError('found a DataArray without a name, expected the name of its modality: array.rename("...").')
        return {str(data.name): data}
    if not isinstance(data, xarray.Dataset):
        raise DataError(f"found a {type(data).__name__}, expected a Batch, an xarray.Dataset or an xarray.DataArray.")
    found = {str(name): variable for name, variable in data.data_vars.items() if variable.ndim}
    if not found:
        raise DataError("found a Dataset without variables, expected one variable per modality, called after it.")
    return found


def _banded(variable: xarray.DataArray, spec: ModalitySpec) -> xarray.DataArray:
    """Give a variable the modality's bands in their order under the dim "band"; those that it lacks are NaN."""
    own = f"band_{variable.name}"
    dim = own if own in variable.dims else "band"
    variable = variable.rename({dim: "band"}) if dim != "band" else variable
    if "band" not in variable.dims:
        if spec.num_bands > 1:
            raise DataError(
                f"{variable.name}: found the dims {', '.join(map(str, variable.dims))}, expected one called band for "
                f"its bands {', '.join(spec.band_order)}."
            )
        return variable.drop_vars("band", errors="ignore").expand_dims(band=list(spec.band_order))
    if "band" not in variable.coords:
        raise DataError(
            f"{variable.name}: the dim {dim} has no names, expected the names of its bands: "
            f"data.assign_coords({dim}=[...]) with some of {', '.join(spec.band_order)}."
        )
    spelled = {band.lower(): band for band in spec.band_order}
    names = [spelled.get(str(band).lower(), str(band)) for band in variable["band"].to_numpy()]
    variable = variable.assign_coords(band=names)
    strange = [n for n in names if n not in spec.band_order and not bool(variable.sel(band=n).isnull().all())]
    if strange or not set(names) & set(spec.band_order):
        raise DataError(_strange_bands(variable, spec, strange or names))
    if len(set(names)) < len(names):
        raise DataError(f"{variable.name}: found a band twice among {', '.join(names)}, expected each once.")
    return variable.reindex(band=list(spec.band_order))


def _strange_bands(variable: xarray.DataArray, spec: ModalitySpec, strange: Sequence[str]) -> str:
    meant = closest(strange[0], spec.band_order)
    hint = f' Did you mean "{meant}" for "{strange[0]}"?' if meant else " Leave others out with .sel(band=[...])."
    found = ", ".join(strange)
    return f"{variable.name}: found the bands {found}, expected some of {', '.join(spec.band_order)}.{hint}"


def _ordered(variable: xarray.DataArray, spec: ModalitySpec) -> xarray.DataArray:
    """Bring the axes into the model's order; one date of a map is as good as none."""
    wanted = [*(("y", "x") if spec.spatial else ()), *(("time",) if spec.multitemporal else ()), "band"]
    if "time" in variable.dims and not spec.multitemporal:
        if variable.sizes["time"] > 1:
            raise DataError(
                f"{variable.name}: found {variable.sizes['time']} dates, expected none, because it does not vary in "
                "time. Choose one with .isel(time=0)."
            )
        variable = variable.isel(time=0)
    if "time" in variable.coords and "time" not in variable.dims and spec.multitemporal:
        variable = variable.expand_dims("time")
    if set(variable.dims) != set(wanted):
        raise DataError(
            f"{variable.name}: found the dims {', '.join(map(str, variable.dims))}, expected {', '.join(wanted)} in "
            "any order. Rename them with .rename({...})."
        )
    ordered = variable.transpose(*wanted)
    return ordered.expand_dims("time", axis=2) if spec.kind == "space" else ordered


def _times(variables: dict[str, xarray.DataArray], specs: dict[str, ModalitySpec]) -> np.ndarray:
    """Return int32 [T,3] = day, month from 0, year; a scene of maps alone has one step without meaning."""
    for name, variable in variables.items():
        if not specs[name].multitemporal:
            continue
        if "time" not in variable.coords or variable["time"].dtype.kind != "M":
            found = f"dates of type {variable['time'].dtype}" if "time" in variable.coords else "no dates"
            raise DataError(
                f"{name}: found {found}, expected a coordinate time of type datetime64, as the model reads months. "
                'E.g. data.assign_coords(time=np.array(["2021-06-15"], "datetime64[ns]")).'
            )
        days = np.atleast_1d(variable["time"].to_numpy()).astype("datetime64[D]")
        if np.isnat(days).any():
            raise DataError(f"{name}: found a date that is NaT, expected the date of every step.")
        months = days.astype("datetime64[M]")
        day, month = (days - months).astype(int) + 1, months.astype(int)
        return np.stack([day, month % 12, 1970 + month // 12], axis=1).astype(np.int32)
    return np.array([[1, 0, 2000]], dtype=np.int32)


def _check_size(variable: xarray.DataArray, side: int) -> None:
    height, width = variable.sizes["y"], variable.sizes["x"]
    if min(height, width) < side or height % side or width % side:
        fits = {axis: size // side * side for axis, size in (("y", height), ("x", width))}
        cut = ", ".join(f"{axis}=slice(0, {size})" for axis, size in fits.items())
        advice = f"Cut it with .isel({cut}), or choose" if min(fits.values()) else "Choose"
        raise DataError(
            f"{variable.name}: found {height} x {width} pixels, expected multiples of {side} (the side of a patch). "
            f"{advice} a patch size that divides them."
        )


def _centres(pixels: np.ndarray, side: int) -> np.ndarray:
    means: np.ndarray = np.asarray(pixels, dtype=np.float64).reshape(-1, side).mean(1)
    return means


def _reference(data: xarray.Dataset | xarray.DataArray) -> xarray.DataArray | None:
    """Return the scalar that describes the CRS, without the corner and pixel size of the old grid."""
    named = {str(part.encoding.get("grid_mapping") or part.attrs.get("grid_mapping") or "") for part in _parts(data)}
    for name in (*sorted(named - {""}), *_REFERENCES):
        if name in data.coords or (isinstance(data, xarray.Dataset) and name in data.data_vars):
            found = data[name].copy()
            found.attrs.pop("GeoTransform", None)
            return found
    return None


def _parts(data: xarray.Dataset | xarray.DataArray) -> list[xarray.DataArray]:
    return [data] if isinstance(data, xarray.DataArray) else list(data.data_vars.values())
