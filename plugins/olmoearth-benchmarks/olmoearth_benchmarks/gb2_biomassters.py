"""Biomass of Finnish forests as in GEO-Bench 2 (BioMassters): a number per pixel, 256 x 256 pixels.

The first radar and the first optical image of a year are shown. Radar channels are decibels of the ascending and the
descending orbit, of which the mean is shown; the default profile leaves out orbits that have no value. Labels are
(tonnes per hectare - 63.96) / 72.52; the score of the publisher's leaderboard is 1 - 0.2538 rmse.
"""

from __future__ import annotations

import numpy as np

from olmoearth_benchmarks.geobench_v2.benchmark import Facts, about, component
from olmoearth_benchmarks.geobench_v2.records import Record, View

BANDS = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")
MEAN, STD = 63.96, 72.52
_VOID = -9999


def _orbits(record: Record) -> np.ndarray:
    """Return vv and vh of two orbits, [2,C,H,W], NaN where there is no value."""
    stored_CHW = record.image(record.of("S1"), 4)
    stored_CHW[stored_CHW == _VOID] = np.nan
    return stored_CHW.reshape(2, 2, *stored_CHW.shape[1:])


def _radar(record: Record) -> np.ndarray:
    orbits = _orbits(record)
    known = np.isfinite(orbits)
    count = known.sum(axis=0)
    total = np.where(known, orbits, 0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)[None]


def _radar_filled(record: Record) -> np.ndarray:
    return np.nan_to_num(_orbits(record), nan=0.0).mean(axis=0)[None]  # type: ignore[no-any-return]


def _optical(record: Record) -> np.ndarray:
    return record.image(record.of("S2"), len(BANDS))[None]


def _label(record: Record) -> np.ndarray:
    return (record.image(record.of("AGBM"), 1)[0] - np.float32(MEAN)) / np.float32(STD)  # type: ignore[no-any-return]


_FACTS = Facts(
    slug="biomassters",
    task_type="regression",
    primary_metric="rmse",
    label=_label,
    views={"sentinel1": View(("vv", "vh"), _radar), "sentinel2_l2a": View(BANDS, _optical)},
    reference={"sentinel1": View(("vv", "vh"), _radar_filled)},
    about=about(
        "biomassters",
        title="biomass of Finnish forests",
        licence="CC-BY-4.0",
        citation="BioMassters: Nascetti et al. 2023, NeurIPS Datasets and Benchmarks",
    ),
)

gb2_biomassters = component(_FACTS, asks="Tell the biomass above ground, per pixel.")
