"""The components of olmoearth-sentinel2 keep the promises of their kinds."""

from __future__ import annotations

from olmoearth_core.testing.conformance import conformance

test_components = conformance("olmoearth-sentinel2")
