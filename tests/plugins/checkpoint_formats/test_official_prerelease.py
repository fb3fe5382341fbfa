"""Checkpoints from before the release of v1.3, whose pooler had other names (spec/model_v1_3.md 1.6)."""

import pytest
import torch

from olmoearth_core import load_model
from olmoearth_core.errors import CheckpointError


def flat(config):
    """Rename the pooler's section to the oldest, flat keys."""
    pooler = config["encoder_config"].pop("attention_pooler_config")
    now_then = {"pooler_dim": "dim", "pooler_depth": "latent_depth"}
    options = {f"register_{now_then.get(key, key)}": value for key, value in pooler.items() if key != "_CLASS_"}
    config["encoder_config"] |= {"use_register_bottleneck": True, "register_window": None, **options}
    rename_decoder(config)


def section(config):
    """Rename the pooler's section to the later one."""
    pooler = config["encoder_config"].pop("attention_pooler_config")
    pooler |= {"register_dim": pooler.pop("pooler_dim"), "latent_depth": pooler.pop("pooler_depth")}
    config["encoder_config"]["perceiver_config"] = pooler | {
        "_CLASS_": "olmoearth_pretrain.nn.perceiver.PerceiverConfig"
    }
    rename_decoder(config)


def rename_decoder(config):
    decoder = config["decoder_config"]
    decoder["use_register_bottleneck"] = decoder.pop("use_attention_pooler")
    decoder["register_dim"] = decoder.pop("pooler_dim")


def named(pooler, first, second):
    """Return a function that renames the tensors of the pooler and of the two layers of its student."""

    def rename(name):
        for now, then in (("student.0.", first), ("student.1.", second)):
            name = name.replace(f"encoder.attention_pooler.{now}", then)
        return name.replace("encoder.attention_pooler.", pooler)

    return lambda state: {rename(name): tensor for name, tensor in state.items()}


OLD = {
    "bottleneck": (
        flat, named("encoder.register_bottleneck.", "encoder.register_projection.", "encoder.register_projection_norm.")
    ),
    "bottleneck with a student": (
        flat, named("encoder.register_bottleneck.", "encoder.register_student.0.", "encoder.register_student.1.")
    ),
    "perceiver": (
        section, named("encoder.perceiver.", "encoder.perceiver.student.0.", "encoder.perceiver.student.1.")
    ),
}  # fmt: skip


@pytest.mark.parametrize("names", OLD)
def test_a_model_under_the_names_of_before_the_release_is_the_released_one(official, names):
    edit, state = OLD[names]
    folder = official("v1_3", edit=edit, state=state)
    opened = load_model(folder.folder)
    assert opened.card.title == "OlmoEarth v1.3 nano"
    stored = folder.model.state_dict()
    assert list(opened.state_dict()) == list(stored)
    assert all(torch.equal(tensor, stored[name]) for name, tensor in opened.state_dict().items())


@pytest.mark.parametrize("edit", [flat, section])
def test_an_option_that_was_removed_is_refused_where_it_is_switched_on(official, edit):
    def on(config):
        edit(config)
        encoder = config["encoder_config"]
        encoder.get("perceiver_config", encoder)["register_window"] = 3

    with pytest.raises(CheckpointError, match=r"config.json: model\.encoder_config.*\.register_window is 3, an option"):
        load_model(official("v1_3", edit=on).folder, load_weights=False)


def test_old_keys_that_are_switched_off_leave_a_model_without_pooler(official):
    def off(config):
        config["encoder_config"] |= {"use_register_bottleneck": False, "register_dim": 768, "register_window": 4}
        config["decoder_config"] |= {"use_register_bottleneck": False, "register_dim": 768}

    folder = official("v1_2", edit=off)
    assert list(load_model(folder.folder).state_dict()) == list(folder.model.state_dict())


def test_a_tensor_under_its_old_and_its_new_name_is_refused(official):
    query = "attention_pooler.learned_query"

    def twice(state):
        return state | {f"encoder.perceiver.{query.rpartition('.')[2]}": state[f"encoder.{query}"]}

    with pytest.raises(CheckpointError, match=r"found both encoder\.attention_pooler\.learned_query and encoder\.perc"):
        load_model(official("v1_3", state=twice).folder)
