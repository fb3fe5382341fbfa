"""Which modalities an official model takes as inputs; the others it only learned to predict.

A released model takes the three sensors. For a folder, the masking of its training says which modalities were never
shown to the encoder; where it does not, the three sensors are assumed, with a warning.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from olmoearth_core.interfaces.checkpoint import Remote

SENSORS = ("sentinel2_l2a", "sentinel1", "landsat")


def inputs(
    experiment: Mapping[str, Any], supported: Sequence[str], file: Path, remote: Remote | None
) -> tuple[str, ...] | None:
    """Return the input modalities in declaration order; None = all that the model supports."""
    if remote is not None:
        return tuple(name for name in supported if name in SENSORS)
    for section in ("train_module", "data_loader"):
        hidden = _at(experiment, section, "masking_config", "strategy_config", "only_decode_modalities")
        if isinstance(hidden, list):
            return tuple(name for name in supported if name not in {str(h).lower() for h in hidden})
    default = tuple(name for name in supported if name in SENSORS) or None
    warnings.warn(
        f"{file}: does not say which modalities are inputs; taken for inputs: {', '.join(default or supported)}. "
        "Set model.encoder.input_modalities to others, or to None for all.",
        stacklevel=5,
    )
    return default


def _at(node: Any, *keys: str) -> Any:
    for key in keys:
        node = node.get(key) if isinstance(node, Mapping) else None
    return node
