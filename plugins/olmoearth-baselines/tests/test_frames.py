"""Networks see visible images only, in their own bands."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from olmoearth_baselines.prepare import grid
from olmoearth_baselines.prepare.frames import Sensor
from olmoearth_baselines.prepare.network import FrameEmbedder, Patches, SeriesEmbedder
from torch import nn

from olmoearth_core import modalities
from olmoearth_core.data.sample import Batch
from olmoearth_core.data.tokens import ENCODE, MISSING
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.interfaces.wrapper import Wish

BANDS = ("B12", "B02", "B01")
OPTICAL = Sensor(modalities(["sentinel2_l2a"])[0], BANDS, lambda values: values)
RADAR = Sensor(modalities(["sentinel1"])[0], ("vh", "vv", "vh"), lambda values: values)
SENSORS = {"sentinel2_l2a": OPTICAL, "sentinel1": RADAR}


def echo(images, dates):
    return Patches(sum(values.movedim(1, -1) for values in images.values()))


def embedder(*, fused=False, network=echo, sensors=SENSORS):
    return FrameEmbedder(nn.Identity(), 3, sensors, network, side=4, smallest=2, fused=fused)


def series():
    return SeriesEmbedder(nn.Identity(), 3, OPTICAL, lambda images: images.mean(2).movedim(1, -1), 4, 2)


def hidden(batch, name, sample, step):
    """Return the batch without one image, and with rubbish in its place."""
    mask, rubbish = batch.masks[name].clone(), batch.arrays[name].clone()
    mask[sample, :, :, step] = MISSING
    rubbish[sample, :, :, step] = 12345.0
    gone = replace(batch, masks={**batch.masks, name: mask})
    return gone, replace(gone, arrays={**batch.arrays, name: rubbish})


def test_bands_come_in_the_order_of_the_model(batch):
    place = {band: i for i, band in enumerate(OPTICAL.spec.band_order)}
    made = batch(["sentinel2_l2a"], lambda spec, band: place[band])
    features = embedder().embed(made, Wish(4))
    assert features.tolist() == [[place["B12"], place["B02"], place["B01"]]] * 2


@settings(deadline=None, max_examples=30)
@given(steps=st.integers(2, 4), sample=st.integers(0, 1), data=st.data(), pooling=st.sampled_from(["mean", "max"]))
def test_a_missing_time_step_never_changes_the_features(steps, sample, data, pooling):
    step = data.draw(st.integers(0, steps - 1))
    made = Batch(
        {"sentinel2_l2a": torch.rand(2, 4, 4, steps, 12)},
        {"sentinel2_l2a": torch.full((2, 4, 4, steps, 3), ENCODE, dtype=torch.int8)},
        torch.ones(2, steps, 3, dtype=torch.int64),
    )
    gone, rubbish = hidden(made, "sentinel2_l2a", sample, step)
    kept = [i for i in range(steps) if i != step]
    without = Batch(
        {k: a[sample : sample + 1][:, :, :, kept] for k, a in made.arrays.items()},
        {k: a[sample : sample + 1][:, :, :, kept] for k, a in made.masks.items()},
        made.timestamps[sample : sample + 1, kept],
    )
    for each in (embedder(), embedder(fused=True), series()):
        wish = Wish(2, grid=True, pooling=pooling)
        features = each.embed(gone, wish)
        assert torch.equal(features, each.embed(rubbish, wish))
        assert torch.allclose(features[sample : sample + 1], each.embed(without, wish))


def test_a_missing_pixel_is_zero_at_the_scale_of_the_model(batch):
    made = batch(["sentinel2_l2a"], lambda spec, band: 5)
    mask = made.masks["sentinel2_l2a"].clone()
    mask[:, 0, 0, :, 0] = MISSING
    images = replace(OPTICAL, scale=lambda values: values + 100).images(
        replace(made, masks={"sentinel2_l2a": mask}), torch.tensor([0]), torch.tensor([0]), normalize=True
    )
    assert images[0, :, 0, 0].tolist() == [105.0, 0.0, 105.0]


def test_values_that_the_benchmark_normalised_are_not_scaled_again(batch):
    doubled = {"sentinel2_l2a": replace(OPTICAL, scale=lambda values: values * 2)}
    made = batch(["sentinel2_l2a"], lambda spec, band: 1)
    assert embedder(sensors=doubled).embed(made, Wish(4)).unique().tolist() == [2.0]
    assert embedder(sensors=doubled).embed(made, Wish(4, normalize=False)).unique().tolist() == [1.0]


def test_modalities_go_through_together_only_where_both_are_seen(batch):
    made = batch(["sentinel2_l2a", "sentinel1"], lambda spec, band: 1 if spec.name == "sentinel1" else 10, size=1)
    _, rubbish = hidden(made, "sentinel1", 0, 1)
    seen = []

    def network(images, dates):
        seen.append((tuple(images), len(dates)))
        return echo(images, dates)

    features = embedder(fused=True, network=network).embed(rubbish, Wish(4))
    assert sorted(seen) == [(("sentinel2_l2a",), 1), (("sentinel2_l2a", "sentinel1"), 2)]
    assert features[0].tolist() == pytest.approx([(11 + 10 + 11) / 3] * 3)


def test_modalities_apart_count_the_same_however_many_dates_they_have(batch):
    made = batch(["sentinel2_l2a", "sentinel1"], lambda spec, band: 1 if spec.name == "sentinel1" else 10, size=1)
    _, rubbish = hidden(made, "sentinel1", 0, 1)
    assert embedder().embed(rubbish, Wish(4))[0].tolist() == pytest.approx([5.5] * 3)


def test_a_sample_without_any_image_is_refused(batch):
    made = batch(["sentinel2_l2a"], steps=1)
    gone, _ = hidden(made, "sentinel2_l2a", 1, 0)
    with pytest.raises(DataError, match="1 of 2 samples have no visible image"):
        embedder().embed(gone, Wish(4))


def test_a_batch_of_strangers_is_refused(batch):
    with pytest.raises(DataError, match="carry landsat, but the model takes sentinel2_l2a, sentinel1"):
        embedder().embed(batch(["landsat"]), Wish(4))


def test_single_pixels_have_the_smallest_size(batch):
    sides = []

    def network(images, dates):
        sides.extend(values.shape[-1] for values in images.values())
        return echo(images, dates)

    features = embedder(network=network).embed(batch(["sentinel2_l2a"], side=1), Wish(1, pooling="center"))
    assert (set(sides), features.shape) == ({2}, (2, 3))


def test_the_grid_of_the_task_is_kept_whatever_the_grid_of_the_model():
    ramp = torch.arange(8.0).expand(1, 8, 8)[..., None]
    assert grid.regridded(ramp, 16, 16, 4).shape == (1, 4, 4, 1)
    assert grid.regridded(ramp, 16, 16, 4)[0, 0, :, 0].tolist() == [0.5, 2.5, 4.5, 6.5]
    assert grid.pooled(ramp, "center").item() == 4.0
    with pytest.raises(DataError, match="cannot be cut into patches of 5"):
        grid.regridded(ramp, 16, 16, 5)


def test_a_pooling_that_makes_no_sense_is_refused(batch):
    with pytest.raises(ConfigError, match='found "center"'):
        embedder().embed(batch(["sentinel2_l2a"]), Wish(4, grid=True, pooling="center"))


@pytest.mark.parametrize("wish", [Wish(4), Wish(2, grid=True), Wish(4, pooling="max")])
def test_gradients_reach_the_network_so_that_it_can_be_tuned(batch, wish):
    weight = nn.Parameter(torch.ones(3))

    def network(images, dates):
        return Patches(echo(images, dates).grid_NhwD * weight)

    embedder(network=network).embed(batch(["sentinel2_l2a", "sentinel1"]), wish).sum().backward()
    assert weight.grad is not None
    assert weight.grad.abs().min() > 0
