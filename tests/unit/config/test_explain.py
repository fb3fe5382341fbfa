from olmoearth_core.config import explain
from olmoearth_core.config.load import load
from olmoearth_core.config.resolved import Config


def test_why_lists_all_sources_from_the_last_to_the_first_and_the_meaning(write):
    top = write("top.cfg", "[model.encoder_config]\ndepth = 3\n")
    upper = write("upper.cfg", "[model.encoder_config]\ndepth = 4\n")
    config = load(
        ["base.cfg", top, upper],
        ["--model.encoder_config.depth=5"],
        layers=[{"model": {"encoder_config": {"depth": 6}}}],
    )
    assert explain.why(config, "--model.encoder_config.depth") == [
        "model.encoder_config.depth = 5",
        "  --model.encoder_config.depth  5",
        "  layer 1                       6",
        "  upper.cfg:2                   4",
        "  top.cfg:2                     3",
        "  number of blocks.",
    ]


def test_why_of_a_default_says_so(acme):
    assert explain.why(load(["base.cfg"]), "run.seed")[:2] == ["run.seed = 12536", "  default  12536"]


def test_why_of_a_section_lists_its_keys(acme):
    assert explain.why(load(["base.cfg"]), "train_module.loss") == [
        'train_module.loss.@losses           "acme.l1.v1"  base.cfg:25',
        "train_module.loss.weight            2.0           base.cfg:26",
        "train_module.loss.modality_weights  null          default",
    ]


def test_why_of_an_unknown_key_suggests_one(acme, faults):
    assert faults(explain.why, load(["base.cfg"]), "run.sed") == ['[run] takes no sed. Did you mean "run.seed"?']


def test_a_filled_config_explains_each_key_and_loads_again(acme):
    config = load(["base.cfg"], ["--run.seed=4"])
    text = explain.complete(config)
    assert "# number of blocks.  (default)\ndepth = 2" in text
    assert "(--run.seed)\nseed = 4" in text
    assert Config.from_text(text).tree == config.tree


def test_one_section_or_key_can_be_shown_alone(acme):
    config = load(["base.cfg"])
    assert explain.section(config, "trainer.max_duration").startswith(
        "[trainer.max_duration]\nsteps = null\nepochs = 300\n"
    )
    assert explain.section(config, "run.seed") == "12536\n"


def test_a_difference_names_key_and_both_values_and_equal_configs_have_none(acme):
    left, right = (
        load(["base.cfg"]),
        load(["base.cfg"], ["--run.seed=1", "--model.decoder_config.@decoders=acme.decoder.v1"]),
    )
    assert explain.differences(left, left) == []
    assert explain.differences(left, right) == [
        ("run.seed", "12536", "1"),
        ("model.decoder_config", "null", ""),
        ("model.decoder_config.@decoders", "", '"acme.decoder.v1"'),
        ("model.decoder_config.depth", "", "1"),
    ]
