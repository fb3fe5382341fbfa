"""The component that reads Level-2 bundles."""

from __future__ import annotations

from collections.abc import Sequence

from olmoearth_core.interfaces.reader import Reader
from olmoearth_landsat.bundle_reader import BundleReader
from olmoearth_landsat.quality import NOT_CLEAR, require_flags


def level2_bundle(*, not_clear: Sequence[str] = NOT_CLEAR) -> Reader:
    """Read Landsat 8/9 Collection 2 Level-2 bundles (folder or .tar with MTL), rescaled to the units of landsat_l2.

    Reflectance x 10000 of B1 to B7, and kelvin x 10 of B10 where the product has it (L2SP; L2SR has none). No Level-2
    product has B11, B8 or B9, so B11 of landsat_l2 is absent. What was measured and is 0 or less becomes 1.

    not_clear: flags of QA_PIXEL that hide the ground, of dilated_cloud, cirrus, cloud, cloud_shadow, snow and water;
        fill always does.
    Product guide: https://www.usgs.gov/landsat-missions/landsat-collection-2-level-2-science-products
    """
    return BundleReader("l2", require_flags(not_clear))
