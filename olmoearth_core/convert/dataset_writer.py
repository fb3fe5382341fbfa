"""A folder of sample files: its name, its tables, and how it comes into being.

The folder's name is the number of samples, which is known only at the end. So files are written under
a staging folder beside it, each with a one-line record, and moved into the numbered folder when all
are there. A numbered folder is therefore always whole, and a run that was killed goes on where it was.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import fsspec
import numpy as np

from olmoearth_core.convert import manifest_db
from olmoearth_core.convert.band_facts import BandFacts, band_facts
from olmoearth_core.convert.h5_writer import MISSING_VALUE, Storage, write_sample
from olmoearth_core.convert.whole_file import write_text
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import TILE_PIXELS, ModalitySpec
from olmoearth_core.kinds import registry

MANIFEST = "manifest.json"
RECORDS = "manifest.jsonl"
METADATA = "sample_metadata.csv"
LATLONS = "latlon_distribution.npy"
SETTINGS = "compression_settings.json"
LIBRARIES = ("gdal", "h5py", "hdf5", "hdf5plugin", "numpy", "rasterio")


@dataclass(frozen=True)
class Record:
    """What is known about one written sample.

    key: name in the staging folder, unique and in the order of numbering given to `finish`. latlon: degrees.
    modalities: what the file holds. dropped: modality -> rule that removed it. source: where the pixels came from.
    sources: files that were read -> their SHA-256. bands: modality -> facts of each band, in band order.
    """

    key: str
    latlon: tuple[float, float]
    modalities: tuple[str, ...]
    bytes: int
    sha256: str
    source: str = ""
    dropped: Mapping[str, str] | None = None
    sources: Mapping[str, str] = field(default_factory=dict)
    bands: Mapping[str, Sequence[BandFacts]] = field(default_factory=dict)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Record:
        """Read back what `asdict` wrote."""
        known = {k: v for k, v in data.items() if k in cls.__dataclass_fields__}
        return cls(**{**known, "latlon": tuple(data["latlon"]), "modalities": tuple(data["modalities"])})


def folder_name(specs: Sequence[ModalitySpec], required: Sequence[str], tile_size: int, storage: Storage) -> str:
    """Return `<storage>/<modalities>`, the two levels above the numbered folder."""
    blocks = (TILE_PIXELS // tile_size) ** 2
    top = f"h5py_data_w_missing_timesteps{storage.suffix}_{tile_size}_x_{blocks}"
    names = "_".join(sorted(spec.name for spec in specs))
    return f"{top}/{names}" + (f"_required_{'_'.join(sorted(required))}" if required else "")


def check_tile_size(tile_size: int) -> None:
    """Refuse a size that does not cut a tile into equal parts."""
    if tile_size < 1 or TILE_PIXELS % tile_size:
        raise DataError(f"tile size {tile_size} does not divide {TILE_PIXELS}; take 256, 128, 64 or 32.")


class DatasetWriter:
    """Writes samples one by one and turns them into a numbered folder at the end.

    root: folder or URL below which the data set is made; a URL is staged on this machine and uploaded at the end.
    specs: supported modalities, in the order of the metadata columns. about: facts for the manifest (source, options);
    equal facts mean the same data set, so a finished one is recognised.
    """

    def __init__(
        self,
        root: str | Path,
        specs: Sequence[ModalitySpec],
        *,
        tile_size: int,
        storage: Storage | None = None,
        required: Sequence[str] = (),
        about: Mapping[str, Any] | None = None,
        staging: str | Path | None = None,
    ) -> None:
        """Touch no disk yet."""
        check_tile_size(tile_size)
        self.specs, self.storage = tuple(specs), storage or Storage()
        self.about = dict(about or {}) | {"tile_size": tile_size, "storage": _plain(asdict(self.storage))}
        self.parent = f"{str(root).rstrip('/')}/{folder_name(specs, required, tile_size, self.storage)}"
        self.remote = "://" in str(root)
        self.staging = Path(staging) if staging else self._default_staging()

    def _default_staging(self) -> Path:
        if not self.remote:
            return Path(self.parent) / ".converting"
        return Path(tempfile.gettempdir()) / ("olmoearth-" + re.sub(r"[^a-zA-Z0-9]+", "-", self.parent)[-180:])

    def open(self) -> None:
        """Make the staging folder; DataError where that is not allowed or another conversion's files lie there."""
        try:
            self.staging.mkdir(parents=True, exist_ok=True)
            note = self.staging / MANIFEST
            if note.exists() and read_facts(str(note), note.read_bytes()) != self.about:
                raise DataError(
                    f"{self.staging}: holds an unfinished conversion with other options or another source. "
                    "Finish it with its own options, or remove the folder."
                )
            write_text(note, json.dumps(self.about, indent=2))
        except OSError as error:
            raise DataError(f"{self.staging}: cannot be written ({error}). Give another output folder.") from error

    def add(
        self,
        key: str,
        arrays: Mapping[str, np.ndarray],
        timestamps: np.ndarray,
        latlon: np.ndarray,
        masks: Mapping[str, np.ndarray],
        *,
        source: str = "",
        dropped: Mapping[str, str] | None = None,
        sources: Mapping[str, str] | None = None,
    ) -> Record:
        """Write one sample into the staging folder (arguments as in `write_sample`) and return its record.

        source, dropped, sources: as in `Record`.
        """
        path = self.staging / f"{key}.h5"
        size, sha = write_sample(path, arrays, timestamps, latlon, masks, storage=self.storage)
        place = (float(latlon[0]), float(latlon[1]))
        facts = {name: band_facts(array) for name, array in arrays.items()}
        return Record(
            key, place, tuple(sorted(arrays)), size, sha, source, dict(dropped or {}), dict(sources or {}), facts
        )

    def existing(self) -> tuple[str, dict[str, Any]] | None:
        """Return the numbered folder made from the same facts and its manifest, or None."""
        filesystem, root = fsspec.core.url_to_fs(self.parent)
        for path in filesystem.glob(f"{root}/*/{MANIFEST}") if filesystem.exists(root) else []:
            number = str(path).split("/")[-2]
            if not number.isdigit():
                continue
            manifest = read_facts(str(path), filesystem.cat_file(path))
            if manifest.get("about") == self.about:
                return f"{self.parent}/{number}", manifest
        return None

    def finish(
        self,
        records: Sequence[Record],
        *,
        quarantined: Mapping[str, str] | None = None,
        dropped: Sequence[str] = (),
        beside: Callable[[Path], None] | None = None,
    ) -> str:
        """Move the staged files into the numbered folder, in the order of `records`, and return its path or URL.

        quarantined: bad tiles -> reason. dropped: why parts of good tiles made no sample.
        beside: writes further files (labels) into the folder before it gets its name.
        """
        if not records:
            raise DataError(f"{self.parent}: no sample was left to write. See the reasons above.")
        number = len(records)
        final = f"{self.parent}/{number}"
        filesystem, place = fsspec.core.url_to_fs(final)
        if filesystem.exists(place):
            raise DataError(
                f"{final}: already exists and was made from another source or with other options. "
                "Remove it, or give another output folder."
            )
        whole = self.staging / "whole"
        whole.mkdir(exist_ok=True)
        for stray in whole.glob(".*"):
            stray.unlink()
        for index, record in enumerate(records):
            target = whole / f"sample_{index}.h5"
            if not (target.exists() and not (self.staging / f"{record.key}.h5").exists()):
                os.replace(self.staging / f"{record.key}.h5", target)
        self._write_tables(whole, records, quarantined or {}, dropped)
        if beside:
            beside(whole)
        # Last, because readers take a folder with this table for a data set.
        names = [spec.name for spec in self.specs]
        write_text(whole / METADATA, metadata([record.modalities for record in records], names))
        if self.remote:
            _upload(whole, filesystem, place)
        else:
            os.replace(whole, final)
        self.discard()
        return final

    def discard(self) -> None:
        """Remove the staging folder."""
        shutil.rmtree(self.staging, ignore_errors=True)

    def _write_tables(
        self, folder: Path, records: Sequence[Record], quarantined: Mapping[str, str], dropped: Sequence[str]
    ) -> None:
        write_text(folder / SETTINGS, json.dumps(self.storage.settings, indent=2))
        np.save(folder / LATLONS, np.array([r.latlon for r in records], dtype=np.float64))
        lines = (json.dumps({"file": f"sample_{i}.h5", **_short(r)}) for i, r in enumerate(records))
        write_text(folder / RECORDS, "\n".join(lines) + "\n")
        manifest = {
            "format": 2, "olmoearth": version("olmoearth"), "plugins": _plugins(self.specs), "libraries": _libraries(),
            "about": self.about, "num_samples": len(records),
            "missing_value": MISSING_VALUE, "quarantined": dict(quarantined),
            "dropped": list(dropped),
            "modalities": {s.name: {"bands": list(s.band_order), **_plain(asdict(s))} for s in self.specs},
        }  # fmt: skip
        manifest_db.write(folder, manifest, records, {s.name: s.band_order for s in self.specs})
        write_text(folder / MANIFEST, json.dumps(manifest, indent=2))


def metadata(rows: Sequence[Sequence[str]], columns: Sequence[str]) -> str:
    """Return the text of sample_metadata.csv. rows: the modalities of each sample."""
    lines = [",".join([str(i), *(str(int(name in row)) for name in columns)]) for i, row in enumerate(rows)]
    return "\n".join([",".join(["sample_index", *columns]), *lines]) + "\n"


def read_records(folder: str) -> list[dict[str, Any]]:
    """Return the per-file lines of a data set's manifest, an empty list where it has none (the original's sets).

    Raises:
        DataError: a line is no JSON object that names a file.
    """
    filesystem, place = fsspec.core.url_to_fs(folder)
    path = f"{place}/{RECORDS}"
    if not filesystem.exists(path):
        return []
    lines = filesystem.cat_file(path).split(b"\n")
    found = [read_facts(f"{folder}/{RECORDS}:{number}", line) for number, line in enumerate(lines, 1) if line.strip()]
    if strange := [line for line in found if not isinstance(line.get("file"), str)]:
        raise DataError(f"{folder}/{RECORDS}: a line names no file ({str(strange[0])[:80]}). Remove {RECORDS}.")
    return found


def read_facts(path: str, content: bytes) -> dict[str, Any]:
    """Return the JSON object that a manifest, or a line of one, holds. path: for messages; DataError if it is none."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        found, why = None, str(error)[:200]
    else:
        why = f"found {type(found).__name__}"
    if not isinstance(found, dict):
        raise DataError(f"{path}: is no JSON object ({why}). The samples are not affected; remove the file.")
    return found


def _upload(whole: Path, filesystem: Any, place: str) -> None:
    # Samples first and the metadata last, so that a reader that sees the table sees all files.
    last = {METADATA, MANIFEST}
    paths = sorted((p for p in whole.rglob("*") if p.is_file()), key=lambda p: (p.name in last, p))
    for path in paths:
        target = f"{place}/{path.relative_to(whole).as_posix()}"
        filesystem.makedirs(target.rsplit("/", 1)[0], exist_ok=True)
        filesystem.put_file(str(path), target)


def _short(record: Record) -> dict[str, Any]:
    return {key: value for key, value in asdict(record).items() if key not in ("sources", "bands")}


def _plugins(specs: Sequence[ModalitySpec]) -> dict[str, str]:
    """Return package -> version of the packages that declare the modalities."""
    known = registry.modalities.components()
    found = {known[s.name].distribution: known[s.name].version for s in specs if s.name in known}
    return dict(sorted(found.items()))


def _libraries() -> dict[str, str]:
    """Return the versions of the libraries that decide the bytes of the files."""
    import h5py
    import rasterio

    inside = {"gdal": rasterio.__gdal_version__, "hdf5": h5py.version.hdf5_version}
    return {name: inside.get(name) or version(name) for name in LIBRARIES}


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value))
