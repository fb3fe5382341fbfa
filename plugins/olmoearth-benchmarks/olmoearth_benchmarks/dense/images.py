"""How stored planes become the values of a modality, and how samples are read when they are indexed."""

# H W pixels, T steps, C bands
from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from olmoearth_core.data.sample import Sample
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.interfaces.evaluation import LabelledSample
from olmoearth_core.interfaces.modality import ModalitySpec, Statistics

JULY_2020 = np.array([[1, 6, 2020]], dtype=np.int32)
"""Day, month 0-11, year that the reference gives to images without a date."""
THIRTEEN = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")
"""Bands of the optical instrument in its own order, in which the sources store them."""
TWELVE = tuple(band for band in THIRTEEN if band != "B10")
OPTICAL, RADAR = "sentinel2_l2a", "sentinel1"


@dataclass(frozen=True)
class Planes:
    """What a file holds of one modality: values [T,C,H,W] and the names of C.

    synthetic: bands that were not measured but made from others. void: bool [T,H,W], pixels that were not measured.
    """

    values_TCHW: np.ndarray
    bands: tuple[str, ...]
    synthetic: Collection[str] = ()
    void_THW: np.ndarray | None = None


def image(planes: Planes, spec: ModalitySpec) -> tuple[np.ndarray, np.ndarray]:
    """Return values, float32 [H,W,T,C] in the bands of the specification, and where they are (broadcastable).

    Bands that are not stored or synthetic, void pixels, and values that are not finite are absent and 0.
    """
    steps, _, height, width = planes.values_TCHW.shape
    values = np.zeros((height, width, steps, spec.num_bands), dtype=np.float32)
    there = np.zeros((1, 1, 1, spec.num_bands), dtype=bool)
    for index, band in enumerate(spec.band_order):
        if band in planes.bands and band not in planes.synthetic:
            values[..., index] = planes.values_TCHW[:, planes.bands.index(band)].transpose(1, 2, 0)
            there[..., index] = True
    measured = np.isfinite(values)
    if planes.void_THW is not None:
        measured &= ~planes.void_THW.transpose(1, 2, 0)[..., None]
    if not measured.all():
        values[~measured] = 0.0
        there = there & measured
    return values, there


def labelled(
    parts: Mapping[str, Planes], specs: Sequence[ModalitySpec], label: np.ndarray, timestamps: np.ndarray, index: int
) -> LabelledSample:
    """Return a sample of the modalities that are stored and asked for. label: whole numbers [H,W], -1 = ignore."""
    images = {spec.name: image(parts[spec.name], spec) for spec in specs}
    sample = Sample(
        arrays={name: values for name, (values, _) in images.items()},
        presence={name: there for name, (_, there) in images.items()},
        timestamps=timestamps.astype(np.int32),
        latlon=np.zeros(2, dtype=np.float32),
        index=index,
        position=index,
    )
    return LabelledSample(sample, label.astype(np.int64))


def named(sample: LabelledSample, *, name: str, group: str = "") -> LabelledSample:
    """Return a sample with what its source calls it and the block it belongs to."""
    return replace(sample, name=name, group=group)


def inputs(
    benchmark: str, specs: Sequence[ModalitySpec], offered: Sequence[str], wanted: Sequence[str] | None
) -> list[ModalitySpec]:
    """Return the specifications of what a model is shown. wanted: by name; None = all that is offered.

    Raises:
        ConfigError: something is wanted twice or is not offered.
        DataError: the model knows nothing of it.
    """
    names = tuple(offered) if wanted is None else tuple(wanted)
    if not names or len(set(names)) != len(names) or not set(names) <= set(offered):
        raise ConfigError(
            f"{benchmark}: input_modalities is {list(names)}, expected one or more of {', '.join(offered)}, each once."
        )
    chosen = [spec for spec in specs if spec.name in names]
    lacking = [] if wanted is None else [name for name in names if name not in {spec.name for spec in chosen}]
    if not chosen or lacking:
        raise DataError(
            f"{benchmark}: has {', '.join(lacking or names)}, but the model knows {', '.join(s.name for s in specs)}. "
            f"Score another model, or choose other input_modalities."
        )
    return chosen


def measured_statistics(bands: Sequence[str], **columns: Sequence[float]) -> dict[str, Statistics]:
    """Return a table by band of columns mean, std, minimum and maximum."""
    rows = zip(*(columns[key] for key in ("mean", "std", "minimum", "maximum")), strict=True)
    return {band: Statistics(*row) for band, row in zip(bands, rows, strict=True)}
