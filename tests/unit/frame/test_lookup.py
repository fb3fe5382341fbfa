"""From typed names to modalities."""

import pytest

from olmoearth_core.errors import BrokenComponent, ConfigError, UnknownComponent
from olmoearth_core.lookup import derivation, modalities

SPECS = """
from olmoearth_core.interfaces.modality import BandSet, ModalitySpec
def thermal(): return ModalitySpec("acme_thermal", (BandSet(("t",), 16),), 16, True)
def heat():
    bands = (BandSet(("h",), 16),)
    return ModalitySpec("acme_heat", bands, 16, True, derived_from="acme_thermal", derive="acme.heat.v1")
def liar(): return ModalitySpec("somebody_else", (), 16, True)
def derive_heat():
    return lambda array, presence: (array * 2, presence)
"""


@pytest.fixture
def acme(install):
    install(
        "acme", "acme_specs", SPECS,
        olmoearth_modalities={
            "acme_thermal": "acme_specs:thermal", "acme_heat": "acme_specs:heat", "acme_liar": "acme_specs:liar",
        },
        olmoearth_transforms={"acme.heat.v1": "acme_specs:derive_heat"},
    )  # fmt: skip


def test_names_become_specs_in_the_order_given_and_case_does_not_matter(acme):
    assert [s.name for s in modalities(["ACME_HEAT", "acme_thermal"])] == ["acme_heat", "acme_thermal"]


def test_specs_pass_through(acme):
    spec = modalities(["acme_heat"])[0]
    assert modalities([spec]) == (spec,)


def test_an_unknown_modality_says_what_was_meant(acme):
    with pytest.raises(UnknownComponent, match='Did you mean "acme_thermal"'):
        modalities(["ACME_THERMEL"])


def test_the_same_modality_twice_is_refused_whatever_its_case(acme):
    with pytest.raises(ConfigError, match="acme_heat is given more than once"):
        modalities(["acme_heat", "ACME_HEAT"])


def test_a_text_instead_of_a_list_is_refused():
    with pytest.raises(ConfigError, match=r'Write \["sar"\]'):
        modalities("sar")


def test_a_modality_that_calls_itself_otherwise_is_refused(acme):
    with pytest.raises(BrokenComponent, match=r'"acme_liar" but calls itself "somebody_else"'):
        modalities(["acme_liar"])


def test_a_derived_modality_brings_its_transform(acme):
    heat, thermal = modalities(["acme_heat", "acme_thermal"])
    assert derivation(heat)(3, True) == (6, True)
    with pytest.raises(ConfigError, match=r"acme_thermal.* is not derived"):
        derivation(thermal)
