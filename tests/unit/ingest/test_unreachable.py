"""A provider that does not answer stops a tile; a broken scene is passed over."""

from dataclasses import replace

import numpy as np
import pytest

from olmoearth_core.errors import DataError
from olmoearth_core.ingest.mosaic import mosaic
from olmoearth_core.ingest.unreachable import Unreachable


def _failing(made, error):
    def opened(bands):
        raise error

    scene = made.on_cell(np.full((1, 3, 256, 256), 7.0))
    good = made.candidate(scene)
    return [replace(good, open=opened, source="bad"), good]


def test_a_broken_scene_is_passed_over_by_name(made):
    found = mosaic(_failing(made, DataError("torn")), made.images, made.cell)
    assert found.faults == ("bad: torn",)
    assert float(found.parts[0].max()) == 7.0


def test_a_scene_that_cannot_be_had_now_stops_the_tile(made):
    with pytest.raises(Unreachable, match="no answer"):
        mosaic(_failing(made, Unreachable("no answer")), made.images, made.cell)
