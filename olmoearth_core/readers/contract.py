"""Are the values that a reader gave what the modality's specification says they are?

A wrong unit trains a model that looks fine and is not, so every scene is tested on its way in and refused with the
evidence. Tests look at values only where the declared facts cannot tell; each is silent about too few pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import xarray

from olmoearth_core.convert.h5_writer import stored
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ContractRule, ModalitySpec
from olmoearth_core.readers.band_order import swapped
from olmoearth_core.readers.offset import left_offset

_MOST = 262_144
"""Pixels per band and time that are looked at: five squares where a scene has more."""
_STRAY = 0.01
"""Share of values that may lie outside the valid range: sun glint, clouds and noise do."""

Values = Mapping[str, np.ndarray]
"""By band, float32 [N] of the same pixels in all bands, NaN where nothing was measured."""


def check(array: xarray.DataArray, spec: ModalitySpec) -> None:
    """Test what a reader returned (`Reader.read`) against a specification.

    array: float32 (time, band, ...), NaN where nothing was measured. A scene of more than half a megapixel is judged
    by its middle and four squares around it.

    Raises:
        DataError: names the file, what was found in which band, what was expected, and what to do.
    """
    source = array.attrs.get("source", "the array")
    declared = array.attrs.get("quantity", "")
    if spec.quantity and declared != spec.quantity:
        raise DataError(
            f'{source}: its values are "{declared or "not declared"}" ({array.attrs.get("units", "no unit")}), but '
            f'{spec.name} takes "{spec.quantity}" ({spec.units}). Use the reader or option that converts them.'
        )
    if unknown := [str(b) for b in array["band"].values if b not in spec.band_order]:
        raise DataError(f"{source}: bands {', '.join(unknown)} are not of {spec.name} ({', '.join(spec.band_order)}).")
    values = sample(array)
    finding = next((f for f in (test(values, spec) for test in _tests(spec)) if f), None)
    if finding:
        raise DataError(f"{source}: refused as {spec.name}. {finding}")


def sample(array: xarray.DataArray) -> Values:
    """Return by band, float32 [N], the pixels that are judged."""
    if "y" not in array.dims:
        return {str(b): np.asarray(array.sel(band=b)).ravel() for b in array["band"].values}
    parts = [array.isel(y=rows, x=cols).values for rows, cols in _squares(array.sizes["y"], array.sizes["x"])]
    return {
        str(band): np.concatenate([part[:, i].ravel() for part in parts]).astype(np.float32)
        for i, band in enumerate(array["band"].values)
    }


def _squares(height: int, width: int) -> list[tuple[slice, slice]]:
    if height * width <= 2 * _MOST:
        return [(slice(0, height), slice(0, width))]
    side = int((_MOST / 5) ** 0.5)

    def around(length: int, share: float) -> slice:
        start = max(0, min(length - side, int(length * share) - side // 2))
        return slice(start, min(length, start + side))

    places = ((0.5, 0.5), (0.25, 0.25), (0.25, 0.75), (0.75, 0.25), (0.75, 0.75))
    return [(around(height, down), around(width, across)) for down, across in places]


_Test = Callable[[Values, ModalitySpec], str]
"""Returns what is wrong as sentences, or ""."""


def _tests(spec: ModalitySpec) -> list[_Test]:
    return [_nodata_is_hidden, *(RULES[rule] for rule in spec.contract), _in_range, _known_codes]


def _nodata_is_hidden(values: Values, spec: ModalitySpec) -> str:
    for band, found in values.items() if spec.nodata is not None else ():
        if number := int((found == spec.nodata).sum()):
            return (
                f"Band {band} has {number} values of {spec.nodata:g}, which stands for nothing; the reader must return "
                "NaN there. Declare the file's nodata."
            )
    return ""


def _in_range(values: Values, spec: ModalitySpec) -> str:
    if spec.valid_range is None:
        return ""
    low, high = spec.valid_range
    for band, found in values.items():
        there = found[np.isfinite(found)]
        kept = stored(there, spec.storage)
        outside = float(((kept < low) | (kept > high)).mean()) if kept.size else 0.0
        if outside > _STRAY:
            return (
                f"{outside:.0%} of band {band} lie outside the valid range {low:g} to {high:g} (found {kept.min():g} "
                f"to {kept.max():g}; {spec.units}). Check unit, scale and nodata of the file."
            )
    return ""


def _known_codes(values: Values, spec: ModalitySpec) -> str:
    for band, found in values.items() if spec.codes else ():
        there = np.unique(found[np.isfinite(found)])
        if strange := [f"{code:g}" for code in there if code not in spec.codes]:
            known = ", ".join(map(str, spec.codes))
            return f"Band {band} has codes {', '.join(strange[:5])}, expected {known}. Is it the map with this legend?"
    return ""


def _counts_not_fractions(values: Values, spec: ModalitySpec) -> str:
    for band, found in values.items():
        there = found[np.isfinite(found)]
        if there.size and there.max() <= 2.0 and (there != np.round(there)).any():
            return (
                f"Band {band} ranges from {there.min():.4g} to {there.max():.4g}: fractions, but {spec.units} are "
                "whole numbers in the hundreds and thousands. Multiply them, or declare their scale to the reader."
            )
    return ""


def _power_not_decibel(values: Values, spec: ModalitySpec) -> str:
    for band, found in values.items():
        there = found[np.isfinite(found)]
        negative = float((there < 0).mean()) if there.size else 0.0
        if negative > _STRAY:
            return (
                f"{negative:.0%} of band {band} are negative (median {np.median(there):.2f}), as decibels are; power "
                'never is. Declare the unit to the reader (unit = "db").'
            )
    return ""


def _whole_numbers(values: Values, spec: ModalitySpec) -> str:
    for band, found in values.items():
        there = found[np.isfinite(found)]
        broken = there[there != np.round(there)]
        if broken.size:
            return (
                f"Band {band} holds {broken[0]:g} and {broken.size - 1} more values between the codes of {spec.units}: "
                "the map was interpolated. Resample maps of classes with nearest or mode."
            )
    return ""


RULES: Mapping[ContractRule, _Test] = {
    "counts_not_fractions": _counts_not_fractions,
    "power_not_decibel": _power_not_decibel,
    "offset_removed": left_offset,
    "bands_in_order": swapped,
    "whole_numbers": _whole_numbers,
}
