"""Golden numbers: what raw values become at the scale of each model."""

import numpy as np
import pytest
import torch
from olmoearth_baselines import clay, croma, dofa, prithvi, satlas, terramind
from olmoearth_baselines.prepare.radar import power_of_decibel
from olmoearth_baselines.prepare.scale import Standardize, TwoDeviations, of_modality
from olmoearth_baselines.prepare.statistics import measured

from olmoearth_core import modalities


def scaled(scale, *values):
    return scale(torch.tensor(values, dtype=torch.float64)[None, :, None, None]).flatten().tolist()


def test_prithvi_standardises_reflectance_with_its_own_table():
    scale = Standardize(prithvi.MEAN, prithvi.STD)
    assert scaled(scale, *prithvi.MEAN) == [0.0] * 6
    assert scaled(scale, 3335, 3521, 3611, 4584, 3200, 2412) == pytest.approx([1.0] * 6)
    assert scaled(scale, 0, 0, 0, 0, 0, 0)[0] == pytest.approx(-0.48354, abs=1e-5)


def test_terramind_standardises_radar_in_decibel():
    assert scaled(terramind.SCALES["sentinel1"], -10.93, -21.788) == pytest.approx([0.0, -1.0])
    assert scaled(terramind.SCALES["sentinel2_l2a"], *[1503.317] * 12)[1] == 0.0


def test_clay_turns_decibel_into_power_before_it_standardises():
    expected = [(0.1 - 0.123273) / 1.492154, (0.01 - 0.027337) / 0.122182]
    assert scaled(clay.SCALES["sentinel1"], -10.0, -20.0) == pytest.approx(expected)
    assert scaled(clay.SCALES["landsat"], 10678, 10563, 11083, 14792, 12276, 10114) == [0.0] * 6


def test_decibel_is_never_near_zero_after_clays_scale_as_it_would_be_without_conversion():
    assert power_of_decibel(torch.tensor([0.0, -10.0, -30.0])).tolist() == pytest.approx([1.0, 0.1, 0.001])


def test_satlas_renders_colours_and_divides_the_rest():
    found = scaled(satlas.OPTICAL_RANGE, 3558, 1779, 9999, 8160, 4080, 0, 816, -5, 20000)
    assert found == pytest.approx([1.0, 0.5, 1.0, 1.0, 0.5, 0.0, 0.1, 0.0, 1.0])
    assert scaled(satlas.LANDSAT_RANGE, *[4000] * 5, *[20320] * 5, 12160) == [0.0] * 5 + [1.0] * 5 + [0.5]


def test_dofa_standardises_the_eight_bit_images_of_its_training_set():
    at_mean = [m / 255 * high for m, high in zip(dofa.MEAN_8BIT, [3558] * 3 + [8160] * 6, strict=True)]
    assert scaled(dofa.SCALE, *at_mean) == pytest.approx([0.0] * 9, abs=1e-9)
    assert scaled(dofa.SCALE, *[0] * 9)[0] == pytest.approx(-114.1099739 / 77.84352553)


def test_croma_cuts_at_two_deviations():
    (spec,) = modalities(["sentinel1"])
    scale = TwoDeviations(*measured(spec, croma.INPUTS["sentinel1"].bands))
    assert scaled(scale, -11.648990747, -17.745436133) == pytest.approx([0.5, 0.5])
    assert scaled(scale, 100.0, -100.0) == [1.0, 0.0]


def test_a_band_without_statistics_keeps_its_values():
    (spec,) = modalities(["sentinel2"])
    assert scaled(
        of_modality(spec, ["B02"]),
        5000.0,
    ) == [0.0]
    assert scaled(of_modality(spec, ["none"]), 7.0) == [7.0]


def test_a_scale_leaves_its_input_as_it_was():
    values = torch.full((1, 2, 1, 1), -12.0)
    for scale in (*terramind.SCALES.values(), *clay.SCALES.values()):
        before = torch.full((1, len(np.atleast_1d(getattr(scale, "mean", (0, 0)))), 1, 1), -12.0)
        kept = before.clone()
        scale(before)
        assert torch.equal(before, kept)
    assert values.eq(-12).all()
