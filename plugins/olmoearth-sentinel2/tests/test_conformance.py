"""The components of olmoearth-sentinel2 keep the promises of their kinds."""

from __future__ import annotations

from olmoearth_core.testing.conformance import conformance

PURE = "a derivation is a pure function without settings: every block of a config gets the same one"
test_components = conformance("olmoearth-sentinel2", expected_failures={"sentinel2.ndvi.v1:keeps_its_promise": PURE})
