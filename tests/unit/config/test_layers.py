import pytest

from olmoearth_core.config.layers import Merged
from olmoearth_core.config.load import load
from olmoearth_core.config.source import read
from olmoearth_core.errors import ConfigError


def test_a_file_lies_on_top_of_what_it_extends(write):
    top = write("sizes/top.cfg", '[config]\nextends = ["../base.cfg"]\n[model.encoder_config]\ndepth = 7\n')
    config = load([top])
    assert config.tree["model"]["encoder_config"]["depth"] == 7
    assert config.origins["model", "encoder_config", "depth"] == "sizes/top.cfg:4"
    assert "config" not in config.tree


KEEPING = """
[train_module]
@train_modules = "acme.other_objective.v1"
optim_config = ${train_module.optim_config}
nothing_there = ${train_module.nothing_there}
"""


def merged(*texts):
    result = Merged()
    for number, text in enumerate(texts):
        result.apply(read(text, f"{number}.cfg"))
    assert not result.faults
    return result


def test_a_key_that_names_itself_survives_a_swap_with_where_it_was_written():
    low = '[train_module]\n@train_modules = "acme.objective.v1"\nsize = 1\n[train_module.optim_config]\nlr = 0.5\n'
    found = merged(low, KEEPING)
    assert found.tree["train_module"] == {"@train_modules": "acme.other_objective.v1", "optim_config": {"lr": 0.5}}
    assert found.where(("train_module", "optim_config", "lr")) == "0.cfg:5"
    assert merged(low, KEEPING, KEEPING).tree["train_module"]["optim_config"] == {"lr": 0.5}


def test_files_are_applied_from_left_to_right(write):
    a = write("a.cfg", "[run]\nseed = 1\nname = 'x'\n".replace("'", '"'))
    b = write("b.cfg", "[run]\nseed = 2\n")
    tree = load(["base.cfg", a, b]).tree
    assert (tree["run"]["seed"], tree["run"]["name"]) == (2, "x")


def test_a_file_that_two_others_extend_is_applied_once_at_its_first_place(write):
    write("low.cfg", '[config]\nextends = "base.cfg"\n[run]\nseed = 1\n')
    a = write("a.cfg", '[config]\nextends = ["low.cfg"]\n[run]\nseed = 2\n')
    b = write("b.cfg", '[config]\nextends = ["low.cfg"]\n[run]\nname = "b"\n')
    config = load([a, b])
    assert [name for name, _ in config.layers] == ["base.cfg", "low.cfg", "a.cfg", "b.cfg"]
    assert config.tree["run"]["seed"] == 2


def test_a_circle_of_files_is_a_fault_that_shows_the_circle(write, faults):
    write("a.cfg", '[config]\nextends = ["b.cfg"]\n')
    write("b.cfg", '[config]\nextends = ["a.cfg"]\n')
    found = faults(load, ["base.cfg", "a.cfg"])
    assert found == ["b.cfg:2 [config] extends: goes round in a circle: a.cfg -> b.cfg -> a.cfg"]


def test_a_file_that_is_not_there_is_a_fault_of_the_line_that_extends_it(write, faults):
    top = write("top.cfg", '[config]\nextends = ["bass.cfg"]\nextend = 1\n')
    found = faults(load, ["base.cfg", top])
    assert found[0].startswith("top.cfg:2 [config] extends: bass.cfg: no such file")
    assert found[1] == "top.cfg:3 [config] extend: [config] takes only extends"


def test_a_config_that_is_not_there_names_the_nearest_recipe():
    with pytest.raises(ConfigError, match=r"configs/v1_2/nanno.cfg: no such config file.*configs/v1_2/nano.cfg"):
        load(["configs/v1_2/nanno.cfg"])


def test_a_recipe_is_found_from_any_folder_with_or_without_its_folder_name(acme):
    from olmoearth_core.config.locate import locate

    assert locate("configs/base.cfg") == locate("base.cfg").resolve() or locate("base.cfg").name == "base.cfg"
    assert locate("v1_2/nano.cfg") == locate("configs/v1_2/nano.cfg")


def test_recipes_of_a_wheel_are_found_under_the_name_that_people_type(tmp_path, monkeypatch):
    import olmoearth_core
    from olmoearth_core.config.locate import locate, recipes

    site = tmp_path / "site-packages"
    (site / "olmoearth_configs" / "v9").mkdir(parents=True)
    (site / "olmoearth_configs" / "v9" / "small.cfg").write_text("")
    monkeypatch.syspath_prepend(site)
    monkeypatch.setattr(olmoearth_core, "__file__", str(site / "olmoearth_core" / "__init__.py"))
    assert locate("configs/v9/small.cfg") == site / "olmoearth_configs" / "v9" / "small.cfg"
    assert recipes() == ["configs/v9/small.cfg"]


def test_another_component_name_drops_the_keys_of_the_old_block(write):
    top = write("top.cfg", '[train_module.loss]\n@losses = "acme.l2.v1"\n')
    assert load(["base.cfg", top]).tree["train_module"]["loss"] == {"@losses": "acme.l2.v1", "power": 2}


def test_the_same_component_name_keeps_them(write):
    top = write("top.cfg", '[train_module.loss]\n@losses = "acme.l1.v1"\n')
    assert load(["base.cfg", top]).tree["train_module"]["loss"]["weight"] == 2.0


def test_a_section_may_come_before_its_parent_and_parents_need_no_header(write):
    top = write("top.cfg", "[trainer.callbacks.printer]\nevery = 3\n[trainer]\nsave_interval = 4\n")
    trainer = load(["base.cfg", top]).tree["trainer"]
    assert (trainer["callbacks"]["printer"]["every"], trainer["save_interval"]) == (3, 4)


@pytest.mark.parametrize(
    "layers", [("epochs = 3", "steps = 5"), ("steps = 1", "hours = 2.5"), ("steps = 1", 'unit = "steps"\nvalue = 5')]
)
def test_the_later_layer_chooses_the_duration(write, layers):
    files = [write(f"{i}.cfg", f"[trainer.max_duration]\n{text}\n") for i, text in enumerate(layers)]
    duration = load(["base.cfg", *files]).tree["trainer"]["max_duration"]
    set_to = {unit: value for unit, value in duration.items() if value is not None}
    assert set_to in ({"steps": 5}, {"hours": 2.5})
    assert set(duration) == {"steps", "epochs", "tokens", "samples", "hours"}


def test_two_durations_in_one_layer_are_a_fault(write, faults):
    top = write("top.cfg", "[trainer.max_duration]\nsteps = 5\nepochs = 2\n")
    assert faults(load, ["base.cfg", top]) == [
        "top.cfg:1 [trainer.max_duration]: sets steps and epochs; only one of them can hold"
    ]


def test_choosing_a_share_as_warm_up_clears_the_steps_that_are_its_default(write):
    scheduler = load(["base.cfg"], ["--train_module.scheduler.warmup_fraction=0.1"]).tree["train_module"]["scheduler"]
    assert (scheduler["warmup_fraction"], scheduler["warmup_steps"]) == (0.1, None)


def test_dicts_are_one_more_layer_above_the_files(acme):
    config = load(
        ["base.cfg"],
        ["--run.seed=9"],
        layers=[{"run": {"seed": 5, "name": "d"}}, {"trainer": {"max_duration": {"epochs": 4}}}],
    )
    assert (config.tree["run"]["seed"], config.tree["run"]["name"]) == (9, "d")
    assert config.tree["trainer"]["max_duration"]["epochs"] == 4
    assert config.origins["run", "name"] == "layer 1"


def test_a_disabled_block_is_not_looked_up_and_stays_as_written(write):
    top = write("top.cfg", '[trainer.callbacks.gone]\n@callbacks = "nobody.knows.v1"\nenabled = false\nkey = 1\n')
    callbacks = load(["base.cfg", top]).tree["trainer"]["callbacks"]
    assert callbacks["gone"] == {"@callbacks": "nobody.knows.v1", "enabled": False, "key": 1}


def test_enabling_it_again_does(write, faults):
    top = write("top.cfg", '[trainer.callbacks.gone]\n@callbacks = "nobody.knows.v1"\nenabled = false\n')
    found = faults(load, ["base.cfg", top], ["--trainer.callbacks.gone.enabled=True"])
    assert found[0].startswith('top.cfg:2 [trainer.callbacks.gone] @callbacks: no callbacks named "nobody.knows.v1"')


def test_enabled_is_a_switch_and_belongs_to_named_parts_only(write, faults):
    top = write("top.cfg", "[trainer.callbacks.printer]\nenabled = 1\n[train_module.loss]\nenabled = false\n")
    found = faults(load, ["base.cfg", top])
    assert found[0] == "top.cfg:2 [trainer.callbacks.printer] enabled: expected true or false, got 1"
    assert found[1].startswith("top.cfg:4 [train_module.loss] enabled: acme.l1.v1 takes no enabled")
