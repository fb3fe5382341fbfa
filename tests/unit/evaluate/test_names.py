"""Acceptance check 31: what scores are called in logs."""

import math

from olmoearth_core.evaluate.names import logged
from olmoearth_core.evaluate.results import Row


def row(metric, split, value=0.5, **facts):
    return Row("mados", "trained", metric, value, split=split, **facts)


def test_names_are_those_of_the_reference():
    rows = [
        row("miou", "valid"),
        row("micro_f1", "valid", primary=True, low=0.4, high=0.6, interval="bootstrap"),
        row("miou", "test"),
        row("micro_f1", "test", primary=True),
        row("auroc", "test", math.nan),
    ]
    assert list(logged("mados", rows)) == [
        "eval/mados", "eval/mados_bootstrap_ci_lower", "eval/mados_bootstrap_ci_upper", "eval/test/mados",
        "eval_other/mados/miou", "eval_other/test/mados/miou",
    ]  # fmt: skip


def test_scores_on_blocks_are_called_like_those_on_validation():
    assert logged("cover", [row("miou", "all", primary=True)]) == {"eval/cover": 0.5}
