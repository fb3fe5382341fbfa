"""The linear probe: numbers of spec/evaluation.md §10, and what it must survive."""

import numpy as np
import pytest
import torch

from olmoearth_core.errors import ConfigError, DataError, TrainingError
from olmoearth_core.interfaces.evaluation import ALL
from olmoearth_core.testing.evaluators import ToyCase
from olmoearth_plugins.evaluators import linear_probe as module
from olmoearth_plugins.evaluators.linear_probe import linear_probe
from olmoearth_plugins.probes.targets import fit

REFERENCE = "reference-2026.07"
SIZES = {"train": 30, "valid": 12, "test": 14}


def seeded(shape, labels, low=0):
    """Draw features and labels split by split as acceptance checks 26a and 26b do."""
    generator = torch.Generator().manual_seed(1)
    vectors, truth = {}, {}
    for split, count in SIZES.items():
        vectors[split] = torch.randn(count, *shape, generator=generator)
        truth[split] = torch.randint(low, 3, (count, *labels), generator=generator).numpy()
    return vectors, truth


def by_name(scores):
    return {(score.split, score.metric): score for score in scores}


def probe(**options):
    return linear_probe(**{"lr": 0.05, "batch_size": 8, "epochs": 10, "eval_interval": 5, **options})


def test_a_seeded_run_of_the_reference_profile_has_the_published_numbers():
    """Acceptance check 26a."""
    case = ToyCase(*seeded((8,), ()), profile=REFERENCE)
    found = by_name(probe(select_best=True, seed=5, bootstrap=4).evaluate(case))
    near = lambda value: pytest.approx(value, abs=1e-5)  # noqa: E731
    assert found["valid", "accuracy"].value == near(0.416667)
    assert found["valid", "macro_f1"].value == near(0.337662)
    test = found["test", "accuracy"]
    assert test.value == near(0.642857)
    assert found["test", "macro_f1"].value == near(0.566667)
    assert found["test", "auroc"].value == near(0.786111)
    assert test.resamples == near((0.571429, 0.857143, 0.714286, 0.642857))
    assert (np.mean(test.resamples), np.std(test.resamples)) == (near(0.696429), near(0.105644))
    assert (test.low, test.high) == (near(0.576786), near(0.846429))


def test_a_seeded_dense_run_of_the_reference_profile_has_the_published_numbers():
    """Acceptance check 26b."""
    vectors, truth = seeded((2, 2, 8), (8, 8), low=-1)
    case = ToyCase(vectors, truth, task_type="segmentation", primary_metric="miou", profile=REFERENCE)
    found = by_name(probe(select_best=True, seed=5, bootstrap=4).evaluate(case))
    near = lambda value: pytest.approx(value, abs=1e-5)  # noqa: E731
    assert found["valid", "miou"].value == near(0.217103)
    assert found["test", "miou"].value == near(0.216066)
    assert found["test", "macro_f1"].value == near(0.353973)
    assert found["test", "miou"].resamples == near((0.204461, 0.211685, 0.204504, 0.221415))


def separable(task_type="classification", **facts):
    """Features that hold the label, with noise."""
    generator = torch.Generator().manual_seed(0)
    vectors, truth = {}, {}
    for split, count in {"train": 61, "valid": 30, "test": 30}.items():
        label = torch.arange(count) % 3
        vectors[split] = torch.nn.functional.one_hot(label, 3).float() + 0.1 * torch.randn(
            count, 3, generator=generator
        )
        truth[split] = label.numpy()
    return ToyCase(vectors, truth, task_type=task_type, **facts)


def test_labels_that_features_hold_are_read_off_and_scored_with_an_interval():
    found = by_name(probe(epochs=50, eval_interval=50).evaluate(separable()))
    score = found["test", "accuracy"]
    assert score.value > 0.95
    assert score.low <= score.value <= score.high
    assert score.interval == "bootstrap"
    assert len(score.resamples) == 1000


def hard():
    """Features that say little."""
    case = separable()
    case.vectors = {split: rows + torch.randn(rows.shape, generator=torch.Generator().manual_seed(3))
                    for split, rows in case.vectors.items()}  # fmt: skip
    return case


def test_numbers_do_not_depend_on_the_global_random_state_and_leave_it_alone():
    results = []
    for state in (1, 2):
        torch.manual_seed(state)
        expected = torch.get_rng_state()
        results.append([(s.metric, s.value) for s in probe(seed=7, epochs=3).evaluate(hard())])
        assert torch.equal(torch.get_rng_state(), expected)
    assert results[0] == results[1]
    other = [(s.metric, s.value) for s in probe(seed=8, epochs=3).evaluate(hard())]
    assert other != results[0]


def test_several_seeds_give_their_mean_and_one_value_each():
    scores = by_name(probe(seeds=3, epochs=2).evaluate(separable()))
    score = scores["test", "accuracy"]
    assert len(score.seeds) == 3
    assert score.value == pytest.approx(np.mean(score.seeds))


def test_the_test_split_is_not_touched_in_training():
    assert {score.split for score in probe(epochs=2).evaluate(separable(test=False))} == {"valid"}


def test_several_labels_per_sample_are_learnt():
    case = separable("multilabel", primary_metric="f1")
    case.truth = {s: np.stack([t == 0, t != 1, t == 2], 1).astype(np.int64) for s, t in case.truth.items()}
    assert by_name(probe(epochs=80, eval_interval=80, lr=0.1).evaluate(case))["test", "f1"].value > 0.95
    case.profile = REFERENCE
    with pytest.raises(ConfigError, match="several labels"):
        probe().evaluate(case)


@pytest.mark.parametrize("probe_type", ["linear", "bilinear_conv"])
def test_unknown_numbers_neither_train_nor_count(probe_type):
    generator = torch.Generator().manual_seed(0)
    vectors, truth = {}, {}
    for split in SIZES:
        grid = torch.randn(20, 2, 2, 4, generator=generator)
        vectors[split] = grid
        truth[split] = (1000 + 50 * grid[..., 0]).repeat_interleave(2, 1).repeat_interleave(2, 2).numpy().copy()
        truth[split][::3] = np.nan
        truth[split][1, 0] = np.nan
    case = ToyCase(vectors, truth, task_type="regression", classes=(), primary_metric="r2")
    found = by_name(probe(probe_type=probe_type, epochs=60, eval_interval=60).evaluate(case))
    assert found["test", "r2"].value > (0.9 if probe_type == "linear" else 0.3)
    assert found["test", "rmse"].value < 50


def test_the_reference_profile_answers_numbers_per_pixel_with_another_head():
    """Spec section 3.2: linear is replaced by bilinear_conv there, and only there."""
    generator = torch.Generator().manual_seed(0)
    vectors = {split: torch.randn(9, 2, 2, 4, generator=generator) for split in SIZES}
    truth = {split: torch.randn(9, 4, 4, generator=generator).numpy() for split in SIZES}
    same = {}
    for profile in ("default", REFERENCE):
        case = ToyCase(vectors, truth, task_type="regression", classes=(), primary_metric="r2", profile=profile)
        one, other = (by_name(probe(probe_type=kind).evaluate(case)) for kind in ("linear", "bilinear_conv"))
        same[profile] = one["test", "r2"].value == other["test", "r2"].value
    assert same == {"default": False, REFERENCE: True}


def test_one_number_per_sample_is_learnt():
    case = separable("scalar_regression", classes=(), primary_metric="rmse")
    case.truth = {s: (300 + 10 * v[:, 0].numpy()).astype(np.float32) for s, v in case.vectors.items()}
    assert by_name(probe(epochs=60, eval_interval=60).evaluate(case))["test", "rmse"].value < 3


def test_batches_of_one_and_samples_without_labels_do_no_harm():
    """Defects 27 and 30 of spec section 9.1."""
    case = separable()
    case.truth["train"][:8] = -1
    probe(batch_size=52, epochs=2).evaluate(case)
    dense = {s: torch.randn(5, 2, 2, 4) for s in SIZES}
    truth = {s: np.full((5, 4, 4), -1) for s in SIZES}
    for part in truth.values():
        part[0] = 1
    found = by_name(probe(epochs=2, batch_size=2).evaluate(
        ToyCase(dense, truth, task_type="segmentation", primary_metric="miou")))  # fmt: skip
    assert np.isfinite(found["test", "miou"].value)


def test_spatial_blocks_are_cut_where_the_benchmark_has_no_splits():
    case = separable()
    one = ToyCase(
        {ALL: case.vectors["train"]}, {ALL: case.truth["train"]}, {ALL: [f"block {i // 6}" for i in range(61)]}
    )
    for best in (False, True):
        score = by_name(probe(epochs=20, eval_interval=10, select_best=best).evaluate(one))[ALL, "accuracy"]
        assert (len(score.seeds), score.interval) == (5, "splits")
        assert score.value > 0.8


def test_attention_over_band_groups_finds_the_group_that_knows():
    generator = torch.Generator().manual_seed(0)
    vectors, grouped, truth = {}, {}, {}
    for split in SIZES:
        label = torch.randint(0, 2, (24, 2, 2), generator=generator)
        groups = 0.1 * torch.randn(24, 2, 2, 3, 64, generator=generator)
        groups[..., 1, :2] += 4 * torch.nn.functional.one_hot(label, 2).float()
        vectors[split], grouped[split], truth[split] = groups.mean(3), groups, label.numpy()
    case = ToyCase(vectors, truth, task_type="segmentation", classes=("a", "b"), primary_metric="miou", grouped=grouped)
    found = by_name(probe(probe_type="attnpool", epochs=30, eval_interval=30, lr=0.01).evaluate(case))
    attention = found["test", "miou"].details["attention"]
    assert len(attention) == 3
    assert sum(attention) == pytest.approx(1, abs=5e-3)
    assert found["test", "miou"].value > 0.9


def test_features_in_a_file_are_never_copied_whole(tmp_path):
    """A tensor that counts what is taken of it: batches only."""
    values = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.float32, (40, 2, 2, 8))
    values[:] = np.random.default_rng(0).normal(size=values.shape)
    features = torch.from_numpy(np.load(tmp_path / "x.npy", mmap_mode="c"))
    taken = []
    select = torch.index_select

    def counting(source, *args, **options):
        if source is features:
            taken.append(len(args[1]))
        return select(source, *args, **options)

    truth = {s: np.random.default_rng(1).integers(0, 3, (40, 4, 4)) for s in SIZES}
    case = ToyCase(dict.fromkeys(SIZES, features), truth, task_type="segmentation", primary_metric="miou")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "index_select", counting)
        probe(epochs=1, batch_size=8).evaluate(case)
    assert taken
    assert max(taken) <= 32


def test_what_cannot_be_is_refused():
    with pytest.raises(ConfigError, match="probe_type"):
        linear_probe(probe_type="attn_pool")
    with pytest.raises(ConfigError, match="lr must be above 0"):
        linear_probe(lr=0)
    with pytest.raises(ConfigError, match="cannot answer a classification task"):
        probe(probe_type="attnpool").evaluate(separable())
    with pytest.raises(ConfigError, match="precision"):
        probe(precision="half").evaluate(separable())
    case = separable()
    case.vectors["train"][0] = float("nan")
    with pytest.raises(TrainingError, match="Lower lr"):
        probe(epochs=2).evaluate(case)
    with pytest.raises(ConfigError, match="dice is a loss of segmentation"):
        probe(dice=True).evaluate(separable())


def test_labels_that_are_no_class_are_refused_by_split():
    for strange in (3, -2):
        case = separable()
        case.truth["train"][0] = strange
        with pytest.raises(DataError, match="train: labels run from"):
            probe().evaluate(case)
    case = separable("multilabel", primary_metric="f1")
    case.truth = {s: np.stack([t == 0, t != 1, t == 2], 1).astype(np.int64) for s, t in case.truth.items()}
    case.truth["train"][0, 0] = -1
    with pytest.raises(DataError, match=r"expected 0 \.\.\. 1"):
        probe().evaluate(case)


@pytest.mark.parametrize("profile", ["default", REFERENCE])
def test_without_a_labelled_training_sample_there_is_nothing_to_learn(profile):
    case = separable(profile=profile)
    case.truth["train"][:] = -1
    with pytest.raises(DataError, match="none of 61 samples has a label"):
        probe().evaluate(case)


def test_splits_of_different_shapes_are_refused():
    case = separable()
    case.vectors["test"] = torch.zeros(30, 4)
    with pytest.raises(DataError, match="test has"):
        probe().evaluate(case)


def test_numbers_are_scaled_by_training_labels_alone(monkeypatch):
    """Blocks that are tested must not be known beforehand."""
    fitted = []
    monkeypatch.setattr(module, "fit", lambda labels: fitted.append(labels) or fit(labels))
    features = torch.randn(60, 3, generator=torch.Generator().manual_seed(0))
    case = ToyCase({ALL: features}, {ALL: features[:, 0].numpy()}, {ALL: [f"block {i // 6}" for i in range(60)]},
                   task_type="scalar_regression", classes=(), primary_metric="mae")  # fmt: skip
    assert max(by_name(probe(epochs=60, eval_interval=60).evaluate(case))[ALL, "mae"].seeds) < 0.5
    assert [len(labels) for labels in fitted] == [42] * 5


@pytest.mark.parametrize("select_best", [False, True])
def test_the_best_epoch_is_the_one_that_is_scored(select_best):
    """Training longer spoils nothing where the best epoch is kept: defect 6 of spec section 9.1."""
    case = hard()
    scores = [by_name(probe(epochs=7, eval_interval=n, select_best=select_best).evaluate(case)) for n in (1, 3, 7)]
    valid = [score["valid", "accuracy"] for score in scores]
    if select_best:
        assert valid[0].value >= valid[1].value >= valid[2].value
    else:
        # How often it is looked at does not change what is trained: defect 5.
        assert valid[0].value == valid[1].value == valid[2].value
        assert scores[0]["test", "auroc"].value == scores[2]["test", "auroc"].value
