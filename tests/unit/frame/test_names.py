"""Did-you-mean, and which package is missing."""

import pytest

from olmoearth_core import names, registry
from olmoearth_core.errors import UnknownComponent


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("acme.l2.v9", "acme.l2.v10"),
        ("InfoNCE", "olmoearth.info_nce.v1"),
        ("random_time", "masking.random_time.v1"),
        ("acme.strips.v1", "acme.stripes.v1"),
        ("something_else_entirely", None),
    ],
)
def test_the_closest_name_is_proposed_in_its_newest_version(typed, meant):
    known = ["acme.l2.v2", "acme.l2.v10", "olmoearth.info_nce.v1", "masking.random_time.v1", "acme.stripes.v1"]
    assert names.closest(typed, known) == meant


def test_a_missing_first_party_package_is_named(monkeypatch):
    monkeypatch.setattr(names, "first_party", lambda: {"olmoearth-moon": ("moon", "moon_l2"), "olmoearth": ()})
    with pytest.raises(UnknownComponent, match=r'"MOON_L2".* package olmoearth-moon .*pip install olmoearth-moon'):
        registry.modalities.get("MOON_L2")
    with pytest.raises(UnknownComponent, match="pip install olmoearth-moon"):
        registry.maskings.get("moon.phase.v1")
    with pytest.raises(UnknownComponent, match=r'Did you mean "moon_l2"\? It needs the package olmoearth-moon'):
        registry.modalities.get("mon_l2")


def test_what_was_typed_is_never_proposed_for_installation():
    with pytest.raises(UnknownComponent) as caught:
        registry.losses.get("totally_unheard_of.l2.v1")
    assert "pip install" not in str(caught.value)


def test_the_first_party_table_is_read_without_importing_the_plugins():
    table = names.first_party()
    assert "olmoearth" in table
    assert sum(map(len, table.values())) >= 20


@pytest.mark.parametrize(
    ("distribution", "prefix"), [("olmoearth-masking", "masking"), ("Acme_EO", "acme-eo"), ("olmoearth", "olmoearth")]
)
def test_the_prefix_of_a_distribution_is_its_name_without_ours(distribution, prefix):
    assert names.prefix_of(distribution) == prefix


def test_the_only_name_that_begins_with_a_word_is_the_one_meant():
    known = ["sentinel1", "sentinel2_l2a", "landsat", "wri_canopy_height_map"]
    assert names.closest("sentinel2", known) == "sentinel2_l2a"
    assert names.closest("wri_canopy", known) == "wri_canopy_height_map"
    assert names.closest("sentinel", known) in ("sentinel1", "sentinel2_l2a")
