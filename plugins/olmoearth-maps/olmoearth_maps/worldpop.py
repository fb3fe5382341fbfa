"""What WorldPop is: how many people live in each pixel, from a census spread over built-up land."""

from __future__ import annotations

from olmoearth_core.interfaces.modality import BandSet, ModalitySpec, Statistics


def worldpop() -> ModalitySpec:
    """WorldPop 2020 constrained population counts (100 m, per country), resampled to 10 m without dividing them.

    Negative fill of the product is stored as 0; a tile without people does not enter the tile store.
    The statistics are round numbers set by hand, not measured.
    Product guide: https://www.worldpop.org/methods/top_down_constrained_vs_unconstrained/
    """
    return ModalitySpec(
        name="worldpop",
        band_sets=(BandSet(("B1",), 16),),
        grid_factor=16,
        multitemporal=False,
        dtype="float32",
        nodata=-99999.0,
        units="people per pixel",
        quantity="count",
        valid_range=(0.0, 100000.0),
        resampling="bilinear",
        normalization="computed",
        statistics={"B1": Statistics(150.0, 100.0)},
        title="Population (WorldPop 2020)",
        licence="CC-BY-4.0",
        citation="Bondarenko et al. 2020, WorldPop, University of Southampton, doi:10.5258/SOTON/WP00684",
        source="https://hub.worldpop.org/doi/10.5258/SOTON/WP00684",
    )
