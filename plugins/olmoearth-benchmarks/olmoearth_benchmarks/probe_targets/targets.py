"""From the pixels of a map, as sample files hold them, to labels (evaluation.md 4.9)."""

# H W pixels, C bands
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from olmoearth_benchmarks.labels import CODES, IGNORE
from olmoearth_core.interfaces.evaluation import TaskType

COVER_CODES = np.array(list(CODES["worldcover"]))
_CROP_CODES = 256


@dataclass(frozen=True)
class Target:
    """A map to predict.

    modality: its name. classes: () for regressions. label: (values [H,W,C], present bool [H,W], reference profile) ->
    int64 [H,W], -1 = ignore; float32 [H,W], NaN = unknown, for regressions.
    """

    modality: str
    classes: tuple[str, ...]
    label: Callable[[np.ndarray, np.ndarray, bool], np.ndarray]

    @property
    def task_type(self) -> TaskType:
        """One class or one number per pixel."""
        return "segmentation" if self.classes else "regression"


def cover(values_HWC: np.ndarray, present_HW: np.ndarray, reference: bool) -> np.ndarray:
    """Number the codes 10, 20, ..., 100 in order; any other is ignored.

    reference: a map whose codes all lie below 11 passes for one that is numbered already, so that plain forest, code
    10, becomes the last class. That is what the reference does.
    """
    codes = values_HWC[..., 0].astype(np.int64)
    if reference and (codes < len(COVER_CODES)).all():
        return np.where(present_HW, codes, IGNORE)
    at = np.searchsorted(COVER_CODES, codes).clip(max=len(COVER_CODES) - 1)
    return np.where(present_HW & (COVER_CODES[at] == codes), at, IGNORE)


def strongest(values_HWC: np.ndarray, present_HW: np.ndarray, reference: bool) -> np.ndarray:
    """Take the channel with the largest value, the first of several; nothing in any channel is ignored."""
    return np.where(present_HW & values_HWC.any(-1), values_HWC.argmax(-1), IGNORE)


def code(values_HWC: np.ndarray, present_HW: np.ndarray, reference: bool) -> np.ndarray:
    """Take codes as they are; 0 is background and ignored."""
    codes = values_HWC[..., 0].astype(np.int64)
    return np.where(present_HW & (codes > 0) & (codes < _CROP_CODES), codes, IGNORE)


def first_channel(values_HWC: np.ndarray, present_HW: np.ndarray, reference: bool) -> np.ndarray:
    """Say whether the first channel is above 0; where all channels are 0, nothing is known."""
    return np.where(present_HW & (values_HWC > 0).any(-1), (values_HWC[..., 0] > 0).astype(np.int64), IGNORE)


def number(values_HWC: np.ndarray, present_HW: np.ndarray, reference: bool) -> np.ndarray:
    """Take the value, in the unit of the modality."""
    return np.where(present_HW, values_HWC[..., 0], np.nan).astype(np.float32)


TARGETS: Mapping[str, Target] = {
    "worldcover": Target("worldcover", tuple(CODES["worldcover"].values()), cover),
    "openstreetmap": Target("openstreetmap_raster", tuple(f"category {i}" for i in range(30)), strongest),
    "srtm": Target("srtm", (), number),
    "canopy_height": Target("wri_canopy_height_map", (), number),
    "cdl": Target("cdl", tuple(f"code {i}" for i in range(_CROP_CODES)), code),
    "worldcereal": Target("worldcereal", ("other", "temporary crops"), first_channel),
}
"""By the word of the config."""
