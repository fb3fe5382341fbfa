"""The component that reads Level-1 bundles."""

from __future__ import annotations

from collections.abc import Sequence

from olmoearth_core.interfaces.reader import Reader
from olmoearth_landsat.bundle_reader import BundleReader
from olmoearth_landsat.quality import NOT_CLEAR, require_flags


def level1_bundle(*, not_clear: Sequence[str] = NOT_CLEAR) -> Reader:
    """Read Landsat 8/9 Collection 2 Level-1 bundles (folder or .tar with MTL): raw digital numbers, B1 to B11.

    B8 (15 m) with others comes on its grid of 15 m, where bands of 30 m appear 7.5 m up and to the left of their place,
    because the grids do not nest; alone, each lies exactly.

    not_clear: flags of QA_PIXEL that hide the ground, of dilated_cloud, cirrus, cloud, cloud_shadow, snow and water;
        fill always does.
    Product guide: https://www.usgs.gov/landsat-missions/landsat-collection-2-level-1-data
    """
    return BundleReader("l1", require_flags(not_clear))
