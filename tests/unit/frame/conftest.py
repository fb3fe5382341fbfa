"""Every test of the frame may pretend that distributions are installed."""

import importlib.metadata

import pytest

from olmoearth_core.plugins import GROUP
from olmoearth_core.testing.install import install

__all__ = ["install"]


@pytest.fixture
def alone():
    """The environment in which hook modules that are really installed here stay out of a test."""
    here = {str(point.dist.name) for point in importlib.metadata.entry_points(group=GROUP)}
    return {"OLMOEARTH_BLOCK": ",".join(sorted(here))}
