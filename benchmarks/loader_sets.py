"""Data sets for the loader benchmark: equal content, laid on disk in two ways.

"reference" stores each array as one chunk, as the original converter does; "windows" is our default.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np

from olmoearth_core.convert.h5_writer import Layout, Storage, write_sample
from olmoearth_core.data.h5 import STEP_MASKS

SIDE, STEPS = 128, 12
SERIES = {"sentinel2_l2a": (12, np.uint16), "sentinel1": (2, np.float32), "landsat": (11, np.uint16)}
MAPS = {
    "worldcover": (1, np.uint8), "srtm": (1, np.int16), "openstreetmap_raster": (30, np.uint8),
    "wri_canopy_height_map": (1, np.uint8), "cdl": (1, np.uint8), "worldcereal": (8, np.uint8),
}  # fmt: skip
MODALITIES = [*SERIES, *MAPS]

Content = tuple[dict[str, np.ndarray], np.ndarray, np.ndarray, dict[str, np.ndarray]]
"""Arrays, timestamps, lat/lon, step masks."""


def make(root: Path, count: int) -> Path:
    """Write `count` seeded samples in the reference's layout; return their folder."""
    return write(root, ((i, content(i)) for i in range(count)), count, "reference")


def rewrite(folder: Path, root: Path, layout: Layout) -> Path:
    """Write the content of a data set anew in another layout; return its folder."""
    count = int(folder.name)
    return write(root, ((i, _read(folder / f"sample_{i}.h5")) for i in range(count)), count, layout)


def write(root: Path, samples: Iterator[tuple[int, Content]], count: int, layout: Layout) -> Path:
    """Write samples and the files that describe them."""
    name = f"h5py_data_w_missing_timesteps_zstd_3_{SIDE}_x_{(256 // SIDE) ** 2}"
    folder = root / name / "_".join(sorted(MODALITIES)) / str(count)
    folder.mkdir(parents=True, exist_ok=True)
    rows, places = ["sample_index," + ",".join(MODALITIES)], []
    for i, (arrays, timestamps, latlon, masks) in samples:
        write_sample(folder / f"sample_{i}.h5", arrays, timestamps, latlon, masks, storage=Storage(layout=layout))
        rows.append(",".join([str(i), *(str(int(name in arrays)) for name in MODALITIES)]))
        places.append(latlon)
    (folder / "sample_metadata.csv").write_text("\n".join(rows) + "\n")
    np.save(folder / "latlon_distribution.npy", np.array(places, np.float64))
    (folder / "compression_settings.json").write_text(json.dumps(Storage(layout=layout).settings, indent=2))
    return folder


def content(number: int) -> Content:
    """Draw one sample: smooth fields with noise, which compress about like imagery, and gaps as real ones have."""
    rng = np.random.default_rng([7, number])
    steps = 9 if number % 8 == 7 else STEPS
    timestamps = np.array([[1, k % 12, 2020 + k // 12] for k in range(steps)], np.int32)
    arrays: dict[str, np.ndarray] = {}
    masks: dict[str, np.ndarray] = {}
    for place, (name, (bands, dtype)) in enumerate(SERIES.items()):
        if place and number % (3 + place) == 2 + place:
            continue
        masks[name] = np.ones(steps, bool) if place == 0 else rng.random(steps) > 0.15
        masks[name][0] = True
        arrays[name] = _series(rng, bands, int(masks[name].sum()), dtype)
    for name, (bands, dtype) in MAPS.items():
        if rng.random() < 0.75:
            arrays[name] = (_smooth(rng, bands) * (1500 if dtype == np.int16 else 60)).astype(dtype)[:, :, None, :]
    return arrays, timestamps, np.array([rng.uniform(-60, 70), rng.uniform(-180, 180)], np.float32), masks


def _series(rng: np.random.Generator, bands: int, steps: int, dtype: type) -> np.ndarray:
    season = rng.uniform(0.7, 1.3, (1, 1, steps, bands))
    field = _smooth(rng, bands)[:, :, None, :] * season + rng.normal(0, 0.02, (SIDE, SIDE, steps, bands))
    return (
        (25 * field - 25).astype(dtype) if dtype == np.float32 else np.clip(300 + 3500 * field, 0, 65535).astype(dtype)
    )


def _smooth(rng: np.random.Generator, bands: int, cells: int = 8) -> np.ndarray:
    """Interpolate a coarse random grid bilinearly: float [SIDE, SIDE, bands] in 0…1."""
    at = np.linspace(0, cells, SIDE, endpoint=False)
    weight = np.maximum(0, 1 - np.abs(at[:, None] - np.arange(cells + 1)[None, :]))
    return np.einsum("ip,jq,pqc->ijc", weight, weight, rng.random((cells + 1, cells + 1, bands)))


def _read(path: Path) -> Content:
    with h5py.File(path) as file:
        arrays = {name: data[()] for name, data in file.items() if isinstance(data, h5py.Dataset)}
        masks = {name: data[()] for name, data in file.get(STEP_MASKS, {}).items()}
    return arrays, arrays.pop("timestamps"), arrays.pop("latlon"), masks
