"""Derived facts of a modality: metres, channel order, kind, sizes (acceptance checks 1 to 3 of the data chapter)."""

from __future__ import annotations

import pytest

from olmoearth_core.interfaces.modality import BandSet, ModalitySpec, resolution


def spec(grid_factor: int = 16, multitemporal: bool = False, size_factor: int = 1) -> ModalitySpec:
    sets = (BandSet(("a", "b"), 16), BandSet(("c",), 64))
    return ModalitySpec("thing", sets, grid_factor, multitemporal, size_factor)


@pytest.mark.parametrize(("factor", "meters"), [(16, 10), (4, 2.5), (1, 0.625), (4096, 2560), (64, 40), (0, 0)])
def test_a_resolution_is_an_integer_when_it_can_be_because_it_ends_up_in_file_names(factor, meters):
    assert resolution(factor) == meters
    assert type(resolution(factor)) is type(meters)


def test_channels_are_the_bands_of_all_sets_in_declared_order():
    assert spec().band_order == ("a", "b", "c")
    assert spec().band_indices == ((0, 1), (2,))


@pytest.mark.parametrize(
    ("grid", "multitemporal", "size", "kind", "pixels"),
    [
        (16, True, 1, "space_time", 256),
        (16, False, 1, "space", 256),
        (16, False, 4, "space", 1024),
        (16, True, -256, "time", 1),
        (0, False, 1, "static", 256),
    ],
)
def test_the_kind_follows_from_grid_size_and_time(grid, multitemporal, size, kind, pixels):
    made = spec(grid, multitemporal, size)
    assert (made.kind, made.tile_pixels) == (kind, pixels)


def test_an_array_has_the_axes_of_its_kind():
    assert spec(16, True).array_shape(8, 4, 3) == (8, 4, 3, 3)
    assert spec(16, False, 4).array_shape(8, 4, 3) == (32, 16, 1, 3)
    assert spec(16, True, -256).array_shape(8, 4, 3) == (3, 3)
    assert spec(0).array_shape(8, 4, 3) == (3,)


def test_a_coarse_band_is_stored_in_fewer_pixels_and_a_fine_one_in_more():
    sizes = [spec().stored_pixels(BandSet(("x",), factor)) for factor in (16, 32, 64, 4, 1, 4096)]
    assert sizes == [256, 128, 64, 1024, 4096, 1]
