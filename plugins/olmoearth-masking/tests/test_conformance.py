"""The kit's checks of every component of this distribution."""

from olmoearth_core.testing import conformance

test_conformance = conformance("olmoearth-masking")
