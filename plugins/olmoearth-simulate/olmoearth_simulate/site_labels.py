"""What lies where on a site, in one list of classes for all sites.

The sites' maps have different legends and makers; a class here joins two legends only where both mean
the same thing. Nothing is guessed: codes that say "unknown" and clouds are -1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from olmoearth_simulate.site_files import SiteFile, read_site_file

CLASSES = (
    "water", "trees", "flooded vegetation", "crops", "built", "bare", "snow or ice", "rangeland", "grassland parcel",
    "no temporary crops",
)  # fmt: skip
UNKNOWN = -1


@dataclass(frozen=True)
class Legend:
    """How one map is read. band: which of the file's bands. classes: its code -> name in CLASSES."""

    band: str
    classes: Mapping[int, str]


LEGENDS: Mapping[str, Legend] = {
    # Esri / Impact Observatory land cover of 10 m, in TerraMesh's numbering; 8 is cloud.
    "lulc_10m.tif": Legend(
        "lulc",
        {1: "water", 2: "trees", 3: "flooded vegetation", 4: "crops", 5: "built", 6: "bare", 7: "snow or ice",
         9: "rangeland"},
    ),
    # WorldCereal's land-cover codes, here of field parcels.
    "lpis_labels_10m.tif": Legend(
        "LC", {11: "crops", 13: "grassland parcel", 60: "built", 99: "no temporary crops"}
    ),
    # Output of a crop-land model, not ground truth.
    "worldcereal_model_10m.tif": Legend("cropland", {0: "no temporary crops", 1: "crops"}),
}  # fmt: skip


def read_labels(site: Path) -> np.ndarray | None:
    """Return a site's classes as int16 [H, W], -1 where nothing is known, or None if it has no map."""
    for name, legend in LEGENDS.items():
        if (site / name).exists():
            return _harmonised(read_site_file(site / name), legend)
    return None


def _harmonised(file: SiteFile, legend: Legend) -> np.ndarray:
    codes = file.values[0, file.bands.index(legend.band)]
    labels = np.full(codes.shape, UNKNOWN, dtype=np.int16)
    for code, name in legend.classes.items():
        labels[codes == code] = CLASSES.index(name)
    return labels
