import confection
import pytest

from olmoearth_core.config.load import load
from olmoearth_core.config.reference import replace_all
from olmoearth_core.config.source import read


def resolved(text):
    found = []
    tree = replace_all(read(text, "a").tree, lambda path, name, why: found.append(f"{'.'.join(path)}: {name} {why}"))
    assert not found
    return tree


def test_a_bare_reference_keeps_the_type_and_one_inside_text_becomes_text():
    tree = resolved(
        "[a]\nn = 3\nl = [1, 2]\n"
        '[b]\nn = ${a.n}\nl = ${a.l}\ns = "run-${a.n}"\nq = "${a.n}"\nlist = ["x", "${a.n}y", ${a.n}]\n'
    )
    assert tree["b"] == {"n": 3, "l": [1, 2], "s": "run-3", "q": "3", "list": ["x", "3y", 3]}


def test_references_follow_references_and_find_their_neighbours():
    assert resolved("[a]\nx = ${b.y}\n[b]\ny = ${z}\nz = 4\n")["a"]["x"] == 4


def test_a_reference_to_a_section_copies_it():
    tree = resolved("[a]\nx = ${b}\n[b]\nn = {}\nk = 1\n")
    assert tree["a"]["x"] == {"n": {}, "k": 1}
    assert tree["a"]["x"] is not tree["b"]


TEXT = """\
[a]
n = 3
x = 1e-4
t = "w"
l = [1, 2]
[b]
n = ${a.n}
l = ${a.l}
s = "run-${a.t}-${a.n}"
d = "cost $$5"
sec = ${a}
"""


def test_they_mean_what_confection_says_they_mean():
    assert resolved(TEXT) == dict(confection.Config().from_str(TEXT))


def test_a_reference_to_a_default_that_no_file_spells_works(write):
    top = write("top.cfg", "[trainer]\nmetrics_collect_interval = ${trainer.save_interval}\n")
    assert load(["base.cfg", top]).tree["trainer"]["metrics_collect_interval"] == 5000


def test_a_reference_follows_the_override_of_what_it_names(write):
    top = write("top.cfg", '[run]\nname = "depth-${model.encoder_config.depth}"\n')
    assert load(["base.cfg", top], ["--model.encoder_config.depth=8"]).tree["run"]["name"] == "depth-8"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("name = ${nowhere.at_all}", "${nowhere.at_all} is not set anywhere"),
        ('name = "a ${model} b"', "${model} names a whole section, which cannot stand inside a text"),
        ("name = ${run.name}", "goes round in a circle"),
        ("name = ${run.root}\nroot = ${run.name}", "goes round in a circle"),
        ("seed = ${dataset.h5py_dir}", "expected int, got the text 'somewhere'"),
        ("seed = ${dataset.training_modalities}", "expected int, got ['optical', 'radar']"),
    ],
)
def test_a_reference_that_leads_nowhere_is_a_fault_of_its_line(write, faults, line, message):
    top = write("top.cfg", f"[run]\n{line}\n")
    found = faults(load, ["base.cfg", top])
    assert found[0].startswith("top.cfg:2 [run] ")
    assert message in found[0]


def test_an_override_may_be_a_reference(acme):
    assert load(["base.cfg"], ["--run.name=${dataset.h5py_dir}"]).tree["run"]["name"] == "somewhere"
