"""The components of olmoearth-stac keep the promises of their kinds."""

from __future__ import annotations

from olmoearth_core.testing.conformance import conformance

test_components = conformance("olmoearth-stac")
