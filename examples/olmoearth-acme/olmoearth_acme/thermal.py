"""What the pictures of the ACME thermal camera are: data, not code."""

from __future__ import annotations

from olmoearth_core.interfaces.modality import BandSet, ModalitySpec, Statistics


def acme_thermal() -> ModalitySpec:
    """Ground temperature seen by the ACME thermal camera, monthly, on a 10 m grid."""
    return ModalitySpec(
        name="acme_thermal",
        band_sets=(BandSet(("day", "night"), 16),),
        grid_factor=16,
        multitemporal=True,
        nodata=0.0,
        units="kelvin",
        valid_range=(200.0, 360.0),
        statistics={
            "day": Statistics(mean=295.0, std=12.0, count=1_000_000),
            "night": Statistics(mean=282.0, std=8.0, count=1_000_000),
        },
        title="ACME ground temperature",
        licence="CC-BY-4.0",
        citation="ACME Corporation (2026), an invented camera",
    )
