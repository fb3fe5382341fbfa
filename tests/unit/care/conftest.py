"""Small data sets, and the command line as a function."""

from __future__ import annotations

import pytest

from olmoearth_core.lookup import modalities
from olmoearth_core.testing.command import olmoearth
from olmoearth_core.testing.sample_sets import write_set

NAMES = ("sentinel1", "srtm", "worldcover")


@pytest.fixture(scope="session")
def specs():
    return {spec.name: spec for spec in modalities(NAMES)}


@pytest.fixture
def make(tmp_path):
    """Return a function that writes a data set of `count` samples below a folder and returns its path."""

    def made(count=4, *, root="set", names=NAMES, **options):
        return write_set(tmp_path / root, modalities(names), count, **options)

    return made


@pytest.fixture
def run(capsys):
    """Return a function that runs `olmoearth dataset …` and returns its code, output and errors."""

    def ran(*words):
        return olmoearth(capsys, "dataset", *words)

    return ran
