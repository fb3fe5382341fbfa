"""What the canopy height map is: how tall the trees are, as a model reads it from images of about 1 m."""

from __future__ import annotations

from olmoearth_core.interfaces.modality import BandSet, ModalitySpec, Statistics


def wri_canopy_height_map() -> ModalitySpec:
    """Meta and WRI global canopy height, metres, averaged from about 1 m to 10 m.

    255 is no data; a tile with any of it, or with fewer than 20 % of its pixels above 0, does not enter the tile store.
    The statistics are round numbers set by hand, not measured.
    Product guide: https://registry.opendata.aws/dataforgood-fb-forests/
    """
    return ModalitySpec(
        name="wri_canopy_height_map",
        band_sets=(BandSet(("B1",), 16),),
        grid_factor=16,
        multitemporal=False,
        dtype="uint8",
        nodata=255.0,
        units="metres",
        quantity="meters",
        valid_range=(0.0, 254.0),
        resampling="bilinear",
        normalization="computed",
        statistics={"B1": Statistics(10.0, 5.0)},
        title="Canopy height (Meta and WRI)",
        licence="CC-BY-4.0",
        citation="Tolan et al. 2024, Remote Sensing of Environment 300, 113888, doi:10.1016/j.rse.2023.113888",
        source="https://registry.opendata.aws/dataforgood-fb-forests/",
    )
