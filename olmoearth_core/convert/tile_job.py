"""Turn one tile into its sample files: the part of a conversion that runs in worker processes.

Every raster is decoded once per tile. What came out (files, dropped modalities, or why the tile is bad)
is written as one small JSON file beside the samples, so that a conversion can be killed and go on.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from olmoearth_core.convert.clean import finding, with_gaps
from olmoearth_core.convert.dataset_writer import MANIFEST, DatasetWriter, Record
from olmoearth_core.convert.h5_writer import stored
from olmoearth_core.convert.rasters import load
from olmoearth_core.convert.samples import PlannedSample, presence, sample_timestamps
from olmoearth_core.convert.whole_file import write_text
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import TILE_PIXELS, ModalitySpec

Cleaning = Literal["sub_tile", "tile"]
Sources = Mapping[str, Mapping[str, str]]
"""Modality -> files that were read, relative to the tile store -> their SHA-256."""


@dataclass(frozen=True)
class Rules:
    """What makes a sample. Part of a data set's identity.

    cleaning: where drop rules look. min_timesteps: steps that the longest space-time modality must have.
    required: modalities without which a sample is dropped. compatible: give all parts the lat/lon of the tile's centre,
    keep steps that the sample's timestamps lack, and take gaps in images for values, all as the original does.
    """

    cleaning: Cleaning = "sub_tile"
    min_timesteps: int = 12
    required: tuple[str, ...] = ()
    compatible: bool = False


@dataclass(frozen=True)
class TileOutcome:
    """What became of one tile: samples written, parts dropped with the reason, or an error that names the file."""

    key: str
    records: tuple[Record, ...] = ()
    dropped: tuple[str, ...] = ()
    error: str | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TileOutcome:
        """Read back what `asdict` wrote."""
        records = tuple(Record.from_json(r) for r in data["records"])
        return cls(data["key"], records, tuple(data["dropped"]), data["error"])


@dataclass(frozen=True)
class TileJob:
    """Everything a worker needs besides the planned sample."""

    root: str
    specs: tuple[ModalitySpec, ...]
    writer: DatasetWriter
    rules: Rules
    blocks: int

    def outcome_path(self, sample: PlannedSample) -> Path:
        """Where the outcome of a tile is noted."""
        return self.writer.staging / f"{sample.cell.window_name}.json"

    def noted(self, sample: PlannedSample) -> TileOutcome | None:
        """Return an earlier run's outcome if the tile was good and all its files are there in full size."""
        path = self.outcome_path(sample)
        if not path.exists():
            return None
        outcome = TileOutcome.from_json(json.loads(path.read_text()))
        return outcome if outcome.error is None and all(map(self._whole, outcome.records)) else None

    def _whole(self, record: Record) -> bool:
        path = self.writer.staging / f"{record.key}.h5"
        return path.exists() and path.stat().st_size == record.bytes

    def __call__(self, sample: PlannedSample) -> TileOutcome:
        """Convert one tile; a fault of its files is an outcome, one of the output folder an error."""
        self._see_staging()
        key = sample.cell.window_name
        try:
            arrays, sources = self._load(sample)
        except DataError as error:
            outcome = TileOutcome(key, error=str(error))
        else:
            outcome = self._write(sample, arrays, sources)
        write_text(self.outcome_path(sample), json.dumps(asdict(outcome)))
        return outcome

    def _see_staging(self) -> None:
        if not (self.writer.staging / MANIFEST).exists():
            raise DataError(
                f"{self.writer.staging}: not there on {platform.node()}. All machines of a conversion need the staging "
                "folder under the same path: give --staging in a folder that they share."
            )

    def _load(self, sample: PlannedSample) -> tuple[dict[str, np.ndarray], Sources]:
        present = [s for s in self.specs if s.name in sample.tiles]
        sources: dict[str, dict[str, str]] = {s.name: {} for s in present}
        arrays = {
            s.name: load(self.root, s, sample.tiles[s.name], sample.cell, sources=sources[s.name]) for s in present
        }
        for spec in present:
            if spec.spatial and arrays[spec.name].shape[0] % self.blocks:
                side = arrays[spec.name].shape[0]
                raise DataError(
                    f"{sample.cell.window_name}: {spec.name} has {side} px, not divisible by {self.blocks}."
                )
        return arrays, sources

    def _write(self, sample: PlannedSample, arrays: Mapping[str, np.ndarray], sources: Sources) -> TileOutcome:
        by_name = {s.name: s for s in self.specs}
        whole = self.rules.cleaning == "tile"
        tile_finds = {n: f for n, a in arrays.items() if whole and (f := finding(by_name[n], a))}
        latlons = sample.cell.sub_latlons(1 if self.rules.compatible else self.blocks)
        records: list[Record] = []
        dropped: list[str] = []
        for part in range(self.blocks**2):
            cut = {n: self._part(by_name[n], a, part) for n, a in arrays.items()}
            if not self.rules.compatible:
                cut = {n: with_gaps(by_name[n], a) for n, a in cut.items()}
            finds = tile_finds if whole else {n: f for n, a in cut.items() if (f := finding(by_name[n], a))}
            kept = {n: a for n, a in cut.items() if n not in finds}
            reason, timestamps = self._judge(sample, kept, finds)
            if reason:
                dropped.append(f"{sample.cell.window_name}, part {part}: {reason}")
                continue
            stored_arrays, masks = self._stored(sample, kept, timestamps)
            key = f"{sample.cell.window_name}_{part}"
            latlon = latlons[part % len(latlons)]
            read = {path: sha for name in kept for path, sha in sources[name].items()}
            records.append(
                self.writer.add(
                    key, stored_arrays, timestamps, latlon, masks, source=key, dropped=dict(finds), sources=read
                )
            )
        return TileOutcome(sample.cell.window_name, tuple(records), tuple(dropped))

    def _part(self, spec: ModalitySpec, array: np.ndarray, part: int) -> np.ndarray:
        if not spec.spatial:
            return array
        side = array.shape[0] // self.blocks
        row, col = divmod(part, self.blocks)
        return array[row * side : (row + 1) * side, col * side : (col + 1) * side]

    def _judge(
        self, sample: PlannedSample, kept: Mapping[str, np.ndarray], finds: Mapping[str, str]
    ) -> tuple[str, np.ndarray]:
        timestamps = sample_timestamps({n: sample.tiles[n].timestamps for n in kept}, self.specs)
        missing = [name for name in self.rules.required if name not in kept]
        lost = "".join(f"; {name}: {rule}" for name, rule in finds.items())
        if missing:
            return f"required {', '.join(missing)} not there{lost}", timestamps
        if len(timestamps) == 0:
            return f"no modality with space and time{lost}", timestamps
        if len(timestamps) < self.rules.min_timesteps:
            return f"{len(timestamps)} time steps, expected {self.rules.min_timesteps}{lost}", timestamps
        return "", timestamps

    def _stored(
        self, sample: PlannedSample, kept: Mapping[str, np.ndarray], timestamps: np.ndarray
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        arrays: dict[str, np.ndarray] = {}
        masks: dict[str, np.ndarray] = {}
        for spec in self.specs:
            if spec.name not in kept:
                continue
            array = kept[spec.name]
            if spec.kind == "space_time":
                steps = sample.tiles[spec.name].timestamps
                masks[spec.name] = presence(timestamps, steps)
                locatable = presence(steps, timestamps)
                if not locatable.all() and not self.rules.compatible:
                    array = array[:, :, locatable]
            arrays[spec.name] = np.ascontiguousarray(stored(array, spec.storage))
        return arrays, masks


def blocks_of(tile_size: int) -> int:
    """Parts of a tile along a side."""
    return TILE_PIXELS // tile_size
