"""Numbers of spec/evaluation.md §10, check 27."""

import numpy as np
import pytest
import torch

from olmoearth_core.errors import ConfigError
from olmoearth_core.testing.evaluators import ToyCase
from olmoearth_plugins.evaluators.diagnostics import describe, describe_grid, embedding_diagnostics


def test_rank_and_uniformity_of_orthogonal_features():
    """Check 27."""
    found = describe(torch.eye(4))
    assert found["effective_rank"] == pytest.approx(4)
    assert found["uniformity"] == pytest.approx(-4, abs=1e-5)
    assert describe(torch.diag(torch.tensor([3.0, 1])))["effective_rank"] == pytest.approx(1.754765, abs=1e-6)


def test_all_statistics_of_four_features():
    """Check 27."""
    found = describe(torch.tensor([[3.0, 4], [0, 5], [1, 0], [0, 2]]))
    want = {
        "effective_rank": 1.781399, "norm_mean": 3.25, "norm_std": 2.061553, "uniformity": -1.032270,
        "cosine_sim_mean": 0.533333, "cosine_sim_std": 0.432049, "num_samples": 4, "embedding_dim": 2,
    }  # fmt: skip
    assert {name: found[name] for name in want} == pytest.approx(want, abs=1e-5)


def test_too_few_features_leave_out_pairs_or_everything():
    assert describe(torch.ones(1, 3)) == {}
    assert "uniformity" not in describe(torch.eye(3))
    assert describe_grid(torch.ones(1, 2, 2, 3)) == {}


def test_features_that_are_all_zero_give_zeros():
    found = describe(torch.zeros(6, 3))
    assert {value for name, value in found.items() if not name.startswith(("num", "embedding"))} == {0.0}


def test_random_subsets_are_the_same_every_time_and_differ_by_seed():
    """Spec §2.8: the reference draws them unseeded."""
    features = torch.randn(300, 5, generator=torch.Generator().manual_seed(0))
    first, other = (describe(features, pairwise=50, most=60, seed=seed) for seed in (1, 2))
    torch.manual_seed(3)
    assert describe(features, pairwise=50, most=60, seed=1) == first
    assert first["uniformity"] != other["uniformity"]
    assert first["num_samples"] == 300


def test_grids_tell_the_spread_between_images_from_that_within():
    alike = torch.randn(6, 1, 1, 8, generator=torch.Generator().manual_seed(0)).expand(6, 3, 3, 8)
    found = describe_grid(alike)
    assert found["intra_cosine_sim_mean"] == pytest.approx(1, abs=1e-5)
    assert found["intra_norm_std"] == pytest.approx(0, abs=1e-5)
    assert found["inter_cosine_sim_mean"] < 0.9
    assert found["intra_num_patches"] == 9
    assert found["global_num_samples"] == 54


def test_labels_are_not_read_and_scores_are_of_the_training_split():
    features = {"train": torch.eye(5), "valid": torch.eye(5)}
    scores = embedding_diagnostics().evaluate(ToyCase(features, {}))
    assert {score.split for score in scores} == {"train"}
    assert {score.metric: score.value for score in scores}["effective_rank"] == pytest.approx(5)


def test_a_benchmark_that_nobody_divided_is_described_whole():
    case = ToyCase({"all": torch.rand(4, 2, 2, 3)}, {"all": np.zeros((4, 2, 2))}, task_type="segmentation")
    assert {score.split for score in embedding_diagnostics().evaluate(case)} == {"all"}


def test_a_single_sample_cannot_be_asked_for():
    with pytest.raises(ConfigError, match="at least 2"):
        embedding_diagnostics(svd_samples=1)
