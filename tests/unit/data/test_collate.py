"""Acceptance check 29 of the data chapter, the shapes; which tokens are there."""

import numpy as np
import pytest
import torch

from olmoearth_core import lookup
from olmoearth_core.data.collate import batch_of, collate, token_presence
from olmoearth_core.data.sample import Sample
from olmoearth_core.data.tokens import ENCODE, MISSING, Tokenization
from olmoearth_core.errors import DataError


def sample(presence: dict[str, np.ndarray], *, side: int = 8, steps: int = 3) -> Sample:
    specs = lookup.modalities(presence)
    arrays = {s.name: np.zeros(s.array_shape(side, side, steps), np.float32) for s in specs}
    return Sample(arrays, presence, np.zeros((steps, 3), np.int32), np.zeros(2, np.float32))


def there(presence: dict[str, np.ndarray], rule: str, **size: int) -> dict[str, torch.Tensor]:
    _, stacked, _ = collate([sample(presence, **size)])
    return token_presence(stacked, lookup.modalities(presence), Tokenization(), 4, rule)  # type: ignore[arg-type]


YES = np.ones((1, 1, 1, 1), bool)


@pytest.mark.parametrize("rule", ["zero_band", "drop_token"])
def test_token_shapes_follow_the_kind_of_the_modality(rule):
    presence = {
        "sentinel2_l2a": YES, "naip_10": YES, "latlon": np.ones(1, bool), "era5_10": np.ones((1, 1), bool),
        "worldcover": ~YES,
    }  # fmt: skip
    tokens = there(presence, rule)
    assert {name: tuple(t.shape) for name, t in tokens.items()} == {
        "sentinel2_l2a": (1, 2, 2, 3, 3), "naip_10": (1, 2, 2, 1, 1), "latlon": (1, 1), "era5_10": (1, 3, 1),
        "worldcover": (1, 2, 2, 1, 1),
    }  # fmt: skip
    assert not tokens["worldcover"].any()
    assert tokens["naip_10"].all()


def with_hole(*, band: int, rows: slice, columns: slice) -> np.ndarray:
    presence = np.ones((8, 8, 3, 12), bool)
    presence[rows, columns, 0, band] = False
    return presence


def test_drop_token_loses_the_group_of_a_band_missing_at_the_patch_corner():
    tokens = there({"sentinel2_l2a": with_hole(band=5, rows=slice(1), columns=slice(1))}, "drop_token")
    assert (~tokens["sentinel2_l2a"]).nonzero().tolist() == [[0, 0, 0, 0, 1]]


def test_drop_token_looks_at_the_corner_only():
    tokens = there({"sentinel2_l2a": with_hole(band=5, rows=slice(1, 4), columns=slice(1, 4))}, "drop_token")
    assert tokens["sentinel2_l2a"].all()


def test_zero_band_keeps_a_token_that_lacks_a_band():
    tokens = there({"sentinel2_l2a": with_hole(band=5, rows=slice(8), columns=slice(8))}, "zero_band")
    assert tokens["sentinel2_l2a"].all()


@pytest.mark.parametrize(("rows", "kept"), [(2, True), (3, False)])
def test_zero_band_needs_half_of_the_pixels(rows, kept):
    presence = np.ones((8, 8, 1, 1), bool)
    presence[:rows, :4] = False
    tokens = there({"worldcover": presence}, "zero_band")
    assert tokens["worldcover"].ravel().tolist() == [kept, True, True, True]


def test_a_group_without_any_band_is_missing_under_both_rules():
    presence = np.ones((1, 1, 1, 12), bool)
    presence[..., 10:] = False
    for rule in ("zero_band", "drop_token"):
        assert there({"sentinel2_l2a": presence}, rule)["sentinel2_l2a"][0, 0, 0, 0].tolist() == [True, True, False]


def test_compact_presence_means_the_same_as_full_presence():
    drawn = np.random.default_rng(0).random((1, 1, 3, 12)) < 0.7
    full = np.broadcast_to(drawn, (8, 8, 3, 12))
    for rule in ("zero_band", "drop_token"):
        tokens = [there({"sentinel2_l2a": p}, rule)["sentinel2_l2a"] for p in (drawn, full)]
        assert torch.equal(*tokens)


def test_samples_with_different_gaps_are_stacked():
    steps = np.array([True, False, True]).reshape(1, 1, 3, 1)
    _, presence, _ = collate([sample({"sentinel1": YES}), sample({"sentinel1": ~YES}), sample({"sentinel1": steps})])
    assert presence["sentinel1"].shape == (3, 8, 8, 3, 2)
    assert presence["sentinel1"][:, 0, 0, :, 0].tolist() == [[True] * 3, [False] * 3, [True, False, True]]


def test_samples_of_different_size_are_refused():
    with pytest.raises(DataError, match="they cannot be stacked"):
        collate([sample({"sentinel1": YES}), sample({"sentinel1": YES}, side=4)])


def test_a_batch_for_evaluation_shows_what_is_there():
    specs = lookup.modalities(["sentinel1", "worldcover", "srtm"])
    batch = batch_of(
        [sample({"sentinel1": YES, "worldcover": ~YES})], specs, Tokenization(), patch_size=4, band_gap="zero_band"
    )
    assert list(batch.masks) == ["sentinel1", "worldcover"]
    assert batch.masks["sentinel1"].unique().tolist() == [ENCODE]
    assert batch.masks["worldcover"].unique().tolist() == [MISSING]
    assert batch.counts is not None
    assert batch.counts.encode_rows() == (12,)


def test_a_patch_that_does_not_divide_the_crop_is_refused():
    with pytest.raises(DataError, match="8 x 8 pixels cannot be cut into patches of 3 pixels"):
        token_presence({"srtm": torch.ones(1, 8, 8, 1, 1, dtype=torch.bool)}, lookup.modalities(["srtm"]),
                       Tokenization(), 3, "zero_band")  # fmt: skip
