import numpy as np
import pytest
import torch

from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.features import reduce
from olmoearth_core.features.reduce import principal_components


def features(*shape):
    made = torch.randn(*shape, generator=torch.Generator().manual_seed(0))
    return made * torch.arange(1, shape[-1] + 1) + 5


@pytest.mark.parametrize(("shape", "size"), [((40, 6), 3), ((5, 12), 5), ((7, 3, 2, 6), 6)])
def test_components_are_those_of_scikit_learn_up_to_their_sign(shape, size, monkeypatch):
    decomposition = pytest.importorskip("sklearn.decomposition")
    monkeypatch.setattr(reduce, "_BLOCK", 30)
    train = features(*shape)
    ours = principal_components(train, size)
    theirs = decomposition.PCA(size, svd_solver="full").fit(train.flatten(0, -2).double().numpy())
    want = theirs.transform(train.flatten(0, -2).double().numpy())
    got = ours.apply(train).flatten(0, -2).numpy()
    np.testing.assert_allclose(np.abs(got), np.abs(want), atol=1e-4)
    assert ours.explained == pytest.approx(theirs.explained_variance_ratio_.sum(), abs=1e-9)
    assert ours.apply(train).shape == (*shape[:-1], size)


def test_bfloat16_is_accepted_and_returned():
    """Spec §9.1, defect 32."""
    train = features(30, 4).bfloat16()
    reduced = principal_components(train, 2).apply(train)
    assert reduced.dtype == torch.bfloat16
    assert reduced.shape == (30, 2)


def test_more_components_than_rows_or_dimensions_are_refused():
    for shape, size in (((3, 9), 4), ((9, 3), 4), ((9, 3), 0)):
        with pytest.raises(ConfigError, match="at most 3"):
            principal_components(features(*shape), size)


def test_features_without_variance_and_features_that_are_not_finite():
    assert principal_components(torch.ones(5, 3), 2).explained == 0.0
    with pytest.raises(DataError, match="not finite"):
        principal_components(torch.full((5, 3), torch.nan), 2)
