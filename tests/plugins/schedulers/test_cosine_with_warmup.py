"""The learning rate of the official runs, to the last digit (acceptance checks 28 and 28a)."""

import json
from pathlib import Path

import pytest

from olmoearth_core.errors import ConfigError
from olmoearth_plugins.schedulers.cosine_with_warmup import cosine_with_warmup

GOLDEN = Path(__file__).parents[2] / "golden" / "olmoearth.cosine_with_warmup.v1.json"


@pytest.mark.parametrize("case", json.loads(GOLDEN.read_text())["cases"], ids=lambda c: f"{c['settings']}@{c['step']}")
def test_golden_rates_stay(case):
    rate = cosine_with_warmup(**case["settings"]).lr(case["peak"], case["step"], case["max_steps"])
    assert rate == pytest.approx(case["lr"], rel=2e-6)


@pytest.mark.parametrize(("fraction", "total", "steps"), [(0.0325, 1000, 32), (0.0335, 1000, 34), (0.045, 100, 4)])
def test_a_warmup_fraction_is_rounded_half_to_even(fraction, total, steps):
    schedule = cosine_with_warmup(warmup_fraction=fraction)
    assert schedule.lr(1.0, steps, total) == 1.0
    assert schedule.lr(1.0, steps - 1, total) < 1.0
    assert schedule.lr(1.0, steps - 1, total) == pytest.approx((steps - 1) / steps)


def test_t_max_sets_where_the_floor_begins_and_what_the_fraction_is_of():
    schedule = cosine_with_warmup(warmup_fraction=0.05, t_max=90)
    assert schedule.lr(1.0, 4, 100) == 1.0
    assert schedule.lr(1.0, 89, 100) > 0.1
    assert [schedule.lr(1.0, s, 100) for s in (90, 95, 100)] == pytest.approx([0.1, 0.1, 0.1])


def test_a_warmup_longer_than_the_run_wins():
    assert cosine_with_warmup(warmup_steps=8000).lr(1e-4, 100, 100) == pytest.approx(1e-4 / 80)


def test_the_rise_starts_at_its_minimum():
    assert cosine_with_warmup(warmup_steps=10, warmup_min_lr=0.5).lr(1.0, 5, 100) == pytest.approx(0.75)


@pytest.mark.parametrize(
    "settings", [{}, {"warmup_steps": 1, "warmup_fraction": 0.1}, {"warmup_fraction": 1.5}, {"warmup_steps": -1}]
)
def test_impossible_settings_are_refused(settings):
    with pytest.raises(ConfigError, match="cosine_with_warmup"):
        cosine_with_warmup(**settings)
