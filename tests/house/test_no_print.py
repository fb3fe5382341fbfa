"""Only the command line and observers speak; errors are caught by name."""

import ast

SPEAKING = ("olmoearth_core/cli/", "/callbacks/")
CATCHING_ALL = {
    "olmoearth_core/care/hub.py": "the hub's client fails with many unrelated types; the error quotes them",
    "olmoearth_core/care/remote_copy.py": "file systems fail with many unrelated types; the error quotes them",
    "olmoearth_core/data/npy.py": "a header is a Python expression, wrong in many ways; the error quotes them",
    "olmoearth_core/evaluate/catalog.py": "a benchmark may fail in any way and must not hide the others",
    "olmoearth_core/ingest/local.py": "a reader may fail in any way at a file and must not hide the others",
    "olmoearth_core/ingest/mosaic.py": "a reader may fail in any way at a scene; the next scene serves",
    "olmoearth_core/models/distant.py": "clients of object stores fail with many types; the error quotes them",
    "olmoearth_core/models/formats.py": "a checkpoint format may fail in any way and must not stop the others",
    "olmoearth_core/models/hub.py": "the hub's client fails with many unrelated types; the error quotes them",
    "olmoearth_core/plugins.py": "a hook module may fail in any way and must not stop the others",
    "olmoearth_core/registry.py": "a package may fail to import in any way; the error names it",
    "olmoearth_core/testing/conformance.py": "a component may fail a check in any way; the report goes on",
    "olmoearth_core/train/notify.py": "an observer may fail in any way and must not harm the run",
    "plugins/olmoearth-baselines/olmoearth_baselines/prepare/opening.py": "packages of others fail in any way",
}
"""File -> why it may say `except Exception`."""


def catches_all(handler):
    names = [node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)] if handler.type else ["bare"]
    return bool({"bare", "Exception", "BaseException"} & set(names))


def reraises(handler):
    return isinstance(handler.body[-1], ast.Raise) and handler.body[-1].exc is None


def test_nothing_prints_but_the_command_line_and_observers(sources):
    found = [
        f"{s.name}:{node.lineno}"
        for s in sources if not any(part in f"/{s.name}" or s.name.startswith(part) for part in SPEAKING)
        for node in ast.walk(s.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]  # fmt: skip
    assert found == []


def test_nothing_catches_everything_without_a_reason(sources):
    found = [
        f"{s.name}:{node.lineno}"
        for s in sources if s.name not in CATCHING_ALL
        for node in ast.walk(s.tree)
        if isinstance(node, ast.ExceptHandler) and catches_all(node) and not reraises(node)
    ]  # fmt: skip
    assert found == []


def test_nothing_evaluates_or_unpickles_text(sources):
    calls, modules = {"eval", "exec"}, {"marshal", "shelve", "dill"}
    reading = {"load", "loads", "dump", "dumps", "Unpickler", "Pickler"}
    found = [
        f"{s.name}:{node.lineno}"
        for s in sources
        for node in ast.walk(s.tree)
        if (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in calls)
        or (isinstance(node, ast.Import) and modules & {a.name for a in node.names})
        or (isinstance(node, ast.Attribute) and ast.unparse(node) in {f"pickle.{name}" for name in reading})
        or (isinstance(node, ast.ImportFrom) and node.module == "pickle" and reading & {a.name for a in node.names})
        or (isinstance(node, ast.keyword) and node.arg == "shell")
    ]
    assert found == []
