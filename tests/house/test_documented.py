"""Every file says what it decides; every component says what it is."""

import ast

from olmoearth_core.describe import first_sentence
from olmoearth_core.kinds import kinds

HISTORY = ("new", "old", "base", "utils", "helpers", "common", "misc", "vec", "v2")


def test_every_file_opens_with_a_docstring(sources):
    assert [s.name for s in sources if not ast.get_docstring(s.tree)] == []


def test_no_file_is_called_after_history_or_nothing(sources):
    assert [s.name for s in sources if set(s.path.stem.split("_")) & set(HISTORY)] == []


def test_every_component_has_a_first_sentence():
    factories = {n: registry.get(n) for registry in kinds().values() for n in registry.components()}
    assert [name for name, factory in factories.items() if len(first_sentence(factory).split()) < 2] == []


def test_every_distribution_has_its_readme_and_tests(root):
    plugins = sorted(root.glob("plugins/*/pyproject.toml"))
    assert [p.parent.name for p in plugins if len((p.parent / "README.md").read_text("utf-8")) < 100] == []
    assert [p.parent.name for p in plugins if not list((p.parent / "tests").glob("test_*.py"))] == []
