"""A version promises its numbers: each has some written down, which a test compares."""

from olmoearth_core.kinds import registry

KINDS = ("losses", "maskings", "models", "schedulers", "train_modules")


def test_every_version_has_golden_numbers(root):
    written = [file.name for file in (root / "tests" / "golden").iterdir() if file.stat().st_size > 20]
    names = [name for kind in KINDS for name in getattr(registry, kind).components()]
    assert names
    assert [name for name in names if not any(file.startswith(f"{name}.") for file in written)] == []


def test_every_golden_file_is_used_by_a_test(root):
    text = "".join(
        file.read_text("utf-8") for file in (*root.glob("tests/**/*.py"), *root.glob("plugins/*/tests/*.py"))
    )
    unused = [f.name for f in (root / "tests" / "golden").iterdir() if f.name not in text and f.stem not in text]
    assert unused == []
