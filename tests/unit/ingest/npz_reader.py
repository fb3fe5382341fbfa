"""A reader that lives in a file of its own, so that other processes can import it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rioxarray  # noqa: F401  registers the accessor `.rio`
import xarray

from olmoearth_core.convert.grid import Cell
from olmoearth_core.errors import DataError


@dataclass(frozen=True)
class NpzReader:
    """Reads <name>.npz with values [t, n, y, x], times, and the cell on whose 10 m pixels they lie."""

    name: str = "test.npz.v1"
    modalities: tuple[str, ...] = ("made_images", "made_classes")
    suffix: str = ".npz"

    def recognises(self, path):
        return Path(path).suffix == self.suffix

    def read(self, path, spec, *, bands=None):
        try:
            with np.load(path) as file:
                values, times, (zone, col, row) = file["values"], file["times"], file["cell"]
        except (OSError, ValueError, KeyError, EOFError) as error:
            raise DataError(f"{path}: torn ({error}).") from error
        cell = Cell(f"EPSG:{zone}", 16, int(col), int(row))
        left, top = cell.top_left
        coords = {
            "time": times, "band": list(spec.band_order),
            "y": top - 10 * (np.arange(values.shape[2]) + 0.5), "x": left + 10 * (np.arange(values.shape[3]) + 0.5),
        }  # fmt: skip
        attrs = {"source": path, "quantity": spec.quantity}
        array = xarray.DataArray(values.astype(np.float32), dims=("time", "band", "y", "x"), coords=coords, attrs=attrs)
        placed = array.rio.write_crs(cell.crs)
        return placed if bands is None else placed.sel(band=list(bands))

    def clear(self, path, spec):
        return None


def write(path, values, times, cell):
    path.parent.mkdir(parents=True, exist_ok=True)
    place = np.array([int(cell.crs[5:]), cell.col, cell.row])
    with path.open("wb") as file:
        np.savez(file, values=values, times=np.array(times, dtype="datetime64[ns]"), cell=place)
