"""Schedule, heads, losses, target scaling and batches of a probe."""

import pytest
import torch

from olmoearth_core.errors import ConfigError, DataError
from olmoearth_plugins.probes.batches import Feeder, Part, cut, shuffled
from olmoearth_plugins.probes.heads import PatchLinear, head_of
from olmoearth_plugins.probes.losses import dice_and_cross_entropy, masked_mse, objective, slope
from olmoearth_plugins.probes.problem import ALLOWED, Problem, check_type, problem_of
from olmoearth_plugins.probes.schedule import UNSCALED_FLOOR, floor_of, rate
from olmoearth_plugins.probes.targets import fit

NAN = float("nan")


def segmentation(side, pixels, *, width=64, outputs=2):
    return Problem("segmentation", width, outputs, (side, side), (pixels, pixels))


@pytest.mark.parametrize(("epoch", "wanted"), [(0, 0), (2.5, 0.05), (5, 0.1), (27.5, 0.050005), (50, 1e-5)])
def test_the_rate_rises_and_falls_as_published(epoch, wanted):
    """Acceptance check 23."""
    assert rate(epoch, epochs=50, peak=0.1, floor=UNSCALED_FLOOR) == pytest.approx(wanted, abs=1e-9)


def test_a_small_peak_never_rises_to_its_floor():
    assert floor_of(1e-6) < 1e-6
    assert floor_of(0.1) == UNSCALED_FLOOR


def test_outputs_of_a_patch_are_ordered_class_row_column():
    """Acceptance check 24."""
    head = PatchLinear(segmentation(1, 2, width=3))
    with torch.no_grad():
        head.linear.weight.zero_()
        head.linear.bias.copy_(torch.arange(8.0))
    assert head(torch.ones(1, 1, 1, 3))[0].tolist() == [[[0, 1], [2, 3]], [[4, 5], [6, 7]]]


@pytest.mark.parametrize(
    ("pixels", "side", "wanted", "fits"), [(64, 16, 4, True), (80, 16, 5, True), (64, 15, 4, False)]
)
def test_pixels_per_patch_and_the_resize_of_what_does_not_fit(pixels, side, wanted, fits):
    """Acceptance check 25."""
    problem = segmentation(side, pixels)
    assert (problem.per_patch, problem.fits) == (wanted, fits)
    assert head_of("linear", problem)(torch.ones(1, side, side, 64)).shape == (1, 2, pixels, pixels)


def test_dice_mse_and_target_scaling_have_the_published_values():
    """Acceptance check 26."""
    logits = 2 * torch.nn.functional.one_hot(torch.tensor([[[0, 1], [1, 0]]]), 2).permute(0, 3, 1, 2).float()
    assert float(dice_and_cross_entropy(logits, torch.tensor([[[0, 1], [1, -1]]]))) == pytest.approx(0.227783, abs=1e-6)
    assert float(masked_mse(torch.tensor([1.0, 2.0]), torch.tensor([0.0, NAN]))) == 1
    scaling = fit(torch.tensor([1.0, 3.0, NAN]))
    assert (scaling.mean, scaling.std) == (2.0, pytest.approx(2**0.5))


@pytest.mark.parametrize("kind", ["linear", "interpolate_linear", "bilinear_conv"])
@pytest.mark.parametrize(("side", "pixels"), [(4, 16), (3, 10), (4, 4)])
def test_the_quick_order_gives_the_same_numbers(kind, side, pixels):
    torch.manual_seed(0)
    problem = segmentation(side, pixels, outputs=3)
    head, features = head_of(kind, problem), torch.randn(5, side, side, 64)
    labels = torch.arange(5 * pixels * pixels).view(5, pixels, pixels)
    order, quick = head.arrange(labels), head.quick(features).movedim(1, -1)
    plain = head(features).movedim(1, -1).reshape(-1, 3)
    torch.testing.assert_close(quick.reshape(-1, 3), plain[order.flatten()], atol=1e-5, rtol=1e-5)
    samples = head.by_sample(order, 5).flatten(1) // pixels**2
    assert torch.equal(samples, torch.arange(5)[:, None].expand_as(samples))


def test_attention_shares_sum_to_one_per_patch():
    torch.manual_seed(0)
    head = head_of("attnpool", segmentation(2, 4, width=128))
    head.counting = True
    assert head(torch.randn(3, 2, 2, 5, 128)).shape == (3, 2, 4, 4)
    assert float(head.attention.sum()) / head.patches == pytest.approx(1, abs=1e-5)
    with pytest.raises(ConfigError, match="multiple of 64"):
        head_of("attnpool", segmentation(2, 4, width=100))


def test_a_probe_that_cannot_answer_is_refused_by_name():
    for kind, tasks in ALLOWED.items():
        for task in ("classification", "multilabel", "segmentation", "regression", "scalar_regression"):
            if task not in tasks:
                with pytest.raises(ConfigError, match=kind):
                    check_type(kind, task)


def test_shapes_that_do_not_belong_together_are_refused():
    with pytest.raises(DataError, match="5 samples"):
        problem_of("classification", (5, 8), (4,), 3)
    with pytest.raises(DataError, match="columns"):
        problem_of("multilabel", (5, 8), (5, 2), 3)
    with pytest.raises(DataError, match="expected"):
        problem_of("segmentation", (5, 8), (5, 4, 4), 3)


def test_a_last_batch_of_one_joins_the_batch_before_it():
    assert cut(9, 4) == [0, 4, 9]
    assert cut(10, 4) == [0, 4, 8, 10]
    assert cut(1, 4) == [0, 1]


def test_batches_repeat_by_seed_and_cover_every_row():
    rows = torch.arange(3, 20)
    first, again = ([*shuffled(rows, 4, torch.Generator().manual_seed(1))] for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert torch.equal(torch.cat(first).sort().values, rows)


def test_rows_are_gathered_into_the_same_buffer():
    features = torch.randn(9, 2, 2, 3)
    feeder = Feeder(features, most=4, device="cpu")
    taken = feeder.take(torch.tensor([1, 5]))
    assert torch.equal(taken, features[[1, 5]])
    assert feeder.take(torch.tensor([2])).data_ptr() == taken.data_ptr()


def test_samples_without_any_label_are_left_out():
    labels = torch.full((3, 2, 2), -1)
    labels[1, 0, 0] = 0
    part = Part(torch.zeros(3, 1, 1, 4), labels, torch.arange(3))
    assert part.labelled(segmentation(1, 2)).rows.tolist() == [1]


def test_rows_of_another_type_are_converted_piece_by_piece():
    features = torch.randn(9, 400, 400)
    feeder = Feeder(features, most=5, device="cpu", dtype=torch.bfloat16)
    assert 1 == feeder.piece < 5
    rows = torch.tensor([8, 0, 3, 3])
    assert torch.equal(feeder.take(rows), features[rows].bfloat16())


@pytest.mark.parametrize(("task", "dice"), [("segmentation", False), ("segmentation", True), ("regression", False)])
@pytest.mark.parametrize("known", [True, False])
def test_the_slope_written_out_is_that_of_the_graph(task, dice, known):
    generator = torch.Generator().manual_seed(0)
    problem = Problem(task, 4, 3 if task == "segmentation" else 1, (2, 2), (4, 4))
    out = torch.randn(5, *([3] if task == "segmentation" else []), 4, 4, generator=generator).requires_grad_()
    if task == "segmentation":
        labels = torch.randint(-1, 3, (5, 4, 4), generator=generator)
    else:
        labels = torch.randn(5, 4, 4, generator=generator)
        labels[::2, 0] = NAN
    if not known:
        labels = torch.full_like(labels, -1 if task == "segmentation" else NAN)
    found = slope(problem, dice=dice)(out.detach(), labels)
    if known:
        (wanted,) = torch.autograd.grad(objective(problem, dice=dice)(out, labels), out)
        torch.testing.assert_close(found, wanted)
    elif not dice:
        assert not found.any()
