"""Decoders of official configs: what they have in common with the encoder is left out, as in our recipes."""

from __future__ import annotations

from typing import Any

from olmoearth_core.errors import CheckpointError
from olmoearth_plugins.checkpoint_formats.official_encoder import HEADS, WIDTH, nested
from olmoearth_plugins.checkpoint_formats.official_positions import position_encoding
from olmoearth_plugins.checkpoint_formats.official_section import Section

_SAME = {
    "depth", "mlp_ratio", "drop_path", "qk_norm", "output_embedding_size", "learnable_channel_embeddings",
    "random_channel_embeddings", "use_attention_pooler", "pooler_dim",
}  # fmt: skip
_AROUND = {
    "PredictorConfig": "",
    "STPredictorConfig": "space_time_predictor",
    "PooledModalityPredictorConfig": "pooled_modality_predictor",
}
_ABSOLUTE = {"@position_encodings": "olmoearth.absolute.v1"}


def translate(decoder: Section, encoder: Section) -> dict[str, Any]:
    """Return the block of a decoder.

    Raises:
        CheckpointError: a class that is not known, or a decoder for tokens of another width than the encoder's.
    """
    around = decoder.kind(_AROUND, "PredictorConfig")
    decoder.ignore("max_sequence_length", "use_flash_attn", "supported_modality_names", "tokenization_config")
    out = encoder.get("output_embedding_size") or encoder.get("embedding_size", WIDTH)
    announced = decoder.get("encoder_embedding_size", WIDTH)
    if announced != out:
        raise CheckpointError(
            f"{decoder.file}: {decoder.name} is for tokens of width {announced}, but those of the encoder have {out}. "
            "The file is damaged or was edited."
        )
    block = {"@decoders": "olmoearth.predictor.v1", **decoder.taken(_SAME)}
    for key, common in (("output_embedding_size", out), ("pooler_dim", _places(encoder))):
        if key in block and block[key] == common:
            del block[key]
    if (width := decoder.get("decoder_embedding_size", WIDTH)) != out:
        block["decoder_embedding_size"] = width
    if (heads := decoder.get("num_heads", HEADS)) != encoder.get("num_heads", HEADS):
        block["num_heads"] = heads
    if (positions := position_encoding(decoder)) != position_encoding(encoder):
        block["position_encoding"] = positions or _ABSOLUTE
    return nested(decoder, block, around, "decoder")


def _places(encoder: Section) -> Any:
    """Return the width of what the encoder's pooler hands over, None without one."""
    config = encoder.get("attention_pooler_config")
    return config.get("pooler_dim") if isinstance(config, dict) else None
