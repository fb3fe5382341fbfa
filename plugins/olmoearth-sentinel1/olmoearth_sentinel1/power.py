"""How stored backscatter becomes linear power, the unit of the tile store, and who says what was stored.

The unit is what a file, its name, its item or the user declares, and is never told from the values: power, amplitude
and decibels overlap. Declarations that contradict each other are refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial

import numpy as np

from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.readers.layers import Convert

QUANTITY = "linear_power"
UNITS = ("power", "amplitude", "db")
_SAID = {
    "power": re.compile(r"\b(?:power|intensity)\b", re.IGNORECASE),
    "amplitude": re.compile(r"\bamplitude\b", re.IGNORECASE),
    "db": re.compile(r"\bdb\b|\bdecibels?\b", re.IGNORECASE),
}
_MEASURE = re.compile(r"(?<![a-z])(gamma|sigma|beta)[ _-]?(?:0|nought|naught)", re.IGNORECASE)
_HYP3 = re.compile(r"_RTC\d\d_[A-Z]_([gs])([pad])[um][nf][ec][dm]_", re.IGNORECASE)
"""Names of ASF's products: gamma0 or sigma0, then power, amplitude or decibel, mask, filter, extent and matching.
Source: https://hyp3-docs.asf.alaska.edu/guides/rtc_product_guide/#naming-convention."""
_LOWEST, _FEWEST = -100.0, 64
"""Decibels below which numbers stand for nothing, and negative pixels of a window below which nothing is said."""
_LETTERS = {"p": "power", "a": "amplitude", "d": "db", "g": "gamma0", "s": "sigma0"}


def positive(values: np.ndarray) -> np.ndarray:
    """Return float32 linear power as it is, NaN where it is 0, negative or infinite: none of these was measured."""
    kept: np.ndarray = np.where((values > 0) & np.isfinite(values), values, np.float32(np.nan)).astype(np.float32)
    return kept


def from_amplitude(values: np.ndarray) -> np.ndarray:
    """Return float32 linear power of amplitude, NaN where that is 0 or negative."""
    amplitude = positive(values)
    with np.errstate(over="ignore"):
        return positive(amplitude * amplitude)


def from_decibels(values: np.ndarray) -> np.ndarray:
    """Return float32 linear power 10^(dB/10), NaN where that is no finite number above 0 (-9999, -32768)."""
    with np.errstate(over="ignore", under="ignore"):
        return positive(np.power(10.0, values.astype(np.float64) / 10).astype(np.float32))


def conversion(unit: str, place: str) -> Convert:
    """Return what turns stored values into linear power. unit: one of `UNITS`. place: for messages."""
    return from_decibels if unit == "db" else partial(_never_negative, place, unit)


def _never_negative(place: str, unit: str, values: np.ndarray) -> np.ndarray:
    """Convert power or amplitude, unless it is mostly negative: as NaN it would hide from all who check values."""
    negative = int(((values < 0) & (values > _LOWEST)).sum())
    if negative >= _FEWEST and negative > np.isfinite(values).sum() / 2:
        raise DataError(
            f"{place}: declared as {unit}, but {negative} of {values.size} values are negative, as decibels are; "
            f'{unit} never is. Correct the declaration: units = "db".'
        )
    return from_amplitude(values) if unit == "amplitude" else positive(values)


def unit_of_hyp3(name: str) -> str:
    """Return the unit that the name of a file of ASF declares, "" = it is none of theirs."""
    found = _HYP3.search(name)
    return _LETTERS[found[2].lower()] if found else ""


def unit_in(text: str) -> str:
    """Return the unit that a declaration names, "" = none. After ";" it may tell of a source, which is not meant.

    Raises:
        DataError: it names two.
    """
    said = [unit for unit, words in _SAID.items() if words.search(text.partition(";")[0])]
    if len(said) > 1:
        raise DataError(f'"{text[:100]}" names {" and ".join(said)}, expected one unit. Correct the declaration.')
    return said[0] if said else ""


def measure_in(text: str) -> str:
    """Return gamma0, sigma0 or beta0, "" = the text names none, or several."""
    said = {f"{name.lower()}0" for name in _MEASURE.findall(text.partition(";")[0])}
    if found := _HYP3.search(text):
        said.add(_LETTERS[found[1].lower()])
    return said.pop() if len(said) == 1 else ""


def agreed(where: str, said: Mapping[str, str], option: str) -> str:
    """Return the unit in which all who declare one agree.

    said: who declares -> unit, "" = does not. option: the user's declaration, "" = none.

    Raises:
        DataError: nobody declares it, or two contradict each other; names them.
    """
    known = {who: unit for who, unit in {**said, "the option units": option}.items() if unit}
    if not known:
        looked = f" (looked at {', '.join(said)})" if said else ""
        raise DataError(
            f'{where}: nothing says what its values are{looked}. Declare it: units = "power" (linear), "amplitude" or '
            '"db".'
        )
    if len(set(known.values())) > 1:
        shown = ", ".join(f'{who} says "{unit}"' for who, unit in known.items())
        raise DataError(f"{where}: declarations of the unit disagree: {shown}. Correct the wrong one or leave it out.")
    return next(iter(known.values()))


def require_unit(unit: str) -> None:
    """Check the option of factories.

    Raises:
        ConfigError: says which value is expected.
    """
    if unit not in ("", *UNITS):
        raise ConfigError(f'units = {unit!r}: expected "power" (linear), "amplitude", "db", or "" = as the file says.')
