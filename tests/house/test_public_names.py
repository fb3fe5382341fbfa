"""What the packages export is a decision, not an accident."""

import olmoearth_core
import olmoearth_core.testing

PUBLIC = [
    "Batch", "OlmoEarthDataset", "Sample", "compose", "embed", "load_model", "modalities", "registry", "save_model",
]  # fmt: skip


def test_public_names_of_core_are_these_and_exist():
    assert olmoearth_core.__all__ == PUBLIC
    assert [name for name in PUBLIC if getattr(olmoearth_core, name, None) is None] == []


def test_public_names_of_the_testing_kit_are_these():
    assert olmoearth_core.testing.__all__ == ["conformance"]
