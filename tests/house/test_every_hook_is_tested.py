"""For each hook there is a test that is called after it."""

import re

from olmoearth_core import hooks


def test_every_hook_is_tested(root):
    specs = {name for name, value in vars(hooks).items() if hasattr(value, "olmoearth_spec")}
    files = root.glob("tests/**/test_*.py")
    tested = {name for file in files for name in re.findall(r"def test_hook_(\w+)", file.read_text("utf-8"))}
    assert len(specs) == 8, "a ninth hook needs a reason in the changelog"
    assert {spec for spec in specs if not any(name.startswith(spec) for name in tested)} == set()


def test_every_hook_is_documented():
    specs = [value for value in vars(hooks).values() if hasattr(value, "olmoearth_spec")]
    assert [spec.__name__ for spec in specs if len(spec.__doc__.split()) < 15] == []
