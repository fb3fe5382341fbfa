"""What land cover looks like as one channel per class, computed on the way out of a file, never stored."""

from __future__ import annotations

import numpy as np

from olmoearth_core.interfaces.modality import BandSet, ModalitySpec
from olmoearth_core.interfaces.transform import Derive
from olmoearth_worldcover.modality import CLASSES


def worldcover_onehot() -> ModalitySpec:
    """ESA WorldCover 2021 as eleven channels of 0 or 1, which are not normalised.

    Product guide: https://worldcover2021.esa.int/data/docs/WorldCover_PUM_V2.0.pdf
    """
    return ModalitySpec(
        name="worldcover_onehot",
        band_sets=(BandSet(tuple(f"class_{code}" for code in CLASSES), 16),),
        grid_factor=16,
        multitemporal=False,
        parsed=False,
        units="0/1",
        valid_range=(0.0, 1.0),
        normalization="none",
        derived_from="worldcover",
        derive="worldcover.onehot.v1",
        title="Land cover, one channel per class",
        licence="CC-BY-4.0",
        citation="Zanaga et al. 2022, ESA WorldCover 10 m 2021 v200, doi:10.5281/zenodo.7254221",
        source="computed from worldcover",
    )


def derive_onehot() -> Derive:
    """Expand raw `worldcover` codes [..., 1] to float32 [..., 11] of 0 and 1; presence is that of the code.

    A code that is none of the eleven becomes zeros in all channels and stays present.
    """
    return _onehot


def _onehot(array: np.ndarray, presence: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return ((array == np.array([*CLASSES])) & presence).astype(np.float32), presence
