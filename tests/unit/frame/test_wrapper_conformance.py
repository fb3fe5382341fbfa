"""The conformance kit finds what is wrong with a model from elsewhere."""

import zlib

import pytest

from olmoearth_core.testing.conformance import collect

GOOD = """
from dataclasses import dataclass
from olmoearth_core.errors import CheckpointError
from olmoearth_core.interfaces.wrapper import Embedder, Input, Needs, Wrapper

@dataclass
class _Place:
    needs: Needs
    name: str = "acme.place.v1"
    licence: str = "MIT"
    source: str = "https://example.org/place"
    def open(self, *, device) -> Embedder:
        try:
            import no_such_place_model
        except ImportError as error:
            raise CheckpointError(f"{error}. pip install no_such_place_model") from error

def place() -> Wrapper:
    '''A model of backscatter.'''
    return _Place(Needs({"sentinel1": Input(("vh", "vv"), "decibel")}))
"""


def failures(install, module, code):
    install("acme", module, code, olmoearth_wrappers={"acme.place.v1": f"{module}:place"})
    return {case.check for case in collect("acme") if case.module.endswith("wrappers") and fails(case)}


def fails(case):
    try:
        case.run()
    except Exception:
        return True
    return False


def test_a_good_wrapper_passes_everything(install):
    assert failures(install, "wrapper_good", GOOD) == set()


@pytest.mark.parametrize(
    ("change", "check"),
    [
        (('name: str = "acme.place.v1"', 'name: str = "place"'), "is_a_wrapper_of_its_name"),
        (('Needs({"sentinel1": Input(("vh", "vv"), "decibel")})', "Needs({})"), "takes_something"),
        (('"decibel")})', '"decibel")}, required=("height",))'), "takes_something"),
        (('("vh", "vv")', '("vh", "hh")'), "needs_fit_the_modalities"),
        (('("vh", "vv")', '("vh", "vh")'), "needs_fit_the_modalities"),
        (('"decibel"', '"linear_power"'), "units_are_those_of_the_samples"),
        (('licence: str = "MIT"', 'licence: str = " "'), "says_whose_weights_it_has"),
        (("pip install no_such_place_model", "sorry"), "opens_or_says_what_to_install"),
        (("except ImportError", "except ZeroDivisionError"), "opens_or_says_what_to_install"),
    ],
)
def test_a_broken_wrapper_fails_the_check_for_it(install, change, check):
    assert change[0] in GOOD
    module = f"wrapper_broken_{zlib.crc32(repr(change).encode())}"
    assert check in failures(install, module, GOOD.replace(*change))
