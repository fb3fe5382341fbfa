"""Plugins import core; core imports no plugin; plugins do not import each other; light parts stay light."""

import ast

HEAVY_PARTS = ("train", "data", "evaluate", "features", "infer", "models", "testing", "convert")
"""Folders of core that may import torch when they are imported; interfaces, config and cli may not."""


def imported(tree, *, top_only=False):
    """Yield the absolute module names that a file imports, outside `if TYPE_CHECKING:` if only the top counts."""
    for node in tree.body if top_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module


def test_core_imports_no_plugin(sources):
    found = {
        (s.name, module)
        for s in sources if s.package == "olmoearth_core"
        for module in imported(s.tree)
        if module.startswith("olmoearth_") and module.partition(".")[0] != "olmoearth_core"
    }  # fmt: skip
    assert found == set()


def test_plugins_import_nothing_of_ours_but_core_and_themselves(sources):
    found = {
        (s.name, module)
        for s in sources if s.package != "olmoearth_core"
        for module in imported(s.tree)
        if module.startswith("olmoearth_") and module.partition(".")[0] not in ("olmoearth_core", s.package)
    }  # fmt: skip
    assert found == set()


def test_only_the_heavy_parts_of_core_import_torch_at_their_top(sources):
    found = {
        s.name
        for s in sources if s.package == "olmoearth_core" and s.name.split("/")[1] not in HEAVY_PARTS
        for module in imported(s.tree, top_only=True)
        if module.partition(".")[0] == "torch"
    }  # fmt: skip
    assert found == set()


def test_no_file_imports_relatively(sources):
    relative = {s.name for s in sources for n in ast.walk(s.tree) if isinstance(n, ast.ImportFrom) and n.level}
    assert relative == set()
