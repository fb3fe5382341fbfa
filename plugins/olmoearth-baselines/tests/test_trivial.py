"""Baselines without weights say what they should, of visible pixels only."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from olmoearth_baselines.image_statistics import PER_BAND, PERCENTILES, described, image_statistics
from olmoearth_baselines.prithvi import prithvi
from olmoearth_baselines.random_convolutions import random_convolutions
from olmoearth_baselines.satlas import satlas
from olmoearth_baselines.terramind import terramind

from olmoearth_core import modalities
from olmoearth_core.data.tokens import MISSING
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.evaluate.admission import refusal
from olmoearth_core.interfaces.wrapper import Wish

CPU = torch.device("cpu")
MAKERS = (image_statistics, lambda **given: random_convolutions(filters=4, **given))


def test_statistics_are_those_of_numpy_over_what_is_there():
    generator = np.random.default_rng(0)
    values, there = generator.normal(size=(3, 40)), generator.random((3, 40)) < 0.7
    there[2] = False
    found = described(torch.from_numpy(values), torch.from_numpy(there)).numpy()
    for row in range(2):
        seen = values[row][there[row]]
        assert np.allclose(found[row], [seen.mean(), seen.std(), *np.percentile(seen, PERCENTILES)])
    assert not found[2].any()


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("wish", [Wish(4), Wish(4, grid=True), Wish(4, pooling="max"), Wish(2, pooling="center")])
def test_a_missing_time_step_never_changes_the_features(maker, wish, batch):
    made = batch(["sentinel2_l2a", "sentinel1"])
    mask, rubbish = made.masks["sentinel1"].clone(), made.arrays["sentinel1"].clone()
    mask[0, :, :, 1], rubbish[0, :, :, 1] = MISSING, float("inf")
    gone = replace(made, masks={**made.masks, "sentinel1": mask})
    embedder = maker().open(device=CPU)
    expected = embedder.embed(gone, wish)
    assert torch.isfinite(expected).all()
    assert torch.equal(embedder.embed(replace(gone, arrays={**made.arrays, "sentinel1": rubbish}), wish), expected)
    assert not torch.equal(embedder.embed(made, wish), expected)


@pytest.mark.parametrize("maker", MAKERS)
def test_a_modality_that_samples_lack_is_zero_and_the_width_stays(maker, batch):
    embedder = maker().open(device=CPU)
    features = embedder.embed(batch(["sentinel1"]), Wish(4, grid=True))
    assert features.shape == (2, 2, 2, embedder.width)
    assert 0 < (features != 0).any((0, 1, 2)).sum() < embedder.width
    with pytest.raises(DataError, match="carry none"):
        embedder.embed(batch(["sentinel2"]), Wish(4))


def test_every_band_is_described_by_seven_numbers(batch):
    embedder = image_statistics(modalities=["sentinel1"]).open(device=CPU)
    features = embedder.embed(batch(["sentinel1"], lambda spec, band: -11.648990747 if band == "vv" else 0), Wish(4))
    assert features.shape == (2, 2 * PER_BAND)
    assert features[0, :PER_BAND].tolist() == pytest.approx([0.0] * PER_BAND, abs=1e-5)


def test_filters_are_those_of_the_seed(batch):
    made = batch(["sentinel1"])

    def features(**given):
        return random_convolutions(modalities=["sentinel1"], filters=3, **given).open(device=CPU).embed(made, Wish(4))

    assert torch.equal(features(seed=1), features(seed=1))
    assert not torch.equal(features(seed=1), features(seed=2))


def test_responses_are_rectified_on_either_side(batch):
    made = batch(["sentinel1"])
    features = random_convolutions(modalities=["sentinel1"], filters=8, bias=0.0).open(device=CPU)
    assert features.embed(made, Wish(4)).min() >= 0
    quiet = random_convolutions(modalities=["sentinel1"], filters=8, bias=1e6).open(device=CPU)
    assert not quiet.embed(made, Wish(4)).any()


@pytest.mark.parametrize("maker", MAKERS)
def test_whatever_a_benchmark_has_is_taken_in_whatever_unit(maker):
    specs = modalities(["landsat"])
    given = {"modalities": ["landsat"], "bands_present": {"landsat": ["B4"]}, "specs": specs, "steps": 1}
    unit = {"landsat": "brightness of an 8-bit composite"}
    assert refusal(maker().needs, foreign=unit, normalization="pretrained", **given) is None


@pytest.mark.parametrize(
    ("maker", "facts", "reason"),
    [
        (terramind, {"foreign": {"sentinel1": "linear_power"}}, "made for sentinel1 in decibel"),
        (prithvi, {"bands_present": {"sentinel2_l2a": ["B04", "B03", "B02"]}}, "needs the bands B8A, B11, B12"),
        (prithvi, {"modalities": ["landsat"]}, "does not know landsat"),
        (satlas, {"modalities": ["sentinel1"]}, "does not know sentinel1"),
    ],
)
def test_models_refuse_what_they_were_not_made_for(maker, facts, reason):
    specs = modalities(["sentinel2_l2a", "sentinel1", "landsat"])
    (name,) = facts.get("modalities") or facts.get("foreign") or facts["bands_present"]
    every = {spec.name: spec.band_order for spec in specs}
    given = {"modalities": [name], "bands_present": every, "foreign": {}, "specs": specs, "steps": 1, **facts}
    assert reason in refusal(maker().needs, normalization="pretrained", **given)


def test_nonsense_is_refused():
    with pytest.raises(ConfigError, match="odd side"):
        random_convolutions(side=2)
    with pytest.raises(ConfigError, match="empty"):
        image_statistics(modalities=[])
    with pytest.raises(ConfigError, match="no rows and columns"):
        image_statistics(modalities=["latlon"]).open(device=CPU)
