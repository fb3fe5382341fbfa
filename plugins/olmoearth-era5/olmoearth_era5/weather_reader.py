"""What the readers of both formats share: their options, and what they do once the file's axes are known."""

from __future__ import annotations

from dataclasses import dataclass

import xarray

from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_era5.field import Field
from olmoearth_era5.variables import Choice


@dataclass(frozen=True)
class WeatherReader:
    """latlon: place whose series is returned, null = the grid. degrees: spacing that the grid must have."""

    name: str
    modalities: tuple[str, ...]
    latlon: tuple[float, float] | None
    degrees: float

    def given(self, field: Field, choice: Choice, spec: ModalitySpec) -> xarray.DataArray:
        """Check the spacing and return the series of the place, or the grid; DataError as `Field.check`."""
        field.check(spec, self.degrees)
        if self.latlon is not None:
            return field.series(choice, spec, self.name, self.latlon)
        return field.array(choice, spec, self.name)

    def clear(self, path: str, spec: ModalitySpec) -> xarray.DataArray | None:
        """Weather is never hidden."""
        return None
