"""The components of olmoearth-era5 keep the promises of their kinds."""

from __future__ import annotations

from olmoearth_core.testing.conformance import conformance

UNMEASURED = "it can be stored, but nobody measured statistics: normalising it must be refused"
test_components = conformance(
    "olmoearth-era5",
    expected_failures={
        "era5:every_band_can_be_normalised": UNMEASURED,
        "era5l_day_10:every_band_can_be_normalised": UNMEASURED,
    },
)
