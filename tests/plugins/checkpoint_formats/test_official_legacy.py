"""What older and larger official checkpoints differ in, and what is no official checkpoint any more."""

import json
import os

import pytest
import torch

from olmoearth_core import load_model
from olmoearth_core.errors import CheckpointError


def drop(section, *keys):
    def edit(config):
        for key in keys:
            config[section].pop(key)

    return edit


def put(**parts):
    def edit(config):
        for name, values in parts.items():
            config[name].update(values) if isinstance(values, dict) and name in config else config.update(
                {name: values}
            )

    return edit


def loads(made):
    return all(torch.equal(v, made.model.state_dict()[k]) for k, v in load_model(made.folder).state_dict().items())


def test_tables_of_positions_that_old_checkpoints_saved_are_left_out(official):
    def state(tensors):
        return {
            **tensors,
            **{
                f"{x}.composite_encodings.pos_embed": torch.ones(1, 3) for x in ("encoder", "decoder", "target_encoder")
            },
        }

    assert loads(official("v1", state=state))


def test_heads_that_only_training_used_are_left_out_and_anything_else_is_refused(official):
    def heads(tensors):
        extra = ("supervision_head.x.weight", "location_token_distillation_head.y")
        return {**tensors, **{name: torch.ones(1) for name in extra}}

    edit = put(supervision_head_config={"_CLASS_": "far.away.Head"}, location_token_distillation_head_config={})
    assert loads(official("v1_3", state=heads, edit=edit, name="heads"))
    stranger = official(state=lambda tensors: {**tensors, "foo.x": torch.ones(1)}, name="stranger")
    with pytest.raises(CheckpointError, match=r"weights.pth: (?s:.*)foo.x: the checkpoint has it, the model does not"):
        load_model(stranger.folder)


def test_a_config_without_the_key_of_linear_patches_means_convolutions(official):
    made = official("v1", edit=drop("encoder_config", "use_linear_patch_embed"))
    assert loads(made)
    block = {"@patch_embeddings": "olmoearth.conv_patches.v1"}
    assert load_model(made.folder, load_weights=False).card.model["encoder_config"]["patch_embedding"] == block


def test_the_weights_know_better_which_patches_they_are_of(official):
    assert loads(official("v1_1", edit=drop("encoder_config", "use_linear_patch_embed")))


def test_the_old_name_of_the_position_encoding_wins(official):
    only = {"spatial_pos_encoding": "rope_3d_mixed", "position_encoding": None}
    assert loads(official(edit=put(encoder_config=only, decoder_config=only), name="only"))
    both = {"spatial_pos_encoding": "rope_3d_mixed", "position_encoding": "absolute"}
    assert loads(official(edit=put(encoder_config=both, decoder_config=both), name="both"))


def test_classes_may_be_left_out_or_lie_in_modules_of_old_names(official):
    def strip(node):
        if isinstance(node, dict):
            node.pop("_CLASS_", None)
            for part in node.values():
                strip(part)

    def rename(config):
        config["encoder_config"]["_CLASS_"] = "helios.nn.flexihelios.EncoderConfig"

    assert loads(official(edit=strip, name="without"))
    assert loads(official(edit=rename, name="renamed"))


def test_keys_that_nobody_knows_are_ignored_with_one_warning_that_names_them(official):
    made = official(edit=put(encoder_config={"sparkle": 3}, decoder_config={"glitter": True}, shine={"a": 1}))
    with pytest.warns(UserWarning, match="ignored the keys") as heard:
        load_model(made.folder)
    (warning,) = heard
    told = (
        "ignored the keys model.shine, model.encoder_config.sparkle, model.decoder_config.glitter, which this version"
    )
    assert told in str(warning.message)


@pytest.mark.parametrize(
    ("mode", "block"),
    [
        ("none", {"@position_encodings": "olmoearth.no_positions.v1"}),
        ("rope", {"@position_encodings": "olmoearth.rope.v1", "base": 10000.0, "coordinate_scale": 1.0}),
        ("rope_mixed", {"@position_encodings": "olmoearth.rope_mixed.v1", "base": 7.0, "coordinate_scale": 1.0}),
        (
            "rope_3d",
            {"@position_encodings": "olmoearth.rope_3d.v1", "temporal_base": 50.0, "temporal_fraction": 0.25},
        ),
    ],
)
def test_every_mode_of_positions_has_its_component(official, mode, block):
    keys = {"position_encoding": mode, "rope_mixed_base": 7.0, "rope_temporal_base": 50.0}
    made = official(edit=put(encoder_config=keys, decoder_config=keys))
    encoder = load_model(made.folder, load_weights=False).card.model["encoder_config"]
    assert block.items() <= encoder["position_encoding"].items()


OTHERS = {
    "MAE": {"_CLASS_": "olmoearth_pretrain.nn.mae.MAEConfig"},
    "Galileo": {"_CLASS_": "olmoearth_pretrain.nn.galileo.GalileoConfig"},
}


@pytest.mark.parametrize("kind", OTHERS)
def test_other_wrappers_open_as_their_components(official, kind):
    made = official("v1", edit=put(**OTHERS[kind]))
    model = load_model(made.folder, load_weights=False)
    assert type(model).__name__ == kind
    prefixes = {"MAE": {"encoder", "decoder"}, "Galileo": {"encoder", "decoder_a", "decoder_b", "target_encoder"}}
    assert {name.partition(".")[0] for name in model.state_dict()} == prefixes[kind]


def test_experimental_encoders_and_decoders_open_around_the_usual_ones(official):
    timed = {"layer_attention_modes": ["TEMPORAL", "SPATIAL", "FULL", "FULL"]}
    edit = put(
        encoder_config={"_CLASS_": "x.STEncoderConfig", **timed}, decoder_config={"_CLASS_": "x.STPredictorConfig"}
    )
    model = load_model(official("v1", edit=edit, name="timed").folder, load_weights=False)
    encoder, decoder = (model.card.model[part] for part in ("encoder_config", "decoder_config"))
    assert (encoder["@encoders"], encoder["encoder_config"]["@encoders"]) == (
        "olmoearth.space_time.v1", "olmoearth.flexi_vit.v1",
    )  # fmt: skip
    assert encoder["layer_attention_modes"] == ["temporal", "spatial", "full", "full"]
    assert decoder["@decoders"] == "olmoearth.space_time_predictor.v1"
    pooled = {"_CLASS_": "x.EncoderEarlyAttnPoolConfig", "num_pre_modality_pooling_layers": 2, "num_queries": 1}
    edit = put(encoder_config=pooled, decoder_config={"_CLASS_": "x.PooledModalityPredictorConfig"})
    model = load_model(official("v1", edit=edit, name="pooled").folder, load_weights=False)
    assert model.card.model["encoder_config"]["num_pre_modality_pooling_layers"] == 2
    assert any(name.startswith("encoder.attn_pool.") for name in model.state_dict())


def test_a_reconstructor_opens_with_its_own_decoder(official):
    def edit(config):
        decoder = {**config["decoder_config"], "output_embedding_size": 64, "depth": 2}
        names = config["encoder_config"]["supported_modality_names"]
        config["reconstructor_config"] = {
            "_CLASS_": "olmoearth_pretrain.nn.flexi_vit.ReconstructorConfig", "decoder_config": decoder,
            "supported_modality_names": names, "max_patch_size": 8,
        }  # fmt: skip

    state = load_model(official("v1", edit=edit).folder, load_weights=False).state_dict()
    assert state["reconstructor.decoder.to_output_embed.weight"].shape == (64, 128)
    heads = "reconstructor.per_modality_reconstructions.sentinel1.sentinel1__0.proj.weight"
    assert state[heads].shape == (64, 2, 8, 8)


def write(text):
    return lambda folder: (folder / "config.json").write_text(text)


def change(edit):
    def do(folder):
        config = json.loads((folder / "config.json").read_text())
        edit(config["model"])
        (folder / "config.json").write_text(json.dumps(config))

    return do


def only_modalities(*names):
    def edit(config):
        for part in ("encoder_config", "decoder_config"):
            config[part]["supported_modality_names"] = list(names)

    return edit


FAULTS = {
    "truncated weights": (
        lambda folder: os.truncate(folder / "weights.pth", 5000),
        r"weights.pth: found 5,000 bytes that cannot be read .*expected a complete pickled state dict. .* fetch",
    ),
    "no JSON": (write("{"), r"config.json: found no JSON .* expected the config of a model"),
    "another class": (
        change(put(_CLASS_="olmoearth_pretrain.nn.other.OtherConfig")),
        r"config.json: model is a OtherConfig, which cannot be opened; expected one of LatentMIMConfig, Galileo",
    ),
    "another encoder": (
        change(put(encoder_config={"_CLASS_": "x.CNNConfig"})),
        r"model.encoder_config is a CNNConfig, .* expected one of EncoderConfig, STEncoderConfig, EncoderEarly",
    ),
    "positions": (
        change(put(encoder_config={"position_encoding": "spiral"})),
        r'model.encoder_config has the position_encoding "spiral", expected one of absolute, none, rope',
    ),
    "widths": (
        change(put(decoder_config={"encoder_embedding_size": 64})),
        r"model.decoder_config is for tokens of width 64, but those of the encoder have 128",
    ),
    "modality": (
        change(only_modalities("sentinel2_l2a", "sentinel9")),
        r'the model was made for a modality that is not there: no modalities named "sentinel9"',
    ),
    "modalities apart": (
        change(put(decoder_config={"supported_modality_names": ["srtm"]})),
        r"supported_modality_names of model.encoder_config and model.decoder_config differ",
    ),
    "no decoder": (change(lambda config: config.pop("decoder_config")), r"found no model.decoder_config"),
    "convolution with layers": (
        change(put(encoder_config={"use_linear_patch_embed": False})),
        r"has hidden sizes around a patch embedding that is a convolution",
    ),
    "heads": (change(put(encoder_config={"num_heads": 7})), r"(?s)config.json: the model that it describes cannot be"),
    "shapes": (
        change(put(encoder_config={"mlp_ratio": 2.0})),
        r"(?s)weights.pth: this checkpoint is of another architecture.*mlp.fc1.weight: \(512, 128\) in the checkpoint",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_damage_is_told_with_the_file_what_was_found_and_what_was_expected(official, fault):
    do, message = FAULTS[fault]
    folder = official().folder
    do(folder)
    with pytest.raises(CheckpointError, match=message):
        load_model(folder)


def test_a_missing_tensor_is_named(official):
    def state(tensors):
        del tensors["encoder.norm.weight"]
        return tensors

    with pytest.raises(CheckpointError, match=r"encoder.norm.weight: the model has it, the checkpoint does not"):
        load_model(official(state=state).folder)


def test_a_malicious_pickle_in_a_checkpoint_is_never_executed(official, tmp_path):
    class Payload:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'executed'}",)

    made = official(state=lambda tensors: {**tensors, "extra": Payload()})
    with pytest.raises(CheckpointError, match=r"weights.pth: found code that wants to call \w+.system; nothing of it"):
        load_model(made.folder)
    assert not (tmp_path / "executed").exists()
