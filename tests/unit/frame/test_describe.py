"""What is said of a component is read from its factory."""

import confection
import pytest

from olmoearth_core import describe, registry
from olmoearth_core.interfaces.masking import Masking

SPEC = """
from olmoearth_core.interfaces.modality import BandSet, ModalitySpec
def acme_heat() -> ModalitySpec:
    '''Heat of the ground.'''
    return ModalitySpec("acme_heat", (BandSet(("day", "night"), 16),), 16, True, title="ACME heat", units="kelvin",
                        licence="CC0", derived_from="acme_thermal", derive="acme.heat.v1")
"""


def whole(*, decode: float, masking: Masking, other: Masking | None = None, names: list[str] | None = None) -> None:
    """Do something.

    decode: share to predict; the
    rest is shown. masking: hides tokens.

    Args:
        other, names: both at once.

    Raises:
        ConfigError: names: is not an argument here.
    """


def test_arguments_are_found_in_plain_and_in_google_docstrings():
    assert describe.argument_help(whole) == {
        "decode": "share to predict; the rest is shown.",
        "masking": "hides tokens.",
        "other": "both at once.",
        "names": "both at once.",
    }


def test_a_modality_is_shown_as_a_line_of_the_dataset_with_its_facts(install):
    install("acme", "show_heat", SPEC, olmoearth_modalities={"acme_heat": "show_heat:acme_heat"})
    text = describe.block(registry.modalities.component("acme_heat"), registry.modalities.get("acme_heat"))
    assert confection.Config().from_str(text)["dataset"]["training_modalities"] == ["acme_heat"]
    assert "# bands at 10 m: day, night" in text
    assert "# computed from acme_thermal by acme.heat.v1" in text
    assert "# licence: CC0" in text


@pytest.mark.parametrize(
    "line",
    [
        "# decode = …  (needed: float)",
        "# masking = …  (needed: a block with @maskings)",
        "# other = null  (or a block with @maskings)",
        "names = null",
    ],
)
def test_needed_arguments_and_blocks_are_comments_and_defaults_are_lines(install, line):
    registry.wrappers.register("mine.whole.v1", func=whole)
    text = describe.block(registry.wrappers.component("mine.whole.v1"), registry.wrappers.get("mine.whole.v1"))
    assert line in text.splitlines()
