import pytest

from olmoearth_core.config.load import load
from olmoearth_core.config.source import read


def complaints(text):
    return [f"{f.where} {f.message}" for f in read(text, "a.cfg").faults]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("width = 3 # wide", "a comment stands on a line of its own"),
        ('name = "a" ; why', "a comment stands on a line of its own"),
        ("name = 'm.v1'", 'texts are JSON and take double quotes: "m.v1"'),
        ("path = $HOME/x", "a dollar sign is written $$"),
        ("list = [1, 2", "that is no JSON"),
        ('name = "open', "that is no JSON"),
        ("name =", "has no value"),
        ("just words", "expected a section [name] or a line key = value"),
        ("[broken", "a section header is [name] alone on its line"),
        ("[a..b]", "a section is names joined by single dots"),
    ],
)
def test_a_bad_line_is_a_fault_with_its_number(line, message):
    found = complaints(f"[run]\nseed = 1\n{line}\n")
    assert len(found) == 1
    assert found[0].startswith("a.cfg:3 ")
    assert message in found[0]


def test_a_key_or_section_given_twice_names_both_lines():
    found = complaints("[run]\nseed = 1\nseed = 2\n\n[model]\n[run]\nname = 3\n")
    assert found == [
        "a.cfg:3 was already set at a.cfg:2; keep one",
        "a.cfg:6 this section was already opened at a.cfg:1; join the two",
    ]


def test_a_key_cannot_be_a_section_too():
    assert "already a value at a.cfg:2" in complaints("[run]\nseed = 1\n[run.seed]\n")[0]


def test_a_key_before_the_first_section_is_a_fault():
    assert complaints("seed = 1\n[run]\n") == ["a.cfg:1 stands before the first section; put it under one, e.g. [run]"]


@pytest.mark.parametrize(
    ("raw", "meant"),
    [
        ("3", 3),
        ("1e-4", 1e-4),
        ("true", True),
        ("True", True),
        ("null", None),
        ("None", None),
        ("text", "text"),
        ('"x#y; z"', "x#y; z"),
        ('[1, "b"]', [1, "b"]),
        ('{"k": 1}', {"k": 1}),
    ],
)
def test_values_are_json_and_three_words_of_python(raw, meant):
    assert read(f"[a]\nk = {raw}\n", "a").tree == {"a": {"k": meant}}


def test_a_list_may_go_on_over_lines_with_comments_between():
    layer = read("[a]\nl = [\n  1,\n  # two is left out\n  3\n]\nk = 4\n  5\n", "a")
    assert layer.tree["a"] == {"l": [1, 3], "k": "4\n5"}
    assert not layer.faults


def test_keys_inside_inline_json_know_their_line():
    layer = read('[a]\n\nd = {"k": {"x": 1}}\n', "f.cfg")
    assert layer.origins["a", "d", "k", "x"] == "f.cfg:3"


def test_doubled_dollars_are_one():
    assert read('[a]\nk = "5 $$ and $${x}"\n', "a").tree["a"]["k"] == "5 $ and ${x}"


def test_an_unreadable_file_is_a_fault_of_the_user(write, faults, acme):
    (acme / "bad.cfg").write_bytes(b'[run]\nname = "\xff\xfe"\n')
    assert "bad.cfg: cannot be read" in faults(load, ["bad.cfg"])[0]


def test_a_folder_is_no_config(acme, faults):
    (acme / "d").mkdir()
    assert faults(load, ["d"]) == ["d is a folder; name a .cfg file in it"]


def test_faults_of_syntax_and_of_meaning_come_together(write, faults):
    top = write("top.cfg", '[run]\nsed = 1\nseed = 3 # no\n[train_module.loss]\nweight = "2"\n')
    found = faults(load, ["base.cfg", top])
    assert [line.split(": ")[0] for line in found] == [
        "top.cfg:2 [run] sed",
        "top.cfg:3 [run] seed",
        "top.cfg:5 [train_module.loss] weight",
    ]
