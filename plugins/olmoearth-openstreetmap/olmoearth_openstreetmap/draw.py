"""From features in metres to pixels: thirty channels of 0 and 1, by one of two sets of rules.

"default" gives things a width on the ground, so that samples, which see every 4th pixel, see them; "reference" draws
exactly as the published layer, on which released weights were trained. A store should be of one kind only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from olmoearth_core.convert.grid import Cell
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import TILE_PIXELS
from olmoearth_openstreetmap.categories import CATEGORIES

if TYPE_CHECKING:
    from olmoearth_openstreetmap.feature import Feature

Rules = Literal["default", "reference"]
PIXEL = 2.5
SIDE = 4 * TILE_PIXELS


def checked(rules: str) -> Rules:
    """Return a set of rules that exists; DataError for another name."""
    if rules not in get_args(Rules):
        raise DataError(f'rules: found "{rules}", expected one of {", ".join(get_args(Rules))}.')
    return rules  # type: ignore[return-value]


def rasterise(features: Sequence[Feature], cell: Cell, *, rules: Rules = "default") -> np.ndarray:
    """Draw features in metres of a cell's zone: uint8 [30, 1024, 1024], 1 where a feature of the category lies.

    Features of unknown categories are passed over.
    """
    channels = np.zeros((len(CATEGORIES), SIDE, SIDE), dtype=np.uint8)
    for index, category in enumerate(CATEGORIES):
        draw([f for f in features if f.category == category], cell, channels[index], rules=rules)
    return channels


def draw(features: Sequence[Feature], cell: Cell, mask: np.ndarray, *, rules: Rules = "default") -> None:
    """Draw features of one category onto one channel of a cell, uint8 [1024, 1024]."""
    from olmoearth_openstreetmap.default_rules import draw_default
    from olmoearth_openstreetmap.reference_rules import draw_reference

    corner = (cell.col * SIDE, cell.row * SIDE)
    if checked(rules) == "default":
        draw_default(mask, features, corner, PIXEL)
        return
    if features:
        draw_reference(mask, [feature.shape for feature in features], corner, PIXEL)
