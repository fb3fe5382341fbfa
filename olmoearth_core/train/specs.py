"""Modality specs as JSON: a checkpoint carries the ones it was trained with, statistics included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from olmoearth_core.errors import CheckpointError
from olmoearth_core.interfaces.modality import BandSet, ModalitySpec, Statistics


def to_json(specs: Sequence[ModalitySpec]) -> list[dict[str, Any]]:
    """Return plain values, in declaration order."""
    return [asdict(spec) for spec in specs]


def from_json(plain: Sequence[Mapping[str, Any]]) -> tuple[ModalitySpec, ...]:
    """Take back what `to_json` gave.

    Raises:
        CheckpointError: a spec with fields that this version does not know.
    """
    return tuple(map(_spec, plain))


def _spec(plain: Mapping[str, Any]) -> ModalitySpec:
    unknown = set(plain) - {f.name for f in fields(ModalitySpec)}
    if unknown:
        raise CheckpointError(
            f"modality {plain.get('name')}: this version does not know {sorted(unknown)}. "
            "The checkpoint was written by a newer olmoearth; update it."
        )
    values = dict(plain)
    values["band_sets"] = tuple(BandSet(tuple(s["bands"]), s["resolution_factor"]) for s in plain["band_sets"])
    values["statistics"] = {band: Statistics(**s) for band, s in plain.get("statistics", {}).items()}
    for name in ("drop_rules", "valid_range", "contract", "codes"):
        if isinstance(values.get(name), list):
            values[name] = tuple(values[name])
    return ModalitySpec(**values)
