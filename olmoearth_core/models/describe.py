"""What a model is, as lines of text: what `olmoearth model info` prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn

from olmoearth_core.config.explain import table
from olmoearth_core.config.hints import arguments
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.kinds import kinds
from olmoearth_core.models.card import ModelCard
from olmoearth_core.models.open import opened

NOTHING = "-"


def info(name: str) -> list[str]:
    """Describe a model; no weights are read or allocated.

    Raises:
        CheckpointError: as `load_model`.
    """
    with torch.device("meta"):
        model, card = opened(name, load_weights=False)
    bands: list[tuple[str, ...]] = [("modality", "axes", "bands", "tokens", "normalisation", "input")]
    inputs = [spec.name for spec in card.inputs]
    bands += [_modality(spec, card, spec.name in inputs) for spec in card.specs]
    return [*table([*_facts(card), *_sizes(model)]), "", *table(list(_parts(card.model))), "", *table(bands)]


def _facts(card: ModelCard) -> Iterator[tuple[str, ...]]:
    yield "title", card.title
    yield "format", card.format
    yield "source", card.source or NOTHING
    yield "licence", card.licence.partition("\n")[0] or "not stated"
    yield "step", NOTHING if card.step is None else f"{card.step}"
    yield "absent bands", f"{card.band_gap}, fill {card.fill}"


def _sizes(model: nn.Module) -> list[tuple[str, ...]]:
    def count(part: nn.Module, *, trainable: bool = False) -> int:
        return sum(p.numel() for p in part.parameters() if p.requires_grad or not trainable)

    counts = {"parameters": count(model), "  trainable": count(model, trainable=True)}
    counts |= {f"  {name}": count(part) for name, part in model.named_children()}
    width = max(len(f"{number:,}") for number in counts.values())
    return [(name, f"{number:,}".rjust(width)) for name, number in counts.items()]


def _parts(block: Mapping[str, Any], name: str = "model", depth: int = 0) -> Iterator[tuple[str, ...]]:
    """Yield each component of a block with the settings that are not its defaults, outer ones first."""
    at = next((key for key in block if key.startswith("@")), None)
    if at is None:
        return
    defaults = {a.name: a.default for a in arguments(kinds()[at[1:]].get(block[at]))}
    plain = {k: v for k, v in block.items() if k in defaults and not isinstance(v, Mapping) and v != defaults[k]}
    yield "  " * depth + name, block[at], ", ".join(f"{key} {_short(value)}" for key, value in plain.items())
    for key, part in block.items():
        if isinstance(part, Mapping):
            yield from _parts(part, key, depth + 1)


def _short(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(str, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _modality(spec: ModalitySpec, card: ModelCard, used: bool) -> tuple[str, ...]:
    groups = [len(group) for group in card.tokenization.groups(spec)]
    told = f"{len(groups)} of {'+'.join(map(str, groups))} bands" if len(groups) > 1 else "1"
    return spec.name, spec.kind, str(spec.num_bands), told, spec.normalization, "yes" if used else "no"
