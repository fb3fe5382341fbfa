"""The conformance kit finds what it is there to find, and lets good components pass."""

import pytest

from olmoearth_core.errors import UnknownComponent
from olmoearth_core.testing import conformance, general
from olmoearth_core.testing.conformance import collect, outcomes
from olmoearth_core.testing.subject import NotApplicable

SLOW = "import_is_quick_and_silent"
DRAWN = "draw(spec.name, p[0].numel()).reshape(p.shape)"
PRESENT = "p = present[spec.name]"

GOOD = """
from dataclasses import dataclass
import torch
from olmoearth_core.interfaces.masking import Masking

@dataclass
class _Half:
    decode: float
    def mask(self, present, specs, draw):
        masks = {}
        for spec in specs:
            p = present[spec.name]
            u = draw(spec.name, p[0].numel()).reshape(p.shape)
            masks[spec.name] = torch.where(p, torch.where(u < self.decode, 2, 0), 3).to(torch.int8)
        return masks

def half(*, decode: float = 0.5) -> Masking:
    '''Hide each token with the same chance.'''
    return _Half(decode)
"""


def failures(install, module, code, kind="maskings", name="acme.half.v1", target="half"):
    install("acme", module, code, **{f"olmoearth_{kind}": {name: f"{module}:{target}"}})
    return {case.check for case in collect("acme") if case.check != SLOW and fails(case)}


def fails(case):
    try:
        case.run()
    except NotApplicable:
        return False
    except Exception:
        return True
    return False


def test_a_good_component_passes_everything(install):
    assert failures(install, "kit_good", GOOD) == set()


@pytest.mark.parametrize(
    ("change", "check"),
    [
        (("(*, decode: float = 0.5)", "(decode: float = 0.5)"), "arguments_are_keyword_only_and_annotated"),
        (("decode: float = 0.5", "decode=0.5"), "arguments_are_keyword_only_and_annotated"),
        (("decode: float = 0.5", "decode: float = '0.5'"), "defaults_are_json_and_fit_their_hints"),
        (("-> Masking", "-> dict"), "returns_the_interface"),
        (("'''Hide each token with the same chance.'''", "pass"), "has_a_first_sentence"),
        ((DRAWN, "torch.rand(p.shape)"), "the_same_draws_give_the_same_mask"),
        ((DRAWN, "torch.rand(p.shape)"), "global_random_state_is_left_alone"),
        ((PRESENT, "p = present[spec.name].fill_(True)"), "its_input_is_left_alone"),
        ((PRESENT, "p = torch.ones_like(present[spec.name])"), "missing_data_is_missing_and_nothing_else_is"),
        ((".to(torch.int8)", ""), "masks_have_the_shape_of_presence"),
        (("u < self.decode", "u < u.mean()"), "a_sample_does_not_depend_on_its_neighbours"),
        (("return _Half(decode)", "h = _Half(decode); h.f = lambda: 0; return h"), "reaches_loader_workers"),
    ],
)  # fmt: skip
def test_each_fault_is_found(install, change, check):
    assert check in failures(install, "kit_bad", GOOD.replace(*change))


def test_an_import_that_prints_is_found_in_a_process_of_its_own(install):
    code = GOOD.replace("import torch\n", "print('hello')\n").replace("torch.", "")
    install("acme", "kit_print", code, olmoearth_modalities={"acme_half": "kit_print:half"})
    (case,) = [case for case in collect("acme") if case.check == SLOW]
    with pytest.raises(AssertionError, match=r"importing kit_print prints 'hello\\n'"):
        case.run()


def test_a_name_with_the_prefix_of_another_package_is_found(install):
    assert failures(install, "kit_prefix", GOOD, name="olmoearth.half.v1") == {"name_is_well_formed"}


def test_a_modality_without_some_statistics_or_licence_is_found(install):
    code = (
        "from olmoearth_core.interfaces.modality import BandSet, ModalitySpec, Statistics\n"
        "def acme_heat() -> ModalitySpec:\n    '''Heat of the ground.'''\n"
        "    measured = {'h': Statistics(mean=0.0, std=1.0)}\n"
        "    return ModalitySpec('acme_heat', (BandSet(('h', 'h', 'k'), 15),), 16, True, statistics=measured)\n"
    )
    found = failures(install, "kit_modality", code, "modalities", "acme_heat", "acme_heat")
    wrong = {
        "bands_are_unique",
        "every_band_can_be_normalised",
        "names_licence_and_citation",
        "resolutions_are_powers_of_two",
    }
    assert found == wrong


def test_a_missing_setting_fails_a_test_but_is_only_skipped_by_doctor(install, monkeypatch):
    install(
        "acme", "kit_need", GOOD.replace("decode: float = 0.5", "decode: float"),
        olmoearth_maskings={"acme.half.v1": "kit_need:half"},
    )  # fmt: skip
    monkeypatch.setattr(general, "CHECKS", ("keeps_its_promise",))
    results = {name: (outcome, reason) for name, outcome, reason in outcomes("acme")}
    assert results["acme.half.v1:keeps_its_promise"] == ("skipped", "needs decode: give settings for acme.half.v1")
    case = next(c for c in collect("acme") if c.check == "keeps_its_promise")
    with pytest.raises(pytest.fail.Exception, match="needs decode"):
        conformance("acme")(case)


def test_settings_are_used(install):
    install(
        "acme", "kit_set", GOOD.replace("decode: float = 0.5", "decode: float"),
        olmoearth_maskings={"acme.half.v1": "kit_set:half"},
    )  # fmt: skip
    case = next(c for c in collect("acme", {"acme.half.v1": {"decode": 0.3}}) if c.check == "keeps_its_promise")
    case.run()
    assert case.subject.product.decode == 0.3


def test_names_that_nothing_has_are_refused(install):
    install("acme", "kit_names", GOOD, olmoearth_maskings={"acme.half.v1": "kit_names:half"})
    with pytest.raises(UnknownComponent, match=r"declares no acme\.third\.v1"):
        collect("acme", {"acme.third.v1": {}})
    with pytest.raises(ValueError, match="has no check"):
        conformance("acme", expected_failures={"acme.half.v1:is_fast": "it is not"})
    with pytest.raises(UnknownComponent, match='no installed distribution "nobody"'):
        collect("nobody")


def test_an_expected_failure_is_strict(install):
    install("acme", "kit_xfail", GOOD, olmoearth_maskings={"acme.half.v1": "kit_xfail:half"})
    name = "acme.half.v1:keeps_its_promise"
    (mark,) = conformance("acme", expected_failures={name: "because"}).pytestmark
    (marked,) = [p for p in mark.args[1] if p.marks]
    assert marked.marks[0].kwargs == {"strict": True, "reason": "because"}
    assert marked.id == "acme.half.v1-keeps_its_promise"
