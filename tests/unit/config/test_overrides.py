import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from olmoearth_core.config.load import load
from olmoearth_core.config.overrides import literal, parse, split


def value(config, key):
    return config.at(key)


@pytest.mark.parametrize(
    ("raw", "meant"),
    [
        ("3", 3),
        ("1e-4", 1e-4),
        ("-0.5", -0.5),
        (".5", 0.5),
        ("true", True),
        ("True", True),
        ("False", False),
        ("null", None),
        ("None", None),
        ('"a b"', "a b"),
        ("'a b'", "a b"),
        ("a b", "a b"),
        ("", ""),
        ("1_000", "1_000"),
        ('["a","b"]', ["a", "b"]),
        ("['a', 1]", ["a", 1]),
        ("(1, 2)", [1, 2]),
        ("[a,b]", ["a", "b"]),
        ('{"unit": "epochs", "value": 3}', {"unit": "epochs", "value": 3}),
        ("{unit: epochs, value: 3}", {"unit": "epochs", "value": 3}),
        ("gs://b/x=y", "gs://b/x=y"),
        ("[gs://b/x, s3://c]", ["gs://b/x", "s3://c"]),
        ("__import__('os')", "__import__('os')"),
        ("3 + 4", "3 + 4"),
        ("[1, x", "[1, x"),
        ("[]", []),
        ("5 $$", "5 $$"),
    ],
)
def test_a_value_is_json_then_a_python_literal_then_a_flow_list_then_text(raw, meant):
    found = literal(raw)
    assert (found, type(found)) == (meant, type(meant))


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="$", exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.from_regex(r"[a-z]\w{0,5}", fullmatch=True), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(plain)
def test_whatever_json_can_say_an_override_can_say(value):
    assert literal(json.dumps(value)) == value


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=20))
def test_no_text_makes_the_parser_stumble(raw):
    literal(raw)
    parse([f"--a.b={raw}"])


keys = st.lists(st.from_regex(r"[a-z][a-z0-9]{0,6}", fullmatch=True), min_size=1, max_size=4)


@settings(max_examples=40, deadline=None)
@given(keys, st.integers())
def test_three_spellings_of_an_option_mean_the_same(path, number):
    dotted = ".".join(path)
    spellings = [[f"--{dotted}={number}"], [f"--{dotted}", str(number)], [f"{dotted}={number}"]]
    read = [parse(words) for words in spellings]
    assert all(not faults and len(found) == 1 for found, faults in read)
    assert {(found[0].path, found[0].value) for found, _ in read} == {(tuple(path), number)}


def test_values_may_hold_equals_signs_and_the_first_one_divides():
    (override,), _ = parse(["--trainer.load_path=gs://b/x=y"])
    assert (override.path, override.value) == (("trainer", "load_path"), "gs://b/x=y")


def test_a_negative_number_is_a_value_and_not_an_option():
    (override,), _ = parse(["--a.b", "-1"])
    assert override.value == -1


def test_words_without_a_key_are_faults():
    _, faults = parse(["--a..b=1", "--=3", "--a.b", "1", "stray"])
    assert [fault.where for fault in faults] == ["--a..b=1", "--=3", "stray"]


def test_an_empty_table_is_a_fault_because_tables_are_merged():
    found, faults = parse(["--train_module.loss.modality_weights={}", "--a.b=[]"])
    assert [override.value for override in found] == [[]]
    assert [fault.where for fault in faults] == ["--train_module.loss.modality_weights={}"]
    assert "write null for the default" in str(faults[0])


def test_files_come_before_the_first_option(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "odd=name.cfg").write_text("")
    assert split(["a.cfg", "odd=name.cfg", "--x.y", "1", "b.cfg"]) == (
        ["a.cfg", "odd=name.cfg"],
        ["--x.y", "1", "b.cfg"],
    )
    assert split(["a.cfg", "x.y=1"]) == (["a.cfg"], ["x.y=1"])


def test_the_last_of_two_equal_options_wins(acme):
    assert value(load(["base.cfg"], ["--run.seed=1", "--run.seed=2"]), "run.seed") == 2


def test_defaults_that_no_file_spells_can_be_overridden(acme):
    config = load(["base.cfg"], ["--model.encoder_config.depth", "9", "--data_loader.token_budget=15", "--run.name=x"])
    assert [value(config, k) for k in ("model.encoder_config.depth", "data_loader.token_budget", "run.name")] == [
        9,
        15,
        "x",
    ]
    assert config.origins["model", "encoder_config", "depth"] == "--model.encoder_config.depth"


def test_dashes_in_keys_are_underscores_but_not_in_names_somebody_spelled(write):
    top = write("top.cfg", '[trainer.callbacks.my-printer]\n@callbacks = "acme.printer.v1"\n')
    config = load(["base.cfg", top], ["--data-loader.token-budget=15", "--trainer.callbacks.my-printer.every=3"])
    assert value(config, "data_loader.token_budget") == 15
    assert value(config, "trainer.callbacks.my-printer.every") == 3


def test_a_bare_option_switches_on(acme):
    assert (
        value(load(["base.cfg"], ["--model.encoder_config.qk_norm", "--run.seed=1"]), "model.encoder_config.qk_norm")
        is True
    )


def test_a_bare_option_that_is_no_switch_needs_a_value(acme, faults):
    assert faults(load, ["base.cfg"], ["--data_loader.num_workers"]) == [
        "--data_loader.num_workers [data_loader] num_workers: needs a value: expected int"
    ]


def test_text_options_keep_what_was_typed_even_if_it_looks_like_a_number(acme):
    config = load(["base.cfg"], ["--run.name=2024", "--dataset.h5py_dir=true", "--trainer.load_path=None"])
    assert [value(config, k) for k in ("run.name", "dataset.h5py_dir", "trainer.load_path")] == ["2024", "true", None]


def test_a_new_block_can_be_made_on_the_command_line(acme):
    config = load(
        ["base.cfg"], ["--trainer.callbacks.second.every=5", "--trainer.callbacks.second.@callbacks=acme.printer.v1"]
    )
    assert value(config, "trainer.callbacks.second") == {"@callbacks": "acme.printer.v1", "every": 5}


def test_swapping_a_block_keeps_the_arguments_given_with_it_in_any_order(acme):
    options = ["--train_module.loss.power=3", "--train_module.loss.@losses=acme.l2.v1"]
    assert value(load(["base.cfg"], options), "train_module.loss") == {"@losses": "acme.l2.v1", "power": 3}
    assert value(load(["base.cfg"], options[::-1]), "train_module.loss") == {"@losses": "acme.l2.v1", "power": 3}


def test_dicts_are_merged_and_lists_replaced(write):
    top = write(
        "top.cfg",
        '[train_module]\ntoken_exit_cfg = {"optical": 1, "radar": 2}\n[model.encoder_config]\nsizes = [1, 2]\n',
    )
    options = ['--train_module.token_exit_cfg={"radar": 7}', "--model.encoder_config.sizes=[3]"]
    config = load(["base.cfg", top], options)
    assert value(config, "train_module.token_exit_cfg") == {"optical": 1, "radar": 7}
    assert value(config, "model.encoder_config.sizes") == [3]


def test_null_takes_an_optional_block_away(write):
    top = write("top.cfg", '[model.decoder_config]\n@decoders = "acme.decoder.v1"\n')
    assert value(load(["base.cfg", top], ["--model.decoder_config=null"]), "model.decoder_config") is None


@pytest.mark.parametrize(
    ("options", "unit", "number"),
    [
        (["--trainer.max_duration.epochs=10"], "epochs", 10),
        (["--trainer.max_duration.steps", "7"], "steps", 7),
        (["--trainer.max_duration.unit=epochs", "--trainer.max_duration.value=10"], "epochs", 10),
        (["--trainer.max_duration.value=10", "--trainer.max_duration.unit=epochs"], "epochs", 10),
        (['--trainer.max_duration={"unit": "epochs", "value": 3000}'], "epochs", 3000),
        (["--trainer.max_duration.hours=1"], "hours", 1.0),
    ],
)
def test_a_duration_can_be_said_in_each_unit(write, options, unit, number):
    top = write("top.cfg", "[trainer.max_duration]\nsamples = 5\n")
    duration = load(["base.cfg", top], options).tree["trainer"]["max_duration"]
    assert {k: v for k, v in duration.items() if v is not None} == {unit: number}


def test_a_value_alone_keeps_the_unit_that_holds(write):
    top = write("top.cfg", "[trainer.max_duration]\nsteps = 5\n")
    assert load(["base.cfg", top], ["--trainer.max_duration.value=9"]).tree["trainer"]["max_duration"]["steps"] == 9


def test_two_units_on_one_command_line_are_a_fault(acme, faults):
    found = faults(load, ["base.cfg"], ["--trainer.max_duration.steps=3", "--trainer.max_duration.epochs=2"])
    assert len(found) == 1
    assert found[0].endswith("[trainer.max_duration]: sets steps and epochs; only one of them can hold")


def test_an_unknown_unit_lists_the_known_ones(acme, faults):
    found = faults(load, ["base.cfg"], ["--trainer.max_duration.unit=batches", "--trainer.max_duration.value=3"])
    assert "expected one of steps, epochs, tokens, samples, hours as unit, got 'batches'" in found[0]


def test_options_inside_a_disabled_block_are_kept_and_said_to_have_no_effect(write):
    top = write("top.cfg", "[trainer.callbacks.printer]\nenabled = false\n")
    config = load(["base.cfg", top], ["--trainer.callbacks.printer.every=4"])
    assert value(config, "trainer.callbacks.printer.every") == 4
    assert config.notes == (
        "trainer.callbacks.printer.every has no effect: trainer.callbacks.printer is disabled; "
        "add --trainer.callbacks.printer.enabled=true",
    )
