"""Finding components: lazily, without clashes, with origins, and with helpful refusals."""

import hashlib
import sys

import pytest

from olmoearth_core import registry
from olmoearth_core.errors import BrokenComponent, NameClash, UnknownComponent
from olmoearth_core.kinds import kinds
from olmoearth_core.registry import HERE

LOSS = """
class Plain:
    name = "plain"
    def __init__(self, weight): self.weight = weight
    def __call__(self, predicted, target): return 0
def plain(*, weight: float = 1.0): return Plain(weight)
def number(*, weight: float = 1.0): return 3
"""


def test_listing_and_membership_import_nothing(install):
    install("acme", "acme_a", "raise RuntimeError('imported')", olmoearth_losses={"acme.l2.v1": "acme_a:plain"})
    assert registry.losses.components()["acme.l2.v1"].origin == "acme 1.0"
    assert "acme.l2.v1" in registry.losses
    assert "acme.l3.v1" not in registry.losses
    assert "acme_a" not in sys.modules


def test_a_name_imports_only_its_own_module(install):
    install("acme", "acme_b", LOSS, olmoearth_losses={"acme.l2.v1": "acme_b:plain"})
    install("other", "other_b", LOSS, olmoearth_losses={"other.l2.v1": "other_b:plain"})
    assert registry.losses.get("acme.l2.v1")(weight=2.0).weight == 2.0
    assert "other_b" not in sys.modules


def test_a_typo_says_what_was_meant_and_leaves_a_broken_neighbour_alone(install):
    install("acme", "acme_c", LOSS, olmoearth_losses={"acme.l2.v1": "acme_c:plain", "acme.l2.v2": "acme_c:plain"})
    install("bust", "bust_c", "import not_there", olmoearth_losses={"bust.l2.v1": "bust_c:plain"})
    with pytest.raises(UnknownComponent, match=r'no losses named "acme.l2.v7". Did you mean "acme.l2.v2"\?'):
        registry.losses.get("acme.l2.v7")
    assert "bust_c" not in sys.modules


def test_a_broken_package_says_which_version_module_and_cause_and_breaks_nothing_else(install):
    install("bust", "bust_d", "import not_there", version="2.5", olmoearth_losses={"bust.l2.v1": "bust_d:plain"})
    install("acme", "acme_d", LOSS, olmoearth_losses={"acme.l2.v1": "acme_d:plain"})
    with pytest.raises(
        BrokenComponent, match=r"(?s)bust\.l2\.v1.*bust 2\.5.*bust_d:plain.*No module named 'not_there'"
    ):
        registry.losses.get("bust.l2.v1")
    assert registry.losses.get("acme.l2.v1")().name == "plain"


@pytest.mark.parametrize("code", ["def (", "raise ValueError('no')", "plain = 1 / 0", ""])
def test_every_way_to_be_broken_is_a_broken_component(install, code):
    install("bust", "bust_e", code, olmoearth_losses={"bust.l2.v1": "bust_e:plain"})
    with pytest.raises(BrokenComponent, match=r"bust 1\.0"):
        registry.losses.get("bust.l2.v1")


def test_two_packages_with_one_name_are_both_named_and_others_still_work(install):
    install("acme", "acme_f", LOSS, olmoearth_losses={"acme.l2.v1": "acme_f:plain"})
    install("fork", "fork_f", LOSS, olmoearth_losses={"acme.l2.v1": "fork_f:plain", "fork.l2.v1": "fork_f:plain"})
    with pytest.raises(NameClash, match=r"(?s)acme\.l2\.v1.*acme_f:plain  \(acme 1\.0\).*fork_f:plain  \(fork 1\.0\)"):
        registry.losses.get("acme.l2.v1")
    assert [c.origin for c in registry.losses.components()["acme.l2.v1"].rivals] == ["fork 1.0"]
    assert registry.losses.get("fork.l2.v1")().name == "plain"


def test_a_product_of_the_wrong_kind_is_refused_with_its_origin(install):
    install("acme", "acme_g", LOSS, olmoearth_losses={"acme.number.v1": "acme_g:number"})
    with pytest.raises(BrokenComponent, match=r"acme_g:number \(acme 1\.0\).*returned int, which is no Loss"):
        registry.losses.get("acme.number.v1")()


def test_a_factory_registered_in_this_process_is_found_and_a_second_one_refused(install):
    @registry.schedulers.register("mine.flat.v1")
    def flat(*, factor: float = 1.0):
        raise NotImplementedError

    assert registry.schedulers.component("mine.flat.v1").origin == HERE
    with pytest.raises(NameClash, match=r"mine\.flat\.v1"):
        registry.schedulers.register("mine.flat.v1", func=lambda: None)


def test_a_local_registration_never_hides_an_installed_name(install):
    install("acme", "acme_h", LOSS, olmoearth_losses={"acme.l2.v1": "acme_h:plain"})
    with pytest.raises(NameClash, match=r"acme 1\.0"):
        registry.losses.register("acme.l2.v1", func=lambda: None)


@pytest.mark.parametrize("name", ["L2", "acme.l2", "acme.l2.v0", "acme.L2.v1", "l2.v1.x"])
def test_names_without_package_thing_and_version_are_refused(name):
    with pytest.raises(ValueError, match=r"package\.thing\.v1"):
        registry.losses.register(name, func=lambda: None)


def test_the_case_of_a_modality_does_not_matter(install):
    install("acme", "acme_i", "def thermal(): ...", olmoearth_modalities={"acme_thermal": "acme_i:thermal"})
    assert "ACME_Thermal" in registry.modalities
    assert registry.modalities.component("ACME_THERMAL").name == "acme_thermal"


def test_a_component_knows_its_file_and_the_hash_of_it(install):
    file = install("acme", "acme_j", LOSS, olmoearth_losses={"acme.l2.v1": "acme_j:plain"})
    component = registry.losses.component("acme.l2.v1")
    assert component.file == file
    assert component.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()


def test_resolve_builds_a_block_through_our_registries(install):
    install("acme", "acme_k", LOSS, olmoearth_losses={"acme.l2.v1": "acme_k:plain"})
    assert registry.resolve({"loss": {"@losses": "acme.l2.v1", "weight": 0.5}})["loss"].weight == 0.5


def test_every_kind_is_an_entry_point_group_of_its_own():
    assert {k: r.entry_point_namespace for k, r in kinds().items()} == {k: f"olmoearth_{k}" for k in kinds()}
