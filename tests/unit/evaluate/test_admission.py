"""A wrong input is refused with the reason."""

import pytest

from olmoearth_core.evaluate.admission import refusal
from olmoearth_core.interfaces.modality import BandSet, ModalitySpec
from olmoearth_core.interfaces.wrapper import Input, Needs

OPTICAL = ModalitySpec("optical", (BandSet(("red", "nir"), 16),), 16, multitemporal=True, quantity="reflectance_x10000")
RADAR = ModalitySpec(
    "radar", (BandSet(("vv",), 16),), 16, multitemporal=True, quantity="linear_power", storage="power_to_db"
)
INPUTS = {"optical": Input(("nir", "red"), "reflectance_x10000"), "radar": Input(("vv",), "decibel")}
BOTH = {"optical": ["red", "nir"], "radar": ["vv"]}


def why(needs=None, bands=BOTH, foreign=None, steps=1, normalization="pretrained"):
    return refusal(
        needs or Needs(INPUTS), modalities=list(bands), bands_present=bands, foreign=foreign or {},
        specs=[OPTICAL, RADAR], steps=steps, normalization=normalization,
    )  # fmt: skip


def test_what_a_model_was_made_for_is_taken():
    assert why() is None
    assert why(bands={"radar": ["vv"]}) is None


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"bands": {"optical": ["red"]}}, "needs the bands nir of optical"),
        ({"bands": {"height": ["height"]}}, "does not know height"),
        ({"needs": Needs(INPUTS, required=("radar",)), "bands": {"optical": ["red", "nir"]}}, "needs radar"),
        ({"needs": Needs(INPUTS, one_modality=True)}, "one modality at a time"),
        ({"needs": Needs(INPUTS, min_steps=3)}, "needs 3 time steps"),
        ({"needs": Needs({"optical": Input(("red",), "digital_number")}), "bands": {"optical": ["red"]}}, "made for"),
        ({"foreign": {"radar": "linear_power"}}, "samples are in linear_power"),
        ({"bands": {}}, "none of optical, radar"),
    ],
)
def test_anything_else_is_refused(facts, reason):
    assert reason in why(**facts)


def test_units_do_not_matter_where_the_benchmark_normalises():
    assert why(foreign={"radar": "linear_power"}, normalization="dataset") is None
