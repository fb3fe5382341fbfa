"""`olmoearth benchmarks`: what it prints, and how it ends."""

import json

import pytest

from olmoearth_core.errors import UnknownComponent
from olmoearth_core.evaluate.catalog import entries, made, named
from olmoearth_core.testing.command import olmoearth

CODE = """
import numpy as np
from olmoearth_core.data.sample import Sample
from olmoearth_core.interfaces.evaluation import About, Download, LabelledSample, Opened
class Crops:
    name, task_type, primary_metric, patch_size = "crops", "classification", "accuracy", 4
    about = About("Crops of Acme", "CC0-1.0", "nobody", variable="ACME_CROPS", prepared=True,
                  downloads=(Download("memory://acme/crops.bin"),))
    def __init__(self, root, twins): self.root, self.twins = root, twins
    def open(self, specs, *, context):
        def one(n):
            values = np.full((1, 1, 1, 1), n, np.float32)
            sample = Sample({"toy": values}, {"toy": values > -1}, np.array([[1, 0, 2020]]), np.zeros(2), n)
            return LabelledSample(sample, np.asarray(n % 2), "", f"{self.root} {n}")
        test = [one(0)] if self.twins else [one(4)]
        return Opened({"train": [one(0), one(1)], "valid": [one(2)], "test": test}, ("oats", "rye"))
    def prepare(self, raw, out): yield f"{raw} became {out}"
def crops(*, root: str | None = None, twins: bool = False):
    '''Tell crops.'''
    return Crops(root, twins)
class Bare:
    name, task_type, primary_metric, patch_size = "bare", "classification", "accuracy", 4
    def open(self, specs, *, context): return Opened({"all": []})
def bare():
    '''Say nothing.'''
    return Bare()
def needy(*, root: str):
    '''Need a root.'''
    return Crops(root, False)
def failing():
    '''Fail.'''
    return 1 / 0
"""


@pytest.fixture
def acme(install):
    points = {f"acme.{name}.v1": f"acme_fields:{name}" for name in ("crops", "bare", "needy", "failing", "absent")}
    install("acme", "acme_fields", CODE, olmoearth_benchmarks=points)


@pytest.fixture
def run(capsys, acme):
    return lambda *words: olmoearth(capsys, "benchmarks", *words)


def test_a_short_name_means_the_newest_component_of_that_name(acme):
    assert named("crops") == named("acme.crops") == named("CROPS") == named("acme.crops.v1") == "acme.crops.v1"
    with pytest.raises(UnknownComponent, match=r'no benchmark named "cropz"\. Did you mean "acme\.crops\.v1"'):
        named("cropz")


def test_a_name_of_two_packages_must_be_written_out(install, acme):
    install("other", "other_fields", CODE, olmoearth_benchmarks={"other.crops.v1": "other_fields:crops"})
    with pytest.raises(UnknownComponent, match=r"may be acme\.crops\.v1, other\.crops\.v1"):
        named("crops")


def test_what_cannot_be_made_is_listed_with_its_reason(acme):
    reasons = {entry.name: entry.reason for entry in entries() if entry.name.startswith("acme.")}
    assert reasons["acme.crops.v1"] == reasons["acme.bare.v1"] == ""
    assert "needs root" in reasons["acme.needy.v1"]
    assert reasons["acme.failing.v1"] == "ZeroDivisionError: division by zero"
    assert "loading acme_fields:absent failed" in reasons["acme.absent.v1"]


def test_the_list_says_where_data_and_terms_are(run, monkeypatch):
    monkeypatch.setenv("ACME_CROPS", "/data")
    code, out, _ = run("list", "--json")
    (crops,) = [row for row in json.loads(out) if row["name"] == "acme.crops.v1"]
    assert code == 0
    assert (crops["variable"], crops["variable_is_set"], crops["public"]) == ("ACME_CROPS", True, True)
    assert "ACME_CROPS (set)" in run("list")[1]


def test_shipped_tasks_are_listed_with_what_they_lack(run, install):
    code = 'class T:\n    name = "t"\n    def blocks(self):\n        part = {"@benchmarks": "acme.gone.v1"}\n'
    code += (
        '        return {"t1": {"benchmark": part, "evaluator": {}}}\ndef tasks():\n    """Ship."""\n    return T()\n'
    )
    install("acme-lists", "acme_lists", code, olmoearth_tasks={"acme-lists.tasks.v1": "acme_lists:tasks"})
    (row,) = [row for row in json.loads(run("list", "--tasks", "--json")[1]) if row["name"] == "t1"]
    assert row["reason"] == "its benchmark acme.gone.v1 is not installed"


def test_check_ends_with_0_for_sound_data_and_1_for_leaks(run):
    code, out, _ = run("check", "crops", "--root", "/data")
    assert (code, "nothing is wrong" in out, "oats: 1 (50.0%)" in out) == (0, True, True)
    code, out, _ = run("check", "crops", "--set", "twins=true")
    assert (code, "is the same sample as train" in out, "1 faults" in out) == (1, True, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("check", "cropz"), "Did you mean"),
        (("check", "crops", "--set", "depth=1"), "there is no setting depth; there are root, twins"),
        (("check", "crops", "--set", "depth"), "expected key=value"),
        (("check", "crops", "--most", "0"), "expected at least 1"),
        (("check", "crops", "--profile", "defualt"), 'Did you mean "default"'),
        (("check", "needy"), "needs root"),
        (("prepare", "bare", "a", "b"), "nothing to prepare"),
        (("fetch", "bare", "a"), "nothing to fetch"),
    ],
)
def test_mistakes_are_one_sentence_and_code_2(run, words, said):
    code, _, err = run(*words)
    assert (code, err.startswith("error: "), said in err) == (2, True, True), err


def test_fetch_says_what_comes_next(run, tmp_path):
    import fsspec

    fsspec.filesystem("memory").pipe("/acme/crops.bin", b"oats")
    code, out, _ = run("fetch", "crops", str(tmp_path / "raw"))
    assert code == 0
    assert out.endswith(f"next: olmoearth benchmarks prepare crops {tmp_path / 'raw'} OUT\n")
    assert (tmp_path / "raw" / "crops.bin").read_bytes() == b"oats"


def test_prepare_prints_each_finished_piece(run):
    code, out, _ = run("prepare", "crops", "a", "b")
    assert (code, out.splitlines()[0]) == (0, "a became b")


def test_settings_reach_the_benchmark(acme):
    assert made("crops", {"root": "x"}).root == "x"
