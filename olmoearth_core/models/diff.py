"""In what two models differ, as lines of text: what `olmoearth model diff` prints."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor

from olmoearth_core.config.explain import table
from olmoearth_core.config.resolved import flatten
from olmoearth_core.models.card import ModelCard, card_of
from olmoearth_core.models.describe import NOTHING
from olmoearth_core.models.open import load_model

_SHOWN = 10


def diff(left: str, right: str) -> list[str]:
    """Compare two models: configs, names and shapes of tensors, and values.

    Raises:
        CheckpointError: as `load_model`.
    """
    a, b = load_model(left), load_model(right)
    keys = list(_keys(card_of(a), card_of(b)))
    lines = table([("", left, right), *keys]) if keys else ["config: the same"]
    return [*lines, "", *_tensors(a.state_dict(), b.state_dict())]


def _keys(left: ModelCard, right: ModelCard) -> Iterator[tuple[str, ...]]:
    ours, theirs = _values(left), _values(right)
    for key in dict.fromkeys([*ours, *theirs]):
        if ours.get(key, NOTHING) != theirs.get(key, NOTHING):
            yield key, ours.get(key, NOTHING), theirs.get(key, NOTHING)


def _values(card: ModelCard) -> dict[str, str]:
    facts: dict[str, Any] = {
        "modalities": list(card.names),
        "input_modalities": [spec.name for spec in card.inputs],
        "band_gap": card.band_gap,
        "fill": card.fill,
    }
    facts |= {f"normalization.{spec.name}": spec.normalization for spec in card.specs}
    facts |= {f"model.{'.'.join(path)}": value for path, value in flatten(dict(card.model)).items()}
    return {key: json.dumps(value, ensure_ascii=False) for key, value in facts.items()}


def _tensors(left: Mapping[str, Tensor], right: Mapping[str, Tensor]) -> Iterator[str]:
    shared = [name for name in left if name in right]
    yield from _listed("only in the first", [(name, _shape(left[name])) for name in left if name not in right])
    yield from _listed("only in the second", [(name, _shape(right[name])) for name in right if name not in left])
    apart = [name for name in shared if left[name].shape != right[name].shape]
    yield from _listed("of another shape", [(n, _shape(left[n]), _shape(right[n])) for n in apart])
    alike = [name for name in shared if name not in apart]
    far = {name: _distance(left[name], right[name]) for name in alike}
    differing = sorted((name for name in alike if far[name] != 0), key=lambda name: -far[name])
    rows = [(name, f"{far[name]:.3g}") for name in differing]
    yield from _listed("of another value (largest difference)", rows)
    yield f"tensors: {len(alike) - len(differing)} of {len({*left, *right})} the same"


def _listed(what: str, rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    if rows:
        yield f"{len(rows)} {what}:"
        yield from (f"  {line}" for line in table(rows[:_SHOWN]))
        if len(rows) > _SHOWN:
            yield f"  and {len(rows) - _SHOWN} more"


def _shape(tensor: Tensor) -> str:
    return f"[{', '.join(map(str, tensor.shape))}]"


def _distance(a: Tensor, b: Tensor) -> float:
    """Return the largest absolute difference; infinite where one has numbers and the other has none."""
    if a.numel() == 0:
        return 0.0
    apart = (a.double() - b.double()).abs()
    return float(apart.nan_to_num(nan=float("inf")).where(~(a.isnan() & b.isnan()), apart.new_zeros(())).max())
