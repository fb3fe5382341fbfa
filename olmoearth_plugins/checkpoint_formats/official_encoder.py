"""Encoders of official configs: flat keys become blocks, encoders around another one nest it."""

from __future__ import annotations

from typing import Any

from olmoearth_core.errors import CheckpointError
from olmoearth_plugins.checkpoint_formats.official_positions import position_encoding
from olmoearth_plugins.checkpoint_formats.official_section import Section

WIDTH, HEADS = 16, 2
"""What a config means by leaving the width of tokens or the number of heads out."""
_SAME = {
    "embedding_size", "num_heads", "depth", "mlp_ratio", "min_patch_size", "max_patch_size", "drop_path", "qk_norm",
    "num_register_tokens", "output_embedding_size", "frozen_patch_embeddings", "band_dropout_rate",
    "random_band_dropout", "band_dropout_modalities", "learnable_channel_embeddings", "random_channel_embeddings",
    "num_projection_layers", "aggregate_then_project",
}  # fmt: skip
"""Keys that mean the same under the same name."""
_AROUND = {
    "EncoderConfig": "",
    "STEncoderConfig": "space_time",
    "EncoderEarlyAttnPoolConfig": "early_attention_pool",
}
_EXTRA = {
    "space_time": {"layer_attention_modes", "windowed_attention_size", "fuse_layers", "fuse_using_cross_attn"},
    "early_attention_pool": {
        "dims_to_pool", "num_pre_modality_pooling_layers", "pooling_attn_dim", "num_attn_pool_heads", "num_queries",
        "use_mlp", "attn_pool_mlp_ratio",
    },
    "space_time_predictor": {"layer_attention_modes", "windowed_attention_size"},
    "pooled_modality_predictor": {"include_encoder_encodings", "dims_to_pool"},
}  # fmt: skip
"""Component around another one -> the keys that are its own."""
_POOLER = {
    "pooler_dim", "pooler_depth", "num_heads", "per_depth_read_proj", "attn_dim", "student_dims", "student_output_norm",
}  # fmt: skip
_FREQUENCIES = 10000.0


def translate(encoder: Section, *, convolution: bool | None) -> dict[str, Any]:
    """Return the block of an encoder.

    Raises:
        CheckpointError: a class that is not known, or options that contradict each other.
    """
    around = encoder.kind(_AROUND, "EncoderConfig")
    encoder.ignore("max_sequence_length", "use_flash_attn", "log_token_norm_stats")
    block = {
        "@encoders": "olmoearth.flexi_vit.v1",
        **encoder.taken(_SAME),
        "patch_embedding": patch_embedding(encoder, convolution=convolution),
    }
    if (positions := position_encoding(encoder)) is not None:
        block["position_encoding"] = positions
    if encoder.get("attention_pooler_config") is not None:
        block["attention_pooler"] = _pooler(encoder)
    return nested(encoder, block, around, "encoder")


def nested(section: Section, block: dict[str, Any], around: str, slot: str) -> dict[str, Any]:
    """Put a block into the component around it, which takes the section's extra keys; "" = there is none."""
    if not around:
        return block
    extra = section.taken(_EXTRA[around])
    if "layer_attention_modes" in extra:
        extra["layer_attention_modes"] = [str(mode).lower() for mode in extra["layer_attention_modes"]]
    return {f"@{slot}s": f"olmoearth.{around}.v1", f"{slot}_config": block, **extra}


def patch_embedding(encoder: Section, *, convolution: bool | None) -> dict[str, Any]:
    """Return the block of the patch embedding.

    Configs older than the key `use_linear_patch_embed` have convolutions; the weights know better where they are there.

    Raises:
        CheckpointError: layers on pixels or tokens around a convolution.
    """
    pixels, behind = encoder.get("patch_embed_hidden_sizes"), encoder.get("post_proj_hidden_sizes")
    linear = encoder.get("use_linear_patch_embed")
    if linear is None:
        linear = bool(pixels or behind) if convolution is None else not convolution
    if not linear:
        if pixels or behind:
            raise CheckpointError(
                f"{encoder.file}: {encoder.name} has hidden sizes around a patch embedding that is a convolution "
                "(use_linear_patch_embed is false). The file is damaged or was edited."
            )
        return {"@patch_embeddings": "olmoearth.conv_patches.v1"}
    after = {"post_hidden_sizes": list(behind)} if behind else {}
    if pixels:
        return {"@patch_embeddings": "olmoearth.pixel_mlp_patches.v1", "hidden_sizes": list(pixels), **after}
    return {"@patch_embeddings": "olmoearth.linear_patches.v1", **after}


def _pooler(encoder: Section) -> dict[str, Any]:
    """Return the block of the pooler; its rotary base is the encoder's."""
    own = encoder.section("attention_pooler_config")
    own.kind({"AttentionPoolerConfig": ""}, "AttentionPoolerConfig")
    block = {"@poolers": "olmoearth.location_pooler.v1", **own.taken(_POOLER)}
    if encoder.get("rope_base", _FREQUENCIES) != _FREQUENCIES:
        block["rope_base"] = encoder.get("rope_base")
    return block
