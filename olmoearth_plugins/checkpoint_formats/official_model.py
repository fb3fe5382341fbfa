"""From the model section of an official config to a [model] block of ours.

Class paths name what is meant and are looked up in tables, never imported. What later code added and ours does not
know is collected, not refused: the strict comparison of weights finds out whether it mattered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from olmoearth_core.errors import CheckpointError
from olmoearth_plugins.checkpoint_formats import official_decoder, official_encoder
from olmoearth_plugins.checkpoint_formats.official_section import Section

_MODELS = {"LatentMIMConfig": "latent_mim", "GalileoConfig": "galileo", "MAEConfig": "mae"}
_WITH_TARGET = ("latent_mim", "galileo")
_ONLY_TRAINING = ("supervision_head_config", "location_token_distillation_head_config")
"""Parts of v1.3 whose weights a released checkpoint may hold and no model needs."""


@dataclass(frozen=True)
class Translated:
    """A [model] block, the modalities in order, whether training hid single bands, and keys that nobody knows."""

    block: dict[str, Any]
    modalities: tuple[str, ...]
    saw_gaps: bool
    unknown: tuple[str, ...]


def translate(model: Mapping[str, Any], file: Path, *, convolution: bool | None) -> Translated:
    """Translate the model section of a config.json.

    convolution: what the weights say of the patch projections; None = no weights.

    Raises:
        CheckpointError: a kind of model, encoder or decoder that is not known, or parts that do not fit each other.
    """
    unknown: list[str] = []
    whole = Section(model, "model", file, unknown)
    kind = whole.kind(_MODELS, "LatentMIMConfig")
    encoder = whole.section("encoder_config")
    block: dict[str, Any] = {
        "@models": f"olmoearth.{kind}.v1",
        "encoder_config": official_encoder.translate(encoder, convolution=convolution),
    }
    names, groups = _modalities(encoder), _groups(encoder)
    if kind != "mae" or whole.get("decoder_config"):
        decoder = whole.section("decoder_config")
        _same(encoder, decoder)
        block["decoder_config"] = official_decoder.translate(decoder, encoder)
    if whole.get("reconstructor_config"):
        block["reconstructor_config"] = _reconstructor(whole.section("reconstructor_config"), encoder)
    if groups:
        block["tokenization"] = groups
    if whole.get("projection_only_target") and kind in _WITH_TARGET:
        block["target"] = {"@targets": "olmoearth.frozen_projection.v1"}
    whole.ignore(*_ONLY_TRAINING)
    saw_gaps = bool(encoder.get("band_dropout_rate"))
    whole.report()
    return Translated(block, names, saw_gaps, tuple(unknown))


def _reconstructor(section: Section, encoder: Section) -> dict[str, Any]:
    section.kind({"ReconstructorConfig": "reconstructor"}, "ReconstructorConfig")
    _same(encoder, section)
    decoder = section.section("decoder_config")
    _same(encoder, decoder)
    own = section.taken({"max_patch_size"})
    if own.get("max_patch_size") == encoder.get("max_patch_size", 8):
        own = {}
    inner = official_decoder.translate(decoder, encoder)
    return {"@decoders": "olmoearth.reconstructor.v1", "decoder_config": inner, **own}


def _same(encoder: Section, other: Section) -> None:
    """Compare what parts of one model must share."""
    for key in ("supported_modality_names", "tokenization_config"):
        if plain(encoder.get(key)) != plain(other.get(key)):
            raise CheckpointError(
                f"{encoder.file}: {key} of {encoder.name} and {other.name} differ, expected the same. "
                "The file is damaged or was edited."
            )


def _modalities(encoder: Section) -> tuple[str, ...]:
    names = encoder.get("supported_modality_names")
    if not isinstance(names, list) or not names:
        raise CheckpointError(f"{encoder.file}: found no supported_modality_names in {encoder.name}, expected a list.")
    return tuple(str(name).lower() for name in names)


def _groups(encoder: Section) -> dict[str, list[list[str]]]:
    """Translate a tokenization, whose parts may or may not say their class."""
    config = plain(encoder.get("tokenization_config")) or {}
    try:
        overrides = config.get("overrides") or {}
        return {str(name): [list(map(str, group)) for group in one["band_groups"]] for name, one in overrides.items()}
    except (AttributeError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{encoder.file}: found a tokenization_config without band_groups ({error!r}), expected them per modality."
        ) from error


def plain(value: Any) -> Any:
    """Return a value without the class names in it."""
    if isinstance(value, Mapping):
        return {key: plain(part) for key, part in value.items() if key != "_CLASS_"}
    return [plain(part) for part in value] if isinstance(value, list) else value
