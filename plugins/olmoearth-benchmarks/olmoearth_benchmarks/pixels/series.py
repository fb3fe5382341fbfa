"""From a table of steps and columns to a sample of one pixel."""

# T steps, C columns
from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from olmoearth_core.data.sample import Sample
from olmoearth_core.interfaces.modality import ModalitySpec

CHANNELS = (
    "VV", "VH", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B11", "B12", "temperature", "precipitation",
    "elevation", "slope", "NDVI",
)  # fmt: skip
"""Columns of CropHarvest and Presto: backscatter in dB, reflectance x 10000, elevation in metres."""
INPUTS: Mapping[str, Mapping[str, str]] = {
    "sentinel2_l2a": {
        "B02": "B2", "B03": "B3", "B04": "B4", "B05": "B5", "B06": "B6", "B07": "B7", "B08": "B8", "B8A": "B8A",
        "B09": "B9", "B11": "B11", "B12": "B12",
    },
    "sentinel1": {"vv": "VV", "vh": "VH"},
    "srtm": {"srtm": "elevation"},
}  # fmt: skip
"""Modality -> band -> column; bands without a column are absent."""


def pixel_sample(
    values_TC: np.ndarray,
    columns: Sequence[str],
    inputs: Mapping[str, Mapping[str, str]],
    specs: Sequence[ModalitySpec],
    timestamps: np.ndarray,
    latlon: np.ndarray,
    *,
    index: int = 0,
) -> Sample:
    """Return the sample of one pixel, arrays float32 [1,1,T,C].

    inputs: modality -> band -> column. specs: what is shown, of these modalities. timestamps: [T,3] day, month 0-11,
    year. Bands without a column, and values that are not finite, are absent and 0.
    """
    arrays, presence = {}, {}
    for spec in specs:
        mine = inputs[spec.name]
        shown = values_TC if spec.multitemporal else values_TC[:1]
        array = np.full(spec.array_shape(1, 1, len(shown)), np.nan, np.float32)
        for at, band in enumerate(spec.band_order):
            if band in mine:
                array[0, 0, :, at] = shown[:, columns.index(mine[band])]
        presence[spec.name] = np.isfinite(array)
        arrays[spec.name] = np.where(presence[spec.name], array, np.float32(0))
    return Sample(arrays, presence, timestamps.astype(np.int32), latlon.astype(np.float32), index=index)
