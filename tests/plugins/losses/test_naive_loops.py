"""Every loss equals what a plain loop over modalities, samples and tokens says, one number after the other."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import smooth_l1_loss

from olmoearth_core.data.sample import Batch, ViewCounts
from olmoearth_core.data.tokens import DECODE, MISSING
from olmoearth_core.interfaces.loss import Pixels, Tokens
from olmoearth_core.kinds import registry

TAU = 0.1
SHAPES = {"optical": (2, 2, 2, 2), "cover": (2, 2, 1, 1), "weather": (3, 1), "place": (1,)}
SAMPLES, WIDTH = 3, 4


def loss(name, **options):
    return getattr(registry, "losses").get(f"olmoearth.{name}.v1")(**options)  # noqa: B009


def batch(seed, share):
    """Predicted and target tokens of four kinds of modalities; few different targets, so that some are equal."""
    random = torch.Generator().manual_seed(seed)
    predicted, target, masks = {}, {}, {}
    for name, shape in SHAPES.items():
        codes = torch.randint(0, 4, (SAMPLES, *shape), generator=random)
        masks[name] = torch.where(torch.rand(SAMPLES, *shape, generator=random) < share, DECODE, codes).to(torch.int8)
        predicted[name] = torch.randn(SAMPLES, *shape, WIDTH, generator=random)
        choices = torch.randn(3, WIDTH, generator=random)
        target[name] = choices[torch.randint(0, 3, (SAMPLES, *shape), generator=random)]
    return Tokens(predicted, masks, ViewCounts.of(masks)), Tokens(target, masks)


def chosen(predicted, target, names, sample):
    """The pairs of one sample that are to be decoded, as lists of numbers."""
    pairs = []
    for name in names:
        x_ND, y_ND = (t.tokens[name][sample].reshape(-1, WIDTH).tolist() for t in (predicted, target))
        codes = predicted.masks[name][sample].flatten().tolist()
        pairs += [(x, y) for x, y, code in zip(x_ND, y_ND, codes, strict=True) if code == DECODE]
    return pairs


def cosine(x, y):
    return sum(a * b for a, b in zip(x, y, strict=True)) / (math.hypot(*x) * math.hypot(*y))


def entropy(pairs, i, keep=lambda i, j: True, factor=lambda i, j: 1.0):
    """2 tau times the cross-entropy of token i picking its own target."""
    own = cosine(pairs[i][0], pairs[i][1]) / TAU
    others = [factor(i, j) * cosine(pairs[i][0], y) / TAU for j, (_, y) in enumerate(pairs) if j != i and keep(i, j)]
    top = max([own, *others])
    return 2 * TAU * (math.log(sum(math.exp(s - top) for s in [own, *others])) + top - own)


def mean(values):
    return sum(values) / len(values) if values else 0.0


def samples_of(predicted, target, names):
    found = [chosen(predicted, target, names, b) for b in range(SAMPLES)]
    return [pairs for pairs in found if pairs]


def per_sample(predicted, target, names, each):
    return mean([mean([each(pairs, i) for i in range(len(pairs))]) for pairs in samples_of(predicted, target, names)])


def patch_discrimination(predicted, target):
    return per_sample(predicted, target, SHAPES, entropy)


def modality_patch_discrimination(predicted, target):
    return sum(per_sample(predicted, target, [name], entropy) for name in SHAPES)


def masked(predicted, target):
    total = 0.0
    for name in SHAPES:
        values = []
        for pairs in samples_of(predicted, target, [name]):

            def other(i, j, pairs=pairs):
                return cosine(pairs[i][1], pairs[j][1]) <= 0.999

            count = range(len(pairs))
            if len(pairs) == 1 or all(any(j != i and other(i, j) for j in count) for i in count):
                values.append(mean([entropy(pairs, i, keep=other) for i in count]))
        total += mean(values)
    return total


def adjusted_patch_discrimination(predicted, target, mu=0.7, sigma=1.0):
    def each(pairs, i):
        raw = [math.exp(-((cosine(pairs[i][0], y) - mu) ** 2) / (2 * sigma**2)) for _, y in pairs]
        average = mean([w for j, w in enumerate(raw) if j != i])
        return entropy(pairs, i, factor=lambda i, j: raw[j] / average)

    return per_sample(predicted, target, SHAPES, each)


def together(predicted, target, names):
    """All tokens of the batch against each other; every sample weighs the same."""
    found = [chosen(predicted, target, names, b) for b in range(SAMPLES)]
    pairs = [pair for sample in found for pair in sample]
    weights = [1 / len(sample) for sample in found for _ in sample]
    return sum(entropy(pairs, i) * w for i, w in enumerate(weights)) / SAMPLES


def all_discrimination(predicted, target):
    return together(predicted, target, SHAPES)


def modality_all_discrimination(predicted, target):
    return sum(together(predicted, target, [name]) for name in SHAPES)


def by_token(compare):
    def value(predicted, target):
        return mean([compare(x, y) for b in range(SAMPLES) for x, y in chosen(predicted, target, SHAPES, b)])

    return value


NAIVE = {
    "patch_discrimination": patch_discrimination,
    "modality_patch_discrimination": modality_patch_discrimination,
    "modality_patch_discrimination_masked_negatives": masked,
    "adjusted_patch_discrimination": adjusted_patch_discrimination,
    "all_discrimination": all_discrimination,
    "modality_all_discrimination": modality_all_discrimination,
    "l1": by_token(lambda x, y: mean([abs(a - b) for a, b in zip(x, y, strict=True)])),
    "l2": by_token(lambda x, y: mean([(a - b) ** 2 for a, b in zip(x, y, strict=True)])),
    "cosine_similarity": by_token(lambda x, y: -cosine(x, y)),
}


@pytest.mark.parametrize("name", list(NAIVE))
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), share=st.floats(0, 1))
def test_a_loop_over_tokens_agrees(name, seed, share):
    predicted, target = batch(seed, share)
    assert float(loss(name)(predicted, target)) == pytest.approx(NAIVE[name](predicted, target), abs=2e-5, rel=1e-5)


@pytest.mark.parametrize("name", list(NAIVE))
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_the_order_of_modalities_does_not_matter(name, seed):
    predicted, target = batch(seed, 0.5)
    turned = [
        Tokens({n: t.tokens[n] for n in reversed(SHAPES)}, {n: t.masks[n] for n in reversed(SHAPES)})
        for t in (predicted, target)
    ]
    assert float(loss(name)(*turned)) == pytest.approx(float(loss(name)(predicted, target)), rel=1e-5, abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), rows=st.integers(1, 5))
def test_a_loop_over_pairs_of_samples_agrees_with_info_nce_and_koleo(seed, rows):
    a_BD, b_BD = torch.randn(2, rows, WIDTH, generator=torch.Generator().manual_seed(seed))
    pairs = list(zip(a_BD.tolist(), b_BD.tolist(), strict=True))
    contrast = mean([entropy(pairs, i) / (2 * TAU) for i in range(rows)])
    assert float(loss("info_nce")(a_BD, b_BD)) == pytest.approx(contrast, abs=2e-5)
    unit = [[v / math.hypot(*x) for v in x] for x, _ in pairs]
    logs = []
    for i, x in enumerate(unit):
        others = [j for j in range(rows) if j != i] or [i]
        nearest = unit[max(others, key=lambda j, x=x: sum(p * q for p, q in zip(x, unit[j], strict=True)))]
        logs.append(math.log(math.hypot(*(p - q + 1e-8 for p, q in zip(x, nearest, strict=True))) + 1e-8))
    assert float(loss("koleo")(a_BD)) == pytest.approx(-0.1 * mean(logs), abs=2e-4)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), only_decode=st.booleans())
def test_a_loop_over_pixels_agrees_with_mae(seed, only_decode):
    random = torch.Generator().manual_seed(seed)
    shape, groups, side = (2, 4, 4, 2, 3), ((0, 2), (1,)), 2
    truth, guess = torch.randn(2, *shape, generator=random)
    mask = torch.randint(0, 4, (2, 2, 2, 2, len(groups)), generator=random).to(torch.int8)
    view = Batch({"optical": truth}, {"optical": mask}, torch.zeros(2, 2, 3, dtype=torch.int32))
    pixels = mask.repeat_interleave(side, 1).repeat_interleave(side, 2)
    values = []
    for place in torch.cartesian_prod(*(torch.arange(n) for n in shape)).tolist():
        group = next(i for i, bands in enumerate(groups) if place[-1] in bands)
        code = int(pixels[(*place[:-1], group)])
        if code == DECODE or (not only_decode and code != MISSING):
            values.append(float(smooth_l1_loss(guess[tuple(place)], truth[tuple(place)], beta=0.1)))
    found = loss("mae", loss_function="SmoothL1Loss", beta=0.1, only_decode=only_decode)(
        Pixels({"optical": guess}, {"optical": pixels}, groups={"optical": groups}), view
    )
    assert float(found) == pytest.approx(mean(values), abs=1e-5)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_loop_over_tokens_agrees_with_cross_entropy(seed):
    random = torch.Generator().manual_seed(seed)
    scores, classes = torch.randn(2, 5, 3, generator=random), torch.randint(0, 3, (2, 5, 1), generator=random)
    mask = torch.randint(0, 4, (2, 5), generator=random).to(torch.int8)
    values = []
    for b in range(2):
        for i in range(5):
            if mask[b, i] == DECODE:
                row = scores[b, i].tolist()
                values.append(math.log(sum(map(math.exp, row))) - row[int(classes[b, i])])
    masks = {"cover": mask}
    found = loss("cross_entropy")(Tokens({"cover": scores}, masks), Tokens({"cover": classes}, masks))
    assert float(found) == pytest.approx(mean(values), abs=1e-5)
