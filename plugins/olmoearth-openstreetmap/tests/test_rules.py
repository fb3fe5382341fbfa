"""Which tags make a feature of which category."""

from __future__ import annotations

import pytest
from olmoearth_openstreetmap.categories import CATEGORIES
from olmoearth_openstreetmap.rules import keys, rules
from olmoearth_openstreetmap.sampling_rules import KEYS, SAMPLING_CATEGORIES, categories_of


def matching(tags, *, legacy=False):
    return [rule.category for rule in rules(legacy=legacy) if rule.holds(tags)]


@pytest.mark.parametrize("legacy", [False, True])
def test_each_of_the_thirty_categories_has_one_rule(legacy):
    assert sorted(rule.category for rule in rules(legacy=legacy)) == list(CATEGORIES)


def test_the_misspelt_water_tower_is_kept_only_on_request():
    assert matching({"man_made": "water_tower"}) == ["water_tower"]
    assert matching({"man_made": "water_tower"}, legacy=True) == []
    assert matching({"man_mode": "water_tower"}, legacy=True) == ["water_tower"]
    assert "man_mode" in keys(legacy=True)
    assert "man_mode" not in keys()


def test_an_object_may_be_of_several_categories():
    assert matching({"building": "yes", "amenity": "fuel", "leisure": "park"}) == [
        "amenity_fuel",
        "building",
        "leisure",
    ]
    assert matching({"building": "no_tag_is_read", "highway": "residential"}) == ["building", "highway"]


def test_values_matter_where_the_rule_has_one():
    assert matching({"aeroway": "hangar", "power": "line", "waterway": "stream", "amenity": "bench"}) == []


def test_each_kind_of_object_becomes_its_own_shape():
    shapes = {rule.category: dict(rule.shapes) for rule in rules()}
    assert shapes["river"] == {"way": "LineString", "relation": "Polygon"}
    assert shapes["building"] == {"way": "Polygon", "relation": "Polygon"}
    assert shapes["highway"] == {"way": "LineString"}
    assert shapes["helipad"] == {"node": "Point", "way": "Point", "relation": "Point"}


def test_values_of_open_rules_are_copied():
    copied = {rule.category: rule.copied for rule in rules() if rule.copied}
    assert copied == {
        "building": ("building",), "leisure": ("leisure",), "highway": ("highway",),
        "power_plant": ("plant:source",), "river": ("waterway",),
    }  # fmt: skip


def test_there_are_118_categories_to_choose_places_by():
    assert len(SAMPLING_CATEGORIES) == len(set(SAMPLING_CATEGORIES)) == 118


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"railway": "rail"}, {"railway"}),
        ({"railway": "rail", "bridge": "viaduct"}, {"railway", "railway_bridge"}),
        ({"railway": "rail", "tunnel": "yes", "bridge": "yes"}, set()),
        ({"railway": "abandoned"}, set()),
        ({"amenity": "parking"}, {"parking_lot"}),
        ({"amenity": "parking", "building": "parking"}, {"parking_garage"}),
        ({"landuse": "quarry", "resource": "sand"}, {"quarry", "quarry_sand"}),
        ({"landuse": "quarry", "resource": "gold"}, {"quarry"}),
        ({"power": "plant", "plant:source": "solar"}, {"power_plant", "power_plant_solar"}),
        ({"leisure": "pitch", "sport": "rugby_union"}, {"leisure_pitch", "leisure_pitch_rugby"}),
        ({"leisure": "track", "sport": "equestrian"}, {"leisure_track", "leisure_track_horse"}),
        ({"leisure": "pitch", "sport": "running"}, {"leisure_pitch"}),
        ({"seamark:type": "marine_farm", "landuse": "aquaculture"}, {"aquafarm"}),
        ({"man_made": "bridge"}, {"man_made_bridge"}),
        ({"aeroway": "aerodrome"}, {"airport"}),
        ({"natural": "tree", "building": "yes"}, set()),
    ],
)
def test_tags_give_the_categories_of_the_list(tags, expected):
    assert set(categories_of(tags)) == expected
    assert expected <= set(SAMPLING_CATEGORIES)
    assert not expected or set(tags) & set(KEYS)
