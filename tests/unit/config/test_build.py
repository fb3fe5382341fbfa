import pytest

from olmoearth_core.config.build import build, build_at
from olmoearth_core.config.load import load


def test_a_section_becomes_its_dataclass_and_a_block_what_its_factory_returns(acme):
    settings = build_at(load(["base.cfg"], ["--trainer.save_interval=7"]), "trainer")
    assert settings.save_interval == 7
    assert settings.max_duration.epochs == 300
    assert type(settings.callbacks["printer"]).__name__ == "Printer"


def test_values_have_the_type_of_their_annotation(acme):
    config = load(["base.cfg"], ["--train_module.folder=some/where"])
    module = build_at(config, "train_module")
    assert module.optim_config.betas == (0.9, 0.999)
    assert module.folder.name == "where"


def test_disabled_parts_are_left_out_and_enabled_never_reaches_a_factory(write):
    top = write(
        "top.cfg",
        "[trainer.callbacks.printer]\nenabled = true\n"
        '[trainer.callbacks.off]\n@callbacks = "x.y.v1"\nenabled = false\n',
    )
    assert list(build_at(load(["base.cfg", top]), "trainer.callbacks")) == ["printer"]


def test_what_factories_refuse_comes_all_at_once_with_the_line_of_the_block(write, faults):
    top = write(
        "top.cfg",
        '[train_module.loss]\n@losses = "acme.l2.v1"\npower = 10\n'
        '[trainer.callbacks.s]\n@callbacks = "acme.scorer.v1"\n[trainer.callbacks.s.tasks]\n',
    )
    config = load(
        ["base.cfg", top], ["--data_loader.transform.@transforms=acme.blur.v1", "--data_loader.transform.radius=11"]
    )
    found = faults(build_without_dataset, config)
    assert found == [
        "--data_loader.transform.@transforms [data_loader.transform]: blur: radius must be at most 9, found 11.",
        "top.cfg:1 [train_module.loss]: l2: power must be at most 9, found 10.",
    ]


def build_without_dataset(config):
    config.tree["dataset"] = {"@datasets": "olmoearth.h5.v1", "h5py_dir": "x", "training_modalities": ["sentinel2_l2a"]}
    return build(config)


def test_an_unknown_section_is_a_key_error(acme):
    with pytest.raises(KeyError):
        build_at(load(["base.cfg"]), "trainer.nothing")
