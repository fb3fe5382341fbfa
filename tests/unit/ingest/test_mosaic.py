"""Which scene gives which pixel."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from olmoearth_core.ingest.candidate import Candidate
from olmoearth_core.ingest.coverage import area, under, worth
from olmoearth_core.ingest.mosaic import mosaic, ranked

JUNE, JULY = datetime(2020, 6, 1, tzinfo=UTC), datetime(2020, 7, 1, tzinfo=UTC)
HALVES = {"west": np.s_[..., :128], "east": np.s_[..., 128:], "north": np.s_[..., :128, :], "none": np.s_[..., :0]}


def filled(made, value, gap="none"):
    values = np.full((1, 3, 256, 256), float(value))
    values[HALVES[gap]] = np.nan
    return made.on_cell(values, source=f"scene {value}")


def clear_but(part):
    mask = np.ones((256, 256), dtype=bool)
    mask[HALVES[part]] = False
    return mask


def plain(name, *, cloud=None, start=JUNE, end=None, order=""):
    return Candidate(name, start, end or start, (0, 0, 1, 1), lambda bands: None, lambda: None, cloud, order)


def test_the_clearest_comes_first_and_unknown_cover_last():
    scenes = [
        plain("a"),
        plain("b", cloud=30.0),
        plain("c", cloud=float("nan")),
        plain("d", cloud=-1.0),
        plain("e", cloud=0.0),
    ]
    assert [c.source for c in ranked(scenes, JUNE, JULY)] == ["e", "b", "a", "c", "d"]


def test_among_equals_the_longer_within_the_month_comes_first_then_the_order():
    ending = plain("a", start=JUNE - timedelta(days=30), end=JUNE + timedelta(days=2))
    whole = plain("b", start=JUNE + timedelta(days=2), end=JULY)
    second, first = plain("c", order="2"), plain("d", order="1")
    assert ranked([ending, second, whole, first], JUNE, JULY) == [whole, ending, first, second]


@pytest.mark.parametrize(("moment", "inside"), [(JUNE, True), (JULY, False), (JUNE - timedelta(seconds=1), False)])
def test_a_month_holds_its_first_moment_and_not_its_last(moment, inside):
    assert bool(ranked([plain("a", start=moment)], JUNE, JULY)) is inside


def test_the_sky_counts_also_where_no_scene_has_all_bands(made):
    cloudy, clear = (filled(made, value).isel(band=[0, 1]) for value in (5, 7))
    scenes = [made.candidate(cloudy, cloud=1, clear=clear_but("west")), made.candidate(clear, cloud=2)]
    found = mosaic(scenes, made.images, made.cell)
    assert (found.parts[0][:, :, :128] == 7).all()
    assert (found.parts[0][:, :, 128:] == 5).all()
    assert found.empty_bands == (2,)


def test_the_sky_counts_where_each_file_holds_one_band_set(made):
    def files(value, **how):
        whole = filled(made, value)
        return [made.candidate(whole.isel(band=bands), **how) for bands in ([0, 1], [2])]

    scenes = [*files(5, cloud=1, clear=clear_but("west")), *files(7, cloud=2)]
    for part in mosaic(scenes, made.images, made.cell).parts:
        middle = part.shape[-1] // 2
        assert (part[:, :, :middle] == 7).all()
        assert (part[:, :, middle:] == 5).all()


def test_a_scene_without_a_band_that_another_has_does_not_keep_it_away(made):
    scenes = [made.candidate(filled(made, 5).isel(band=[0, 1]), cloud=1), made.candidate(filled(made, 7), cloud=2)]
    assert mosaic(scenes, made.images, made.cell).empty_bands == ()


def test_gaps_of_the_clearest_are_filled_by_the_next(made):
    scenes = [made.candidate(filled(made, 5, "west"), cloud=1), made.candidate(filled(made, 7), cloud=2)]
    found = mosaic(scenes, made.images, made.cell)
    assert (found.parts[0][:, :, :128] == 7).all()
    assert (found.parts[0][:, :, 128:] == 5).all()
    assert (found.parts[1][:, :, :64] == 7).all()
    assert [c.source for c in found.used] == ["scene 5", "scene 7"]


def test_clouds_are_replaced_by_what_another_scene_sees_and_kept_where_none_does(made):
    first = made.candidate(filled(made, 5), clear=clear_but("west"))
    scenes = [first, made.candidate(filled(made, 7), clear=clear_but("north"))]
    found = mosaic(scenes, made.images, made.cell).parts[0][0]
    assert (found[:, 128:] == 5).all()
    assert (found[128:, :128] == 7).all()
    # Cloudy in both: the better scene is kept.
    assert (found[:128, :128] == 5).all()


def test_without_the_clear_sky_rule_clouds_stay(made):
    scenes = [made.candidate(filled(made, 5), clear=clear_but("west")), made.candidate(filled(made, 7))]
    found = mosaic(scenes, made.images, made.cell, clear_sky=False)
    assert all((part == 5).all() for part in found.parts)
    assert [c.source for c in found.used] == ["scene 5"]


def test_all_band_sets_take_the_same_ground_from_one_scene(made):
    """One cloudy 10 m pixel costs the 20 m pixel around it, in the 10 m bands too."""
    clear = np.ones((256, 256), dtype=bool)
    clear[11, 20] = False
    scenes = [made.candidate(filled(made, 5), clear=clear), made.candidate(filled(made, 7))]
    fine, coarse = mosaic(scenes, made.images, made.cell).parts
    assert (fine == 5).all()
    assert (coarse == 5).all()
    clear[:40, :40] = False
    fine, coarse = mosaic([made.candidate(filled(made, 5), clear=clear), scenes[1]], made.images, made.cell).parts
    assert (fine[0] == 7).sum() == 40 * 40
    np.testing.assert_array_equal(coarse[0].repeat(2, axis=0).repeat(2, axis=1), fine[0])


def test_a_hundredth_left_open_is_enough_and_no_more_scenes_are_read(made):
    opened = []

    def noted(bands):
        opened.append(bands)
        return filled(made, 7).sel(band=list(bands))

    clear = np.ones((256, 256), dtype=bool)
    clear[:24, :24] = False
    late = Candidate("late", JUNE, JUNE, made.bounds_around(made.cell), noted, lambda: None)
    mosaic([made.candidate(filled(made, 5), clear=clear), late], made.images, made.cell)
    assert opened == []
    clear[:28, :28] = False
    mosaic([made.candidate(filled(made, 5), clear=clear), late], made.images, made.cell)
    assert opened == [("a", "b"), ("c",)]


def test_a_scene_that_cannot_be_read_is_named_and_the_next_serves(made):
    def broken(bands):
        raise KeyError("no band")

    bad = Candidate("bad.tif", JUNE, JUNE, made.bounds_around(made.cell), broken, lambda: None)
    found = mosaic([bad, made.candidate(filled(made, 7))], made.images, made.cell)
    assert found.faults == ("bad.tif: 'no band'",)
    assert (found.parts[0] == 7).all()


def test_products_of_one_band_each_are_put_together(made):
    arrays = [filled(made, value).sel(band=[band]) for band, value in zip("cab", (1, 2, 3), strict=True)]
    for array in arrays:
        array.attrs["source"] = str(array.band.values[0])
    found = mosaic([made.candidate(array) for array in arrays], made.images, made.cell)
    assert [part[i].mean() for part, i in ((found.parts[0], 0), (found.parts[0], 1), (found.parts[1], 0))] == [2, 3, 1]
    assert found.empty_bands == ()


def test_bands_that_no_scene_has_are_counted(made):
    assert mosaic([made.candidate(filled(made, 1).sel(band=["a"]))], made.images, made.cell).empty_bands == (1, 2)
    assert mosaic([], made.images, made.cell).empty_bands == (0, 1, 2)


def test_the_area_of_bounds_is_that_of_a_sphere():
    everything = plain("a")
    octant = Candidate("o", JUNE, JUNE, (170, 0, -100, 90), everything.open, everything.clear)
    assert area(octant) == pytest.approx(5.10065e14 / 8, rel=1e-4)


def test_bounds_across_the_antimeridian_cover_both_sides(made):
    from olmoearth_core.ingest.place import cell_at

    cell = cell_at(179.999, 10)
    both = Candidate("b", JUNE, JUNE, (179, 5, -179, 15), None, None)
    west_side = Candidate("w", JUNE, JUNE, (179, 5, 180, 15), None, None)
    assert under(both, cell, 256).all()
    assert 0.1 < under(west_side, cell, 256).mean() < 1
    assert under(Candidate("x", JUNE, JUNE, (-180, -90, 180, 90), None, None), cell, 256).all()


def naive(footprints, sizes):
    """The rule as the specification words it, with sets of squares."""
    uncovered, chosen = set(range(100)), []
    for number, (squares, size) in enumerate(zip(footprints, sizes, strict=True)):
        if len(uncovered) < 1:
            break
        overlap = len(uncovered & squares)
        if overlap and (overlap >= 0.1 * size or overlap >= 0.1 * len(uncovered)):
            chosen.append(number)
            uncovered -= squares
    return chosen


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sets(st.integers(0, 99), max_size=60), st.integers(0, 500)), max_size=8))
def test_scenes_are_chosen_as_the_naive_rule_chooses_them(items):
    footprints, sizes = [squares for squares, _ in items], [len(squares) + more for squares, more in items]
    still_open, chosen = np.ones(100, dtype=bool), []
    for number, (squares, size) in enumerate(zip(footprints, sizes, strict=True)):
        covered = np.isin(np.arange(100), list(squares))
        if still_open.mean() < 0.01:
            break
        if worth(float((covered & still_open).sum()), size, float(still_open.sum())):
            chosen.append(number)
            still_open &= ~covered
    assert chosen == naive(footprints, sizes)


@pytest.mark.parametrize("clear_sky", [True, False])
@pytest.mark.parametrize("seed", range(8))
def test_pixels_come_from_the_scenes_that_a_loop_over_squares_gives(made, seed, clear_sky):
    """Scenes of random 8 x 8 squares, some cloudy, in bounds around a western part; the loop keeps sets of squares."""
    rng = np.random.default_rng(seed)
    spec, scenes, there, clear, bounds = made.classes, [], [], [], []
    for number, share in enumerate(rng.uniform(0.05, 1.0, 7)):
        place = made.bounds_around(made.cell, share=rng.choice([0.06, 0.3, 1.0]), margin=rng.choice([0.0, 0.2]))
        squares, sky = rng.random((32, 32)) < share, rng.random((32, 32)) < 0.6
        values = np.where(squares.repeat(8, axis=0).repeat(8, axis=1), number + 1.0, np.nan)[None, None]
        array, mask = made.on_cell(values, spec, source=str(number)), sky.repeat(8, axis=0).repeat(8, axis=1)
        scenes.append(made.candidate(array, clear=mask, bounds=place))
        there.append(set(map(tuple, np.argwhere(squares).tolist())))
        clear.append(set(map(tuple, np.argwhere(squares & sky).tolist())))
        bounds.append(under(scenes[-1], made.cell, 256))
    found = mosaic(scenes, spec, made.cell, clear_sky=clear_sky)
    owner, left, read = {}, {(r, c) for r in range(32) for c in range(32)}, []
    for number, scene in enumerate(scenes):
        if len(left) < 0.01 * 1024:
            break
        overlap = sum(bounds[number][8 * r : 8 * r + 8, 8 * c : 8 * c + 8].mean() for r, c in left) * 80**2
        if not overlap or (overlap < 0.1 * area(scene) and overlap < 0.1 * len(left) * 80**2):
            continue
        read.append(number)
        gained = left & (clear if clear_sky else there)[number]
        owner |= {square: number + 1 for square in gained}
        left -= gained
    for number in read:
        owner |= {square: number + 1 for square in there[number] - owner.keys()}
    expected = np.full((32, 32), np.nan)
    for (row, col), number in owner.items():
        expected[row, col] = number
    np.testing.assert_array_equal(found.parts[0][0, ::8, ::8], expected)
    assert read
