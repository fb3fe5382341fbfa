import numpy as np
import pytest
import torch
from torch import nn

from olmoearth_core.data.sample import Sample
from olmoearth_core.data.tokens import Tokenization
from olmoearth_core.errors import DataError
from olmoearth_core.features.embed import Reading, batches, encoder_of, join, resting
from olmoearth_core.features.pooling import pool_all, pool_grid
from olmoearth_core.interfaces.loss import Tokens


def tokens(**parts):
    """Return tokens of one patch: modality=[(vector, mask code), ...] over time."""
    values = {n: torch.tensor([v for v, _ in p]).float().view(1, 1, 1, len(p), 1, -1) for n, p in parts.items()}
    masks = {n: torch.tensor([m for _, m in p]).view(1, 1, 1, len(p), 1) for n, p in parts.items()}
    return Tokens(values, masks)


def test_a_patch_is_the_mean_over_modalities_of_their_visible_tokens():
    both = tokens(optical=[((1, 2), 0), ((3, 6), 2)], map=[((10, 10), 0)])
    assert pool_grid(both).flatten().tolist() == [5.5, 6.0]
    assert pool_all(both).flatten().tolist() == [5.5, 6.0]


def test_pooling_a_patch_weighs_modalities_and_pooling_a_sample_weighs_tokens():
    both = tokens(optical=[((2.0,), 0), ((4.0,), 0)], radar=[((9.0,), 0)])
    assert pool_grid(both).item() == 6.0
    assert pool_all(both).item() == 5.0


def test_a_modality_absent_at_a_position_does_not_count_there():
    values = {"optical": torch.full((1, 1, 2, 1, 1, 1), 4.0), "radar": torch.full((1, 1, 2, 1, 1, 1), 8.0)}
    masks = {"optical": torch.zeros(1, 1, 2, 1, 1), "radar": torch.tensor([0, 3]).view(1, 1, 2, 1, 1)}
    assert pool_grid(Tokens(values, masks)).flatten().tolist() == [6.0, 4.0]


def test_a_position_without_any_token_is_zero_and_finite():
    nothing = tokens(optical=[((7.0, 7.0), 3)])
    assert pool_grid(nothing).tolist() == [[[[0.0, 0.0]]]]
    assert pool_all(nothing).tolist() == [[0.0, 0.0]]


def test_tokens_without_space_cannot_keep_a_grid():
    with pytest.raises(DataError, match="spatial modality"):
        pool_grid(Tokens({"weather": torch.ones(1, 3, 1, 2)}, {"weather": torch.zeros(1, 3, 1)}))


def sample(steps, **shapes):
    arrays = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    presence = {name: np.ones((1, 1, 1, 1), bool) for name in shapes}
    return Sample(arrays, presence, np.zeros((steps, 3), np.int32), np.zeros(2, np.float32))


def test_only_samples_of_equal_shapes_share_a_batch_and_order_is_restored():
    short, long = sample(1, optical=(4, 4, 1, 2)), sample(2, optical=(4, 4, 2, 2))
    reading = Reading([], Tokenization(), patch_size=4, batch_size=2)
    groups = list(batches([short, long, short, short], reading))
    assert groups == [[0, 2], [3], [1]]
    joined = join([(g, torch.tensor(g).float()[:, None]) for g in groups], 4)
    assert joined.flatten().tolist() == [0, 1, 2, 3]


def test_no_samples_and_different_grids_are_refused():
    with pytest.raises(DataError, match="no samples"):
        join([], 0)
    with pytest.raises(DataError, match="one patch grid"):
        join([([0], torch.zeros(1, 2, 2, 3)), ([1], torch.zeros(1, 4, 4, 3))], 2)


def test_resting_gives_every_part_its_own_mode_back_even_after_an_error():
    model = nn.Sequential(nn.Dropout(), nn.Dropout())
    model[1].eval()
    with pytest.raises(ZeroDivisionError), resting(model):
        _ = 1 / int(model[0].training or torch.is_grad_enabled())
    assert model.training
    assert model[0].training
    assert not model[1].training


def test_the_encoder_is_found_inside_a_model_and_inside_a_wrapper():
    inner = nn.Module()
    inner.encoder = nn.Linear(1, 1)
    outer = nn.Module()
    outer.module = inner
    assert encoder_of(inner) is encoder_of(outer) is inner.encoder
    assert encoder_of(inner.encoder) is inner.encoder
