"""What the satellite embedding is: 64 numbers per pixel and year that another model distilled from many sensors."""

from __future__ import annotations

from olmoearth_core.interfaces.modality import BandSet, ModalitySpec, Statistics

BANDS = tuple(f"A{axis:02}" for axis in range(64))


def gse() -> ModalitySpec:
    """Google Satellite Embedding v1 (AlphaEarth Foundations), annual, 10 m, axes A00 to A63 stored as 8192 x + 8192.

    The statistics are round numbers set by hand, not measured.
    Product guide: https://developers.google.com/earth-engine/datasets/catalog/GOOGLE_SATELLITE_EMBEDDING_V1_ANNUAL
    """
    return ModalitySpec(
        name="gse",
        band_sets=(BandSet(BANDS, 16),),
        grid_factor=16,
        multitemporal=False,
        dtype="uint16",
        units="8192*x+8192 with x in [-1,1]",
        quantity="embedding_8192",
        valid_range=(0.0, 16384.0),
        normalization="computed",
        statistics=dict.fromkeys(BANDS, Statistics(8192.0, 4096.0)),
        title="Annual satellite embedding (AlphaEarth Foundations)",
        licence="CC-BY-4.0",
        citation="Brown et al. 2025, AlphaEarth Foundations, arXiv:2507.22291; produced by Google and Google DeepMind",
        source="https://developers.google.com/earth-engine/datasets/catalog/GOOGLE_SATELLITE_EMBEDDING_V1_ANNUAL",
    )
