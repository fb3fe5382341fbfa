"""The components of olmoearth-openstreetmap keep the promises of their kinds."""

from __future__ import annotations

from olmoearth_core.testing.conformance import conformance

VECTOR = "features on disk, which no sample holds and nobody normalises"
test_components = conformance(
    "olmoearth-openstreetmap", expected_failures={"openstreetmap:every_band_can_be_normalised": VECTOR}
)
