"""Places drawn from an extract by category."""

from __future__ import annotations

import json
import math

import pytest
from olmoearth_openstreetmap.sampling_rules import SAMPLING_CATEGORIES
from olmoearth_openstreetmap.select_places import draw_places, find_cells

from olmoearth_core.errors import DataError


def marked(path, **options):
    return {name: cells for name, cells in find_cells(path, **options).items() if cells}


@pytest.fixture
def shore(extract):
    """A hospital (node), a river (way), a quarry (relation), a hill in the west and the south, and what is none."""
    nodes = {n: (25.0005 + n / 100, 60.0005, {}) for n in range(1, 9)}
    nodes[10] = (25.0015, 60.0005, {"amenity": "hospital"})
    nodes[11] = (-0.0005, -0.0005, {"natural": "hill"})
    nodes[12] = (25.0, 60.0, {"amenity": "bench"})
    ways = {1: ([1, 2, 3], {"waterway": "river"}), 2: ([4, 5, 6, 4], {}), 3: ([7], {"waterway": "river"})}
    relations = {
        1: ([("w", 2, "outer"), ("w", 99, "outer"), ("w", 1, "inner")], {"landuse": "quarry", "resource": "sand"}),
        2: ([("w", 99, "outer")], {"landuse": "cemetery"}),
    }
    return extract(nodes, ways, relations)


def test_a_node_marks_its_own_cell(shore):
    assert marked(shore)["hospital"] == ((25001, 60000),)


def test_a_way_and_a_relation_mark_the_cell_of_one_of_their_nodes(shore):
    cells = marked(shore)
    assert set(cells) == {"hospital", "river", "quarry", "quarry_sand", "natural_hill"}
    assert len(cells["river"]) == 1
    assert cells["river"][0] in [(25000 + 10 * n, 60000) for n in (1, 2, 3)]
    assert cells["quarry"] == cells["quarry_sand"]
    assert cells["quarry"][0] in [(25000 + 10 * n, 60000) for n in (4, 5, 6)]


def test_another_seed_may_take_another_node_and_the_same_seed_never_does(shore):
    rivers = [marked(shore, seed=seed)["river"] for seed in range(12)]
    assert rivers == [marked(shore, seed=seed)["river"] for seed in range(12)]
    assert len(set(rivers)) == 3


def test_cells_are_floored_and_by_the_legacy_rule_cut_toward_zero(shore):
    assert marked(shore)["natural_hill"] == ((-1, -1),)
    assert marked(shore, legacy=True)["natural_hill"] == ((0, 0),)


def test_categories_can_be_chosen_and_unknown_ones_are_refused(shore):
    assert set(find_cells(shore, categories=["river", "dam"])) == {"river", "dam"}
    assert list(find_cells(shore)) == list(SAMPLING_CATEGORIES)
    with pytest.raises(DataError, match='category "castle": unknown'):
        find_cells(shore, categories=["castle"])


def test_a_place_is_the_middle_of_its_cell_and_by_the_legacy_rule_its_corner():
    cells = {"river": ((25001, -60001),)}
    assert draw_places(cells) == [(25.0015, -60.0005)]
    assert draw_places(cells, legacy=True) == [(25.001, -60.001)]


def test_as_many_cells_of_each_category_are_drawn_as_asked_for():
    cells = {"dam": tuple((c, 0) for c in range(50)), "river": tuple((c, 1) for c in range(3))}
    places = draw_places(cells, per_category=10, seed=3)
    assert [sum(math.floor(lat * 1000) == row for _, lat in places) for row in (0, 1)] == [10, 3]
    assert places == draw_places(dict(reversed(cells.items())), per_category=10, seed=3)
    assert places != draw_places(cells, per_category=10, seed=4)
    assert [p for p in places if p[1] < 0.001] == draw_places({"dam": cells["dam"]}, per_category=10, seed=3)


def test_a_cell_of_several_categories_is_one_place():
    assert len(draw_places({"dam": ((1, 1),), "river": ((1, 1),)})) == 1


def test_places_become_windows_of_the_list_that_others_read(shore, tmp_path):
    from datetime import UTC, datetime

    from olmoearth_core.ingest.select import from_points
    from olmoearth_core.ingest.times import Days

    (tmp_path / "places.json").write_text(json.dumps(draw_places(find_cells(shore))))
    day = datetime(2021, 6, 1, tzinfo=UTC)
    found = from_points(tmp_path / "places.json", Days(day, day, seed=0, shared=False))
    assert found.faults == ()
    assert {w.cell.crs for w in found.windows} == {"EPSG:32635", "EPSG:32730"}
