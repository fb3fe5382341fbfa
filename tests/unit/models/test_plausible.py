"""Values in the wrong unit draw one warning; whatever a real place shows draws none."""

import warnings
from dataclasses import replace

import pytest
import torch

from olmoearth_core import embed
from olmoearth_core.data.fitting import check_batch


def with_(batch, **arrays):
    return replace(batch, arrays={**batch.arrays, **arrays})


def heard(call):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        call()
    return [str(w.message) for w in told], [w.filename for w in told]


def test_reflectances_from_0_to_1_draw_a_warning_that_names_the_units(small, batch):
    told, where = heard(lambda: embed(small, with_(batch, sentinel2_l2a=batch.arrays["sentinel2_l2a"] / 1e4)))
    assert len(told) == 1
    assert told[0].startswith("sentinel2_l2a: found values from 0.0")
    assert "surface reflectance x 10000" in told[0]
    assert "normalize=False" in told[0]
    assert where == [__file__]


def test_radar_that_is_not_in_decibels_draws_a_warning(small, batch):
    linear = 10 ** (batch.arrays["sentinel1"] / 10)
    told, _ = heard(lambda: embed(small, with_(batch, sentinel1=linear)))
    assert [text.partition(":")[0] for text in told] == ["sentinel1"]
    assert "dB" in told[0]


def test_many_windows_and_samples_draw_one_warning(small, batch):
    tiny = with_(batch, sentinel2_l2a=batch.arrays["sentinel2_l2a"] / 1e4)
    told, _ = heard(lambda: embed(small, tiny, window=4, batch_size=1))
    assert len(told) == 1


@pytest.mark.parametrize(
    "values",
    [lambda x: x, lambda x: x * 0 + 30, lambda x: x * 0 + 15000, lambda x: x * torch.nan, lambda x: x * 0],
    ids=["usual", "dark water", "clouds", "nothing", "nodata"],
)
def test_places_that_there_are_draw_none(small, batch, values):
    told, _ = heard(lambda: embed(small, with_(batch, sentinel2_l2a=values(batch.arrays["sentinel2_l2a"]))))
    assert told == []


def test_values_that_are_normalised_already_draw_none_where_it_is_said(small, batch):
    ready = with_(batch, sentinel2_l2a=batch.arrays["sentinel2_l2a"] / 1e4)
    assert heard(lambda: embed(small, ready, normalize=False))[0] == []


def test_a_flat_coast_is_no_mistake(make, batch):
    model = make(names=("sentinel2_l2a", "srtm"))
    check_batch(
        batch_of_heights := with_(replace(batch, arrays={}), srtm=torch.rand(2, 8, 8, 1, 1)), model.card.specs, raw=True
    )
    assert heard(lambda: embed(model, batch_of_heights))[0] == []


def test_degrees_celsius_for_kelvin_draw_a_warning():
    import numpy as np

    from olmoearth_core import modalities
    from olmoearth_core.models.plausible import odd

    (weather,) = modalities(["era5_10"])
    kelvin = np.array([280.0, 275.0, 98000.0, -5.0, -4.0, 0.0]), np.array([305.0, 290.0, 101000.0, 6.0, 5.0, 0.1])
    assert odd(weather, *kelvin) is None
    celsius = [np.array([-15.0, *ends[1:]]) for ends in kelvin]
    assert "2m-temperature" in odd(weather, *celsius)
