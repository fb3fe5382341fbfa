"""Lines and polygons set exactly the pixels that the specification's text says, here followed pixel by pixel."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from olmoearth_openstreetmap.burn import burn_line, burn_points, burn_polygon

SIDE = 24
near = st.integers(-9, SIDE + 9)
vertex = st.tuples(near, near)
STAR = [(10, 0), (16, 18), (0, 7), (20, 7), (4, 18)]


def array(vertices):
    return np.array(vertices, dtype=np.int64).reshape(-1, 2)


def line(*vertices, side=SIDE):
    mask = np.zeros((side, side), dtype=np.uint8)
    burn_line(mask, array(vertices))
    return mask


def polygon(*rings, side=SIDE):
    mask = np.zeros((side, side), dtype=np.uint8)
    burn_polygon(mask, [array(ring) for ring in rings])
    return mask


def pixels(mask):
    return [(int(row), int(col)) for row, col in np.argwhere(mask)]


def naive_line(vertices):
    """The text of Bresenham's rule, one pixel at a time."""
    mask = np.zeros((SIDE, SIDE), dtype=np.uint8)
    for (x, y), (x1, y1) in itertools.pairwise(vertices):
        step_x, step_y = (1 if x1 > x else -1), (1 if y1 > y else -1)
        swapped = abs(y1 - y) > abs(x1 - x)
        major, minor = sorted((abs(x1 - x), abs(y1 - y)), reverse=True)
        d = 2 * minor - major
        for _ in range(major + 1):
            if 0 <= x < SIDE and 0 <= y < SIDE:
                mask[y, x] = 1
            if d >= 0:
                x, y = (x + step_x, y) if swapped else (x, y + step_y)
                d -= 2 * major
            x, y = (x, y + step_y) if swapped else (x + step_x, y)
            d += 2 * minor
    return mask


def naive_ring(ring):
    """The even-odd rule in whole numbers, one pixel at a time: edges to the right, edges to the left, vertices."""
    mask = np.zeros((SIDE, SIDE), dtype=bool)
    edges = [(*a, *b) for a, b in zip(ring, [*ring[1:], ring[0]], strict=True)]
    for y in range(SIDE):
        for x in range(SIDE):
            right = left = 0
            for x0, y0, x1, y1 in edges:
                turn = ((x1 - x0) * (y - y0) - (y1 - y0) * (x - x0)) * (1 if y1 > y0 else -1)
                right += (y0 > y) != (y1 > y) and turn > 0
                left += (y0 < y) != (y1 < y) and turn < 0
            mask[y, x] = right % 2 or left % 2 or (x, y) in ring
    return mask


def test_a_rectangle_holds_its_edges():
    assert polygon([(2, 2), (6, 2), (6, 5), (2, 5)]).sum() == 20


def test_a_hole_loses_its_boundary_too():
    mask = polygon([(0, 0), (10, 0), (10, 10), (0, 10)], [(3, 3), (6, 3), (6, 6), (3, 6)])
    assert mask.sum() == 105
    assert not mask[3:7, 3:7].any()


def test_the_middle_of_a_five_pointed_star_is_outside():
    mask = polygon(STAR)
    assert (mask.sum(), mask[10, 10]) == (100, 0)


def test_a_pixel_on_one_edge_is_set_and_on_two_is_not():
    assert polygon([(2, 2), (8, 2), (8, 6)])[2, 2:9].all()
    collapsed = polygon([(2, 2), (8, 2), (8, 2), (2, 2)])
    assert pixels(collapsed) == [(2, 2), (2, 8)]


def test_a_line_is_cut_off_at_the_edge():
    assert pixels(line((-3, 1), (4, 1), (4, 3))) == [(1, 0), (1, 1), (1, 2), (1, 3), (1, 4), (2, 4), (3, 4)]


def test_a_line_and_its_reverse_differ_at_exact_halves():
    assert pixels(line((0, 0), (4, 2))) == [(0, 0), (1, 1), (1, 2), (2, 3), (2, 4)]
    assert pixels(line((4, 2), (0, 0))) == [(0, 0), (0, 1), (1, 2), (1, 3), (2, 4)]


def test_points_outside_are_left_out():
    mask = np.zeros((3, 4), dtype=np.uint8)
    burn_points(mask, array([(3, 2), (4, 0), (0, 3), (-1, 0)]))
    assert pixels(mask) == [(2, 3)]


@settings(max_examples=150, deadline=None)
@given(st.lists(vertex, min_size=1, max_size=5))
def test_lines_are_those_of_the_text(vertices):
    expected = naive_line(vertices)
    np.testing.assert_array_equal(line(*vertices), expected)


@settings(max_examples=60, deadline=None)
@given(st.lists(vertex, min_size=3, max_size=8))
def test_polygons_are_those_of_the_text(ring):
    np.testing.assert_array_equal(polygon(ring).astype(bool), naive_ring(ring))


@settings(max_examples=40, deadline=None)
@given(st.lists(vertex, min_size=3, max_size=6), st.lists(vertex, min_size=3, max_size=6))
def test_polygons_with_holes_are_those_of_the_text(outer, inner):
    expected = naive_ring(outer) & ~naive_ring(inner)
    np.testing.assert_array_equal(polygon(outer, inner).astype(bool), expected)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(-60, 90), st.integers(-60, 90)), min_size=3, max_size=6), st.integers(0, 40))
def test_cutting_off_changes_no_pixel_inside(vertices, shift):
    moved = [(x + 60, y + 60) for x, y in vertices]
    for burn in (lambda v, **k: line(*v, **k), lambda v, **k: polygon(v, **k)):
        whole = burn(moved, side=160)[60 : 60 + SIDE, 60 : 60 + SIDE]
        np.testing.assert_array_equal(burn(vertices), whole)


@pytest.mark.parametrize("far", [10**7, 4 * 10**7])
def test_a_line_from_far_away_costs_only_what_is_seen_of_it(far):
    assert pixels(line((-far, 5), (far, 5))) == [(5, col) for col in range(SIDE)]
    assert polygon([(-far, -far), (far, -far), (far, far), (-far, far)]).all()
