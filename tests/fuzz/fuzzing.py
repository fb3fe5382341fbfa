"""What a damaged product may lead to: values, or a `DataError` that names the file. All runs have the same examples."""

import tempfile
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from olmoearth_core.errors import BrokenComponent, ConfigError, DataError
from olmoearth_core.kinds import registry
from olmoearth_core.lookup import modalities
from olmoearth_core.testing.damage import damaged

# GDAL quotes names of damaged files in warnings that are no text, at which rasterio's logging stumbles harmlessly.
QUIET = [pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")]
SIDE = 64
"""Pixels of a window; whole scenes would take minutes."""


def fuzzed(examples):
    """Give a test as many seeds of damage, always the same."""
    checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    options = settings(
        max_examples=examples, derandomize=True, deadline=None, database=None, suppress_health_check=checks
    )
    return lambda test: options(given(seed=st.integers(0, 2**32 - 1))(test))


@cache
def readers():
    """Every registered reader that can be built without arguments, by name."""
    built = {}
    for name in registry.readers.components():
        try:
            built[name] = registry.readers.get(name)()
        except BrokenComponent:  # a plugin that is being written
            continue
    return built


@contextmanager
def named(*names):
    """Let a refusal pass that has one of the names in it, and nothing else."""
    try:
        yield
    except (DataError, ConfigError) as error:
        if not any(name in str(error) for name in names):
            raise AssertionError(f"names none of {', '.join(names)}: {error}") from error


def outcome(reader, path, *, names):
    """Return the messages with which a product is refused; each must have one of the names in it."""
    reader.recognises(str(path))
    said = []
    for spec in modalities(reader.modalities):
        try:
            _pixels(reader.read(str(path), spec))
            mask = reader.clear(str(path), spec)
            if mask is not None:
                _pixels(mask)
        except DataError as error:
            said.append(str(error))
    unnamed = [text for text in said if not any(name in text for name in names)]
    assert not unnamed, f"{reader.name} does not name the file: {unnamed}"
    return said


def _pixels(array):
    """Read the first and the last window of the last step; never raises anything but DataError."""
    last = array.isel(time=slice(-1, None))
    if "y" not in array.dims:
        return np.asarray(last.values)
    first, end = slice(0, SIDE), slice(-SIDE, None)
    return [np.asarray(last.isel(y=part, x=part).values) for part in (first, end)]


def damage(reader, path, victim, content, seed):
    """Damage one file of a product, look at the product, and put the file back."""
    what, broken = damaged(content, seed)
    victim.write_bytes(broken)
    try:
        return outcome(reader, path, names={path.name, victim.name})
    # The seed alone does not tell which file it was.
    except Exception as error:
        raise AssertionError(f"{reader.name}, {victim.name}, {what}: {type(error).__name__}: {error}") from error
    finally:
        victim.write_bytes(content)


def folder():
    """A new empty folder for one module's products, removed at the end."""
    return tempfile.TemporaryDirectory(prefix="fuzz")


def files(path):
    """All files of a product."""
    path = Path(path)
    return sorted(f for f in path.rglob("*") if f.is_file()) if path.is_dir() else [path]
