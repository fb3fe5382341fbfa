"""From a map of classes to one label per patch, and where such maps come from.

A patch takes the class of most of its pixels if that share reaches the purity threshold; otherwise it is ignored,
because a mixed patch has no right answer.
"""

# H W pixels, h w patches, K classes
from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import fsspec
import numpy as np
import numpy.typing as npt

from olmoearth_core.data.npy import read_npy
from olmoearth_core.errors import ConfigError, DataError

if TYPE_CHECKING:
    from olmoearth_core.data.cache import Cache
    from olmoearth_core.data.dataset import OlmoEarthDataset

IGNORE = -1

CODES: Mapping[str, Mapping[int, str]] = {
    "worldcover": {
        10: "tree cover", 20: "shrubland", 30: "grassland", 40: "cropland", 50: "built-up", 60: "bare",
        70: "snow and ice", 80: "permanent water", 90: "herbaceous wetland", 95: "mangroves", 100: "moss and lichen",
    },
}  # fmt: skip
"""Pixel codes of class maps (ESA WorldCover product user manual, table 2); other codes are ignored."""
COLOURS: Mapping[str, tuple[str, ...]] = {
    "worldcover": (
        "#006400", "#ffbb22", "#ffff4c", "#f096ff", "#fa0000", "#b4b4b4", "#f0f0f0", "#0064c8", "#0096a0", "#00cf75",
        "#fae6a0",
    ),
}  # fmt: skip
"""Colours that a map is usually drawn in, in the order of its codes (same table)."""


class LabelMaps(Protocol):
    """Class indices of whole samples."""

    classes: tuple[str, ...]

    def read(self, index: int) -> npt.NDArray[np.int64] | None:
        """Return [H,W] with -1 = unknown, or None for a sample without a map."""
        ...

    def site(self, index: int) -> str:
        """Return the place a sample belongs to, or nothing."""
        ...


def majority(labels_HW: npt.NDArray[np.int64], patch: int, purity: float) -> npt.NDArray[np.int64]:
    """Return the class of each patch [h,w], -1 where no class fills `purity` of it; ties go to the lower class."""
    height, width = labels_HW.shape
    num_classes = max(int(labels_HW.max(initial=0)) + 1, 1)
    blocks = labels_HW.reshape(height // patch, patch, width // patch, patch).swapaxes(1, 2)
    flat = blocks.reshape(-1, patch * patch)
    counts = (flat[:, :, None] == np.arange(num_classes)).sum(1)
    best = counts.argmax(1)
    pure = counts.max(1) >= purity * patch * patch
    return np.where(pure, best, IGNORE).reshape(height // patch, width // patch)


@dataclass
class ModalityMaps:
    """Labels are the pixels of a class map that lies in the sample files as a modality."""

    dataset: OlmoEarthDataset
    modality: str
    classes: tuple[str, ...] = field(init=False)
    _cache: Cache = field(init=False)

    def __post_init__(self) -> None:
        from olmoearth_core.data.cache import Cache, Throttle

        self._cache = Cache(None, Throttle(None))
        if self.modality not in CODES:
            raise ConfigError(
                f'land_cover: the class codes of label_modality "{self.modality}" are not known; '
                f"known are {', '.join(sorted(CODES))}. Use labels_dir for other maps."
            )
        self.classes = tuple(CODES[self.modality].values())

    def read(self, index: int) -> npt.NDArray[np.int64] | None:
        """Read codes as stored, never normalised, and number them."""
        from olmoearth_core.data.h5 import SampleFile

        with SampleFile(self._cache.local(self.dataset.path(index))) as file:
            if self.modality not in file.names:
                return None
            values = file.whole(self.modality)[:, :, 0, 0]
        labels = np.full(values.shape, IGNORE, dtype=np.int64)
        for number, code in enumerate(CODES[self.modality]):
            labels[values == code] = number
        return labels

    def site(self, index: int) -> str:
        """Map modalities know no sites."""
        return ""


@dataclass
class FolderMaps:
    """Labels lie beside the samples: `sample_<i>.npy` (int16 [H,W], -1 = unknown) and `classes.json`."""

    folder: str
    classes: tuple[str, ...] = field(init=False)
    _sites: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        path = f"{self.folder}/classes.json"
        try:
            with fsspec.open(path, "r", encoding="utf-8") as stream:
                facts = json.load(stream)
            self.classes, self._sites = tuple(facts["classes"]), dict(facts.get("group", {}))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{path}: no readable class list ({error}). A labels folder holds classes.json with "
                f'"classes" and "group", and sample_<i>.npy; `olmoearth dataset import` writes one.'
            ) from error

    def read(self, index: int) -> npt.NDArray[np.int64] | None:
        """Read a map; a class number that classes.json does not name is an error."""
        path = f"{self.folder}/sample_{index}.npy"
        try:
            with fsspec.open(path, "rb") as stream:
                labels: npt.NDArray[np.int64] = read_npy(stream).astype(np.int64)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as cause:
            raise DataError(f"{path}: is no array of labels ({cause}). Write the labels folder again.") from cause
        if labels.ndim != 2 or labels.max(initial=IGNORE) >= len(self.classes):
            raise DataError(
                f"{path}: labels of shape {labels.shape} up to {labels.max(initial=IGNORE)}, but expected [H,W] with "
                f"-1 ... {len(self.classes) - 1} as in classes.json. Write the labels folder again."
            )
        return labels

    def site(self, index: int) -> str:
        """Return the name under "group", or nothing."""
        return self._sites.get(str(index), "")
