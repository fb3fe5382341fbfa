"""The dense head of the minimal package (spec/model_v1_3.md, check 15)."""

import pytest
import torch

from olmoearth_core.errors import ConfigError
from olmoearth_plugins.heads.unet import UNetDecoder


def test_size_and_names_are_those_of_the_minimal_package():
    head = UNetDecoder(16, 3, 4)
    assert sum(p.numel() for p in head.parameters()) == 7395
    assert [n for n in head.state_dict() if n.endswith("weight")] == [f"decoder.{i}.weight" for i in (0, 3, 6, 8)]


@pytest.mark.parametrize(("patch", "layers"), [(1, 1), (2, 3), (8, 1)])
def test_every_pixel_gets_one_score_per_class(patch, layers):
    scores = UNetDecoder(8, 5, patch, layers)(torch.randn(2, 3, 2, 8))
    assert scores.shape == (2, 5, 3 * patch, 2 * patch)


def test_the_grid_of_tokens_becomes_a_grid_of_pixels():
    assert UNetDecoder(16, 3, 4)(torch.randn(2, 5, 6, 16)).shape == (2, 3, 20, 24)


def test_rows_stay_rows():
    torch.manual_seed(0)
    tokens = torch.zeros(1, 8, 8, 4)
    tokens[0, 7, 0] = 1.0
    head = UNetDecoder(4, 1, 2)
    changed = (head(tokens) - head(torch.zeros_like(tokens)))[0, 0].abs()
    assert changed[10:, :6].sum() > 0
    assert changed[:10].sum() == changed[:, 6:].sum() == 0


@pytest.mark.parametrize("patch", [0, 3, -2])
def test_a_patch_size_that_doubling_cannot_reach_is_refused(patch):
    with pytest.raises(ConfigError, match=f"patch_size {patch} must be a power of two"):
        UNetDecoder(16, 3, patch)
