"""The components of olmoearth-baselines keep the promises of their kinds."""

from __future__ import annotations

from olmoearth_core.testing.conformance import conformance

test_components = conformance("olmoearth-baselines")
