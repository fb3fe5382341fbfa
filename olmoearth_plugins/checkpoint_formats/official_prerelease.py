"""What the parts of v1.3 were called before its release, for checkpoints that were made then.

The attention pooler was a "register bottleneck" with flat keys, then a "perceiver" with a section of its own. Options
that the release no longer has are left out where they are switched off; switched on, they mean a model that cannot be
built.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from olmoearth_core.errors import CheckpointError

_SECTION, _RELEASED = "perceiver_config", "attention_pooler_config"
_SWITCHES = ("use_register_bottleneck", "use_perceiver")
_FLAT = "register_"
_OPTIONS = {
    "register_dim": "pooler_dim", "dim": "pooler_dim", "pooler_dim": "pooler_dim", "latent_depth": "pooler_depth",
    "pooler_depth": "pooler_depth", "num_heads": "num_heads", "per_depth_read_proj": "per_depth_read_proj",
    "attn_dim": "attn_dim", "student_dims": "student_dims", "student_output_norm": "student_output_norm",
}  # fmt: skip
"""Name of an option then -> now; flat keys carry the prefix `register_` as well."""
_TENSORS = (
    ("encoder.register_bottleneck.", "encoder.attention_pooler."),
    ("encoder.perceiver.", "encoder.attention_pooler."),
    ("encoder.register_projection.", "encoder.attention_pooler.student.0."),
    ("encoder.register_projection_norm.", "encoder.attention_pooler.student.1."),
    ("encoder.register_student.", "encoder.attention_pooler.student."),
)
"""How names of tensors began then -> now."""


def released(model: Mapping[str, Any], file: Path) -> dict[str, Any]:
    """Return the model section of a config with the names of the release; one that has them already as it is.

    Raises:
        CheckpointError: an option is switched on that the release does not have.
    """
    encoder, decoder = model.get("encoder_config"), model.get("decoder_config")
    renamed = dict(model)
    if isinstance(encoder, Mapping):
        renamed["encoder_config"] = _encoder(encoder, file)
    if isinstance(decoder, Mapping):
        renamed["decoder_config"] = _decoder(decoder)
    return renamed


def tensors(stored: Iterable[str], file: Path) -> dict[str, str]:
    """Return released name -> stored name.

    Raises:
        CheckpointError: a tensor is there under two names.
    """
    names: dict[str, str] = {}
    for old in stored:
        new = _tensor(old)
        if new in names:
            raise CheckpointError(
                f"{file}: found both {names[new]} and {old}, expected one of them: both are {new} today. "
                "The file was edited: fetch the original."
            )
        names[new] = old
    return names


def _tensor(name: str) -> str:
    for then, now in _TENSORS:
        if name.startswith(then):
            return now + name.removeprefix(then)
    return name


def _encoder(encoder: Mapping[str, Any], file: Path) -> dict[str, Any]:
    flat = {key: value for key, value in encoder.items() if key.startswith(_FLAT)}
    old = {*flat, *_SWITCHES, _SECTION}
    kept = {key: value for key, value in encoder.items() if key not in old}
    section = encoder.get(_SECTION)
    if isinstance(section, Mapping):
        kept[_RELEASED] = _options(section, f"model.encoder_config.{_SECTION}", file)
    elif any(encoder.get(switch) for switch in _SWITCHES):
        kept[_RELEASED] = _options(flat, "model.encoder_config", file)
    return kept


def _options(values: Mapping[str, Any], where: str, file: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items():
        name = _OPTIONS.get(key) or _OPTIONS.get(key.removeprefix(_FLAT))
        if name is not None:
            found[name] = value
        elif value and key != "_CLASS_":
            raise CheckpointError(
                f"{file}: {where}.{key} is {value!r}, an option from before the release of v1.3 that no longer exists. "
                "Such a model cannot be opened; use the code that trained it, or a released checkpoint."
            )
    return found


def _decoder(decoder: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in decoder.items() if key not in (*_SWITCHES, "register_dim")}
    if any(decoder.get(switch) for switch in _SWITCHES):
        kept["use_attention_pooler"] = True
        if "register_dim" in decoder:
            kept.setdefault("pooler_dim", decoder["register_dim"])
    return kept
