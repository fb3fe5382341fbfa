"""From tokens to features: by hand, against plain loops, and against the reference's rules (spec/model.md 7)."""

import pytest
import torch

from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.features.pooling import pool_all, pool_grid
from olmoearth_core.interfaces.loss import Tokens
from olmoearth_plugins.poolings.attention import attention
from olmoearth_plugins.poolings.band_sets import band_sets
from olmoearth_plugins.poolings.max import maximum
from olmoearth_plugins.poolings.mean import mean

ALL = [mean(scope="grid"), mean(), mean(scope="modality"), maximum(), maximum(scope="grid"), band_sets()]


def by_hand():
    """The example of the specification: one patch; optical (1,2) seen, (3,6) hidden; a map (10,10) seen."""
    optical = torch.tensor([[1.0, 2], [3, 6]]).view(1, 1, 1, 2, 1, 2)
    chart = torch.tensor([10.0, 10]).view(1, 1, 1, 1, 1, 2)
    masks = {"optical": torch.tensor([0, 2]).view(1, 1, 1, 2, 1), "chart": torch.zeros(1, 1, 1, 1, 1)}
    return Tokens({"optical": optical, "chart": chart}, masks)


def random_tokens(samples=3, seed=0):
    draw = torch.Generator().manual_seed(seed)
    shapes = {"optical": (2, 3, 4, 2), "chart": (2, 3, 1, 1), "series": (4, 1), "place": (1,)}
    tokens = {n: torch.randn(samples, *s, 8, generator=draw) for n, s in shapes.items()}
    masks = {n: torch.randint(0, 4, (samples, *s), generator=draw) for n, s in shapes.items()}
    return Tokens(tokens, masks)


def rows(tokens, index):
    return Tokens({n: t[index] for n, t in tokens.tokens.items()}, {n: m[index] for n, m in tokens.masks.items()})


def test_the_example_of_the_specification():
    tokens = by_hand()
    assert mean()(tokens).tolist() == [[5.5, 6]]
    assert mean(scope="grid")(tokens).flatten().tolist() == [5.5, 6]
    assert maximum()(tokens).tolist() == [[10, 10]]
    assert maximum(scope="grid")(tokens).flatten().tolist() == [10, 10]
    assert mean(scope="modality")(tokens).flatten().tolist() == [1, 2, 10, 10]
    assert band_sets()(tokens).flatten().tolist() == [1, 2, 10, 10]


def test_means_equal_those_of_the_frame():
    tokens = random_tokens()
    torch.testing.assert_close(mean()(tokens), pool_all(tokens))
    torch.testing.assert_close(mean(scope="grid")(tokens), pool_grid(tokens))


@pytest.mark.parametrize("pooling", [*ALL, attention(width=8, num_heads=2), attention(width=8, scope="grid")])
def test_neither_hidden_values_nor_batch_mates_matter(pooling):
    tokens = random_tokens()
    together = pooling(tokens)
    noisy = Tokens({n: t + 1e3 * (tokens.masks[n] != 0)[..., None] for n, t in tokens.tokens.items()}, tokens.masks)
    torch.testing.assert_close(pooling(noisy), together)
    for i in range(3):
        torch.testing.assert_close(pooling(rows(tokens, slice(i, i + 1)))[0], together[i], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("pooling", [*ALL, attention(width=8), attention(width=8, scope="grid")])
def test_where_nothing_is_visible_the_answer_is_zero(pooling):
    tokens = random_tokens()
    for mask in tokens.masks.values():
        mask[1] = 3
    out = pooling(tokens)
    assert (out[1] == 0).all()
    assert out.isfinite().all()


def test_the_legacy_grid_counts_absent_modalities_as_zeros():
    tokens = by_hand()
    tokens.masks["chart"] = torch.full((1, 1, 1, 1, 1), 3)
    two = Tokens(
        {n: torch.cat([t, t]) for n, t in tokens.tokens.items()},
        {n: torch.cat([m, m * 0]) for n, m in tokens.masks.items()},
    )
    assert mean(scope="grid")(two)[0].flatten().tolist() == [1, 2]
    assert mean(scope="grid", legacy_grid=True)(two)[0].flatten().tolist() == [0.5, 1]
    assert mean(scope="grid", legacy_grid=True)(rows(two, slice(0, 1)))[0].flatten().tolist() == [1, 2]


def test_attention_pooling_learns_and_counts_its_queries():
    torch.manual_seed(0)
    pooling = attention(width=8, num_heads=2, num_queries=3)
    pooling(random_tokens()).square().sum().backward()
    assert pooling.query_tokens.shape == (3, 8)
    assert all(p.grad.abs().sum() > 0 for p in pooling.parameters())


@pytest.mark.parametrize("options", [{"width": 9, "num_heads": 2}, {"width": 8, "num_queries": 0}])
def test_attention_pooling_refuses_what_cannot_be_built(options):
    with pytest.raises(ConfigError, match="attention pooling"):
        attention(**options)


@pytest.mark.parametrize("pooling", [mean(scope="grid"), maximum(scope="grid"), band_sets()])
def test_a_grid_needs_rows_and_columns(pooling):
    tokens = random_tokens()
    with pytest.raises(DataError, match="needs a modality with rows and columns"):
        pooling(Tokens({"place": tokens.tokens["place"]}, {"place": tokens.masks["place"]}))
