"""Embeddings of batches: what is absent, what is hidden and who sits beside whom in a batch never tells."""

from dataclasses import replace

import pytest
import torch

from olmoearth_core import Batch, embed
from olmoearth_core.data.normalize import bounds
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.features.pooling import max_all, max_grid
from olmoearth_core.interfaces.loss import Tokens
from olmoearth_core.models.prepare import prepare


def changed(batch, name, at, value):
    array = batch.arrays[name].clone()
    array[at] = value
    return replace(batch, arrays={**batch.arrays, name: array})


def normalised(batch, card):
    arrays = {}
    for spec in card.specs:
        if spec.name in batch.arrays:
            low, high = (torch.from_numpy(edge).float() for edge in bounds(spec))
            arrays[spec.name] = (batch.arrays[spec.name] - low) * (1 / (high - low))
    return replace(batch, arrays=arrays)


def test_raw_values_are_normalised_by_the_card(small, batch):
    ready = normalised(batch, small.card)
    assert torch.allclose(embed(small, batch), embed(small, ready, normalize=False), atol=1e-5)
    assert embed(small, batch).shape == (2, 16)
    assert embed(small, batch, spatial=True).shape == (2, 2, 2, 16)
    assert embed(small, batch, spatial=True, patch_size=8).shape == (2, 1, 1, 16)


def test_the_mean_of_a_sample_is_that_of_its_tokens(small, batch):
    with torch.no_grad():
        tokens = small.encoder(prepare(batch, small.card, patch_size=4, normalize=True), patch_size=4).tokens
    whole = torch.cat([part.flatten(1, -2) for part in tokens.values()], dim=1)
    assert torch.allclose(embed(small, batch), whole.mean(1), atol=1e-6)
    assert torch.allclose(embed(small, batch, pooling="max"), whole.amax(1), atol=1e-6)


def test_batch_size_and_batch_mates_change_nothing(small, batch):
    together = embed(small, batch, spatial=True)
    assert torch.allclose(embed(small, batch, spatial=True, batch_size=1), together, atol=1e-5)
    gap = changed(batch, "sentinel1", 1, torch.nan)
    assert torch.allclose(embed(small, gap, spatial=True)[:1], together[:1], atol=1e-5)


@pytest.mark.parametrize("nothing", [torch.nan, -99999.0, torch.inf])
def test_a_date_without_values_is_as_good_as_none(small, batch, nothing):
    alone = Batch({"sentinel2_l2a": batch.arrays["sentinel2_l2a"]}, {}, batch.timestamps)
    kept = torch.tensor([0, 1])
    fewer = Batch({"sentinel2_l2a": alone.arrays["sentinel2_l2a"][:, :, :, kept]}, {}, batch.timestamps[:, kept])
    last = changed(alone, "sentinel2_l2a", (slice(None), slice(None), slice(None), 2), nothing)
    assert torch.allclose(embed(small, last), embed(small, fewer), atol=1e-5)
    assert not torch.allclose(embed(small, alone), embed(small, fewer), atol=1e-5)


def test_a_pixel_is_absent_when_all_its_bands_are_nodata_and_not_when_one_is(small, batch):
    def tokens(at):
        whole = changed(batch, "sentinel2_l2a", at, 0.0)
        return prepare(whole, small.card, patch_size=8, normalize=True).masks["sentinel2_l2a"]

    every = slice(None)
    assert (tokens((0, every, every, 0)) == 3).sum() == 3  # one patch, one date, three band groups
    assert (tokens((0, every, every, 0, 2)) == 3).sum() == 0


def test_absent_bands_follow_the_card(make, batch):
    every = slice(None)
    gap = changed(batch, "sentinel2_l2a", (every, every, every, every, 0), torch.nan)

    def missing(**card):
        ready = prepare(gap, make(**card).card, patch_size=8, normalize=True)
        return (ready.masks["sentinel2_l2a"] == 3).flatten(0, -2).all(0).tolist(), ready.arrays["sentinel2_l2a"]

    dropped, values = missing(band_gap="drop_token")
    assert dropped == [True, False, False]
    assert values[..., 0].abs().max() == 0
    assert missing(band_gap="zero_band")[0] == [False, False, False]
    filled = missing(band_gap="drop_token", fill="nearest_band")
    assert filled[0] == [False, False, False]
    assert filled[1][..., 0].abs().max() > 0


def test_what_masks_hide_stays_hidden_in_each_of_their_forms(small, batch):
    groups = torch.zeros(2, 8, 8, 3, 3, dtype=torch.int8)
    groups[:, :, :, 1] = 2
    forms = [
        groups, groups[:, ::4, ::4], groups[..., 0], groups[..., :1].expand(2, 8, 8, 3, 12), groups.double(),
    ]  # fmt: skip
    found = [embed(small, replace(batch, masks={"sentinel2_l2a": form})) for form in forms]
    assert all(torch.equal(found[0], other) for other in found[1:])
    assert not torch.allclose(found[0], embed(small, batch), atol=1e-5)


def test_a_sample_without_anything_is_zero_and_finite(small, batch):
    nothing = changed(changed(batch, "sentinel1", 0, torch.nan), "sentinel2_l2a", 0, torch.nan)
    for pooling in ("mean", "max"):
        assert embed(small, nothing, pooling=pooling)[0].tolist() == [0.0] * 16
        assert embed(small, nothing, pooling=pooling, spatial=True)[0].abs().max() == 0


def test_the_largest_visible_value_counts_and_hidden_ones_do_not():
    values = {
        "optical": torch.tensor([1.0, 9.0]).view(1, 1, 1, 2, 1, 1),
        "radar": torch.tensor(3.0).view(1, 1, 1, 1, 1, 1),
    }
    masks = {"optical": torch.tensor([0, 2]).view(1, 1, 1, 2, 1), "radar": torch.zeros(1, 1, 1, 1, 1)}
    assert max_all(Tokens(values, masks)).item() == max_grid(Tokens(values, masks)).item() == 3.0
    with pytest.raises(DataError, match="spatial modality"):
        max_grid(Tokens({"weather": torch.ones(1, 3, 1, 2)}, {"weather": torch.zeros(1, 3, 1)}))


def test_a_pooling_component_decides_what_comes_out(small, batch):
    def last_of_radar(tokens):
        return tokens.tokens["sentinel1"][:, 0, 0, -1, 0]

    assert embed(small, batch, pooling=last_of_radar).shape == (2, 16)


def test_the_model_is_afterwards_as_it_was(small, batch):
    small.train()
    assert not embed(small, batch).requires_grad
    assert small.encoder.training
    assert not small.target_encoder.training


def test_names_in_any_case_and_maps_without_a_time_axis_are_taken(small, batch):
    upper = replace(batch, arrays={name.upper(): array for name, array in batch.arrays.items()})
    assert torch.equal(embed(small, upper), embed(small, batch))
    land = Batch({"worldcover": torch.full((1, 8, 8, 1), 50.0)}, {}, batch.timestamps[:1])
    assert embed(small, land).shape == (1, 16)


WRONG = {
    "modality": (
        lambda b: {"sentinel2": b.arrays["sentinel2_l2a"]},
        r"sentinel2: not a modality of small.*Did you mean",
    ),
    "bands": (
        lambda b: {"sentinel1": b.arrays["sentinel1"][..., :1]},
        r"sentinel1: the array has shape \(2, 8, 8, 3, 1\), expected 5 axes \[B,H,W,T,C\], .* 2 bands in the order vv",
    ),
    "steps": (lambda b: {"sentinel1": b.arrays["sentinel1"][:, :, :, :2]}, "2 time steps, the timestamps 3"),
    "patches": (lambda b: {"sentinel1": b.arrays["sentinel1"][:, :6]}, "6 x 8 pixels cannot be cut into patches of 4"),
}


@pytest.mark.parametrize("fault", WRONG)
def test_what_cannot_be_taken_is_told_with_what_can(small, batch, fault):
    arrays, message = WRONG[fault]
    with pytest.raises(DataError, match=message):
        embed(small, replace(batch, arrays=arrays(batch)))


def test_wrong_settings_are_told(small, batch):
    with pytest.raises(DataError, match="patch size 9 was asked for, but this encoder takes 1 to 8"):
        embed(small, replace(batch, arrays={"sentinel1": torch.zeros(2, 9, 9, 3, 2)}), patch_size=9)
    with pytest.raises(ConfigError, match='found "avg", expected one of mean, max'):
        embed(small, batch, pooling="avg")
    with pytest.raises(DataError, match=r"the mask has shape \(2, 3\), expected \(2, 2, 2, 3, 1\)"):
        embed(small, replace(batch, masks={"sentinel1": torch.zeros(2, 3, dtype=torch.int8)}))
    with pytest.raises(DataError, match="found a list, expected a Batch"):
        embed(small, [batch])
