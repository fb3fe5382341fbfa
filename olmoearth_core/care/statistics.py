"""Mean, deviation, range and histogram of every band of a data set, in one pass and in any number of shards.

Left out are -99999, NaN, infinities and, where stored values are those of the source, its "nothing here" value.
Months that a sample lacks are not in its arrays. One file holds both: under "measured" all that is needed to add up
shards, and beside it, by modality and band, the proposed normalisation as `[dataset] stats` reads it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fsspec
import numpy as np

from olmoearth_core.care.check_sample import FIXED
from olmoearth_core.care.moments import Moments, bins_of, is_coded
from olmoearth_core.care.opened import opened, values
from olmoearth_core.convert.h5_writer import MISSING_VALUE
from olmoearth_core.convert.whole_file import write_text
from olmoearth_core.data.folder import LATLONS, METADATA, Folder, find
from olmoearth_core.data.normalize import MEASURED
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec

KEY = "measured"
MOST_BYTES = 2**28
Bands = dict[str, dict[str, Moments]]


@dataclass
class Measured:
    """Statistics by modality and band, and of what: data set -> its drawing and the shards that are in."""

    bands: Bands = field(default_factory=dict)
    sets: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def missing_shards(self) -> list[str]:
        """Shards that were not merged yet."""
        return [
            f"{i}/{s['of']}" for s in self.sets.values() for i in range(s["of"]) if f"{i}/{s['of']}" not in s["shards"]
        ]


def measure(
    url: str,
    specs: Mapping[str, ModalitySpec],
    *,
    modalities: Sequence[str] | None = None,
    shard: tuple[int, int] = (0, 1),
    share: float = 1.0,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Measured:
    """Measure a data set.

    modalities: which; null = all in the files. shard: (i, n), every n-th of the chosen samples from i on. share: part
    of the samples, drawn by `seed` before sharding.

    Raises:
        DataError: a file cannot be read (it is named), or nothing is left to measure.
    """
    folder = find(url)
    if not 0 < share <= 1:
        raise DataError(f"stats: found the share {share}, expected above 0, at most 1.")
    chosen = np.arange(folder.count)
    if share < 1:
        number = max(1, int(folder.count * share))
        chosen = np.sort(np.random.default_rng(seed).choice(chosen, number, replace=False))
    mine = chosen[shard[0] :: shard[1]]
    told = {"num_samples": folder.count, "share": share, "seed": seed, "of": shard[1]}
    found = Measured(sets={_identity(folder): {**told, "shards": [f"{shard[0]}/{shard[1]}"]}})
    for done, index in enumerate(mine.tolist(), 1):
        with opened(folder.sample(index)) as file:
            names = [n for n in file if n not in FIXED and (modalities is None or n in modalities)]
            for name in names:
                _add(found.bands, name, values(file, name), specs.get(name))
        if progress:
            progress(done, len(mine))
    return found


def _add(bands: Bands, name: str, array: np.ndarray, spec: ModalitySpec | None) -> None:
    flat = array.reshape(-1, array.shape[-1]) if array.ndim else array.reshape(1, 1)
    order = spec.band_order if spec is not None and spec.num_bands == flat.shape[1] else None
    known = bands.setdefault(name, {})
    for i in range(flat.shape[1]):
        band = order[i] if order else str(i)
        bins = bins_of(spec if order else None, band)
        part = Moments.of(there(flat[:, i], spec), bins)
        known[band] = known[band].add(part) if band in known else part


def there(band: np.ndarray, spec: ModalitySpec | None) -> np.ndarray:
    """Return the values of a band that were measured."""
    left: np.ndarray = band[measured(band, spec)]
    return left


def measured(data: np.ndarray, spec: ModalitySpec | None) -> np.ndarray:
    """Return which stored values were measured, bool of the array's shape. spec: null = nodata is not known."""
    absent: np.ndarray = data == MISSING_VALUE
    if data.dtype.kind == "f":
        absent |= ~np.isfinite(data)
    if spec is not None and spec.nodata is not None and spec.storage == "identity":
        absent |= data == spec.nodata
    return ~absent


def merge(parts: Sequence[Measured]) -> Measured:
    """Add up shards and data sets, in the order given; DataError if a shard occurs twice or the drawings differ."""
    out = Measured()
    for part in parts:
        for name, told in part.sets.items():
            known = out.sets.setdefault(name, {**told, "shards": []})
            twice = set(known["shards"]) & set(told["shards"])
            if twice or any(known[key] != told[key] for key in told if key != "shards"):
                what = f"shard {', '.join(sorted(twice))} twice" if twice else "shards of different drawings"
                raise DataError(f"stats --merge: found {what} of one data set; expected each shard of one run once.")
            known["shards"] = sorted([*known["shards"], *told["shards"]])
        for modality, bands in part.bands.items():
            known_bands = out.bands.setdefault(modality, {})
            for band, moments in bands.items():
                known_bands[band] = known_bands[band].add(moments) if band in known_bands else moments
    return out


def proposal(found: Measured, specs: Mapping[str, ModalitySpec]) -> dict[str, dict[str, dict[str, float]]]:
    """Return normalisation as `[dataset] stats` reads it: what a modality's own kind of normalisation needs.

    Mean and deviation for those normalised by them, the range for those normalised by a range that their
    specification lacks. Class codes and bands without spread are left to the specification.
    """
    out: dict[str, dict[str, dict[str, float]]] = {}
    for name, bands in sorted(found.bands.items()):
        spec = specs.get(name)
        if spec is None or is_coded(spec) or spec.normalization == "none":
            continue
        entries = {band: entry for band, moments in bands.items() if (entry := _entry(spec, band, moments))}
        if entries:
            out[name] = entries
    return out


def _entry(spec: ModalitySpec, band: str, moments: Moments) -> dict[str, float] | None:
    if not moments.count or not moments.maximum > moments.minimum:
        return None
    if spec.normalization in MEASURED:
        return {"mean": moments.mean, "std": moments.std, "count": moments.count}
    known = spec.statistics.get(band)
    if known is not None and known.minimum is not None and known.maximum is not None:
        return None
    return {"min": moments.minimum, "max": moments.maximum, "count": moments.count}


def write(found: Measured, specs: Mapping[str, ModalitySpec], path: Path) -> None:
    """Write statistics and proposal as one JSON file."""
    bands = {n: {band: moments.to_json() for band, moments in of.items()} for n, of in sorted(found.bands.items())}
    text = json.dumps({**proposal(found, specs), KEY: {"version": 1, "sets": found.sets, "bands": bands}}, indent=1)
    try:
        write_text(path, text + "\n")
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error}).") from error


def read(path: Path) -> Measured:
    """Read what `write` wrote; DataError if it is something else."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise DataError(f"{path}: has more than {MOST_BYTES >> 20} MB, which no statistics have.")
        data = json.loads(path.read_text("utf-8"))[KEY]
        bands = {n: {band: Moments.from_json(m) for band, m in of.items()} for n, of in data["bands"].items()}
        sets = dict(_sets(data["sets"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as cause:
        raise DataError(f"{path}: is not a file of `olmoearth dataset stats --out` ({cause!r}).") from cause
    return Measured(bands, sets)


def _sets(data: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, told in data.items():
        numbers = {key: int(told[key]) for key in ("num_samples", "seed", "of")}
        yield name, {**numbers, "share": float(told["share"]), "shards": [str(s) for s in told["shards"]]}


def _identity(folder: Folder) -> str:
    """Return what two copies of a data set share: SHA-256 of its tables."""
    filesystem, path = fsspec.core.url_to_fs(folder.url)
    digest = hashlib.sha256(str(folder.count).encode())
    for name in (METADATA, LATLONS):
        if filesystem.exists(f"{path}/{name}"):
            digest.update(filesystem.cat_file(f"{path}/{name}"))
    return digest.hexdigest()[:16]
