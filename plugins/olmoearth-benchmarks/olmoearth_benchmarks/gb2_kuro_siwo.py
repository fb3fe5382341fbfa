"""Floods as in GEO-Bench 2 (Kuro Siwo): no water, permanent water or flood, per pixel, 224 x 224 pixels.

Three radar images, two before the flood and one after, stored as linear power and shown in decibels, and elevation.
Of their days, only that of the flood is known. Elevation has one step; it is not padded to three as in the reference.
"""

from __future__ import annotations

import numpy as np

from olmoearth_benchmarks.geobench_v2.benchmark import Facts, about, component
from olmoearth_benchmarks.geobench_v2.records import Record, View, mask


def _radar(record: Record) -> np.ndarray:
    power_TCHW = np.stack([record.image(step, 2) for step in range(3)])
    with np.errstate(invalid="ignore"):
        return np.where(power_TCHW > 0, 10 * np.log10(np.maximum(power_TCHW, 1e-10)), np.nan)


def _radar_floored(record: Record) -> np.ndarray:
    power_TCHW = np.stack([record.image(step, 2) for step in range(3)])
    return 10 * np.log10(np.maximum(power_TCHW, 1e-10))  # type: ignore[no-any-return]


def _elevation(record: Record) -> np.ndarray:
    meters_CHW = record.image(3, 1)
    return np.where(meters_CHW >= -500, meters_CHW, np.nan)[None]


def _elevation_floored(record: Record) -> np.ndarray:
    return np.maximum(record.image(3, 1), -500)[None]  # type: ignore[no-any-return]


_FACTS = Facts(
    slug="kuro_siwo",
    task_type="segmentation",
    primary_metric="miou",
    label=mask(4, {3: -1}, 3),
    views={"sentinel1": View(("vv", "vh"), _radar), "srtm": View(("srtm",), _elevation)},
    reference={"sentinel1": View(("vv", "vh"), _radar_floored), "srtm": View(("srtm",), _elevation_floored)},
    classes=("no water", "permanent water", "flood"),
    dated=True,
    about=about(
        "kuro_siwo",
        title="floods, before and after",
        licence="CC-BY-4.0",
        citation="Kuro Siwo: Bountos et al. 2024, arXiv:2311.12056",
    ),
)

gb2_kuro_siwo = component(_FACTS, asks="Tell floods from permanent water and land, per pixel.")
