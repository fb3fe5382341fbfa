"""What a schedule must do: be a pure function that never leaves [0, peak]."""

from __future__ import annotations

from math import isfinite

from olmoearth_core.testing.subject import Subject

CHECKS = ("rates_lie_between_zero_and_the_peak", "it_is_a_pure_function_of_the_step", "short_runs_work")
PEAK, STEPS = 0.5, 200


def rates_lie_between_zero_and_the_peak(subject: Subject) -> None:
    """From the first step to the last, and some are above 0."""
    rates = [subject.product.lr(PEAK, step, STEPS) for step in range(1, STEPS + 1)]
    assert all(isfinite(rate) for rate in rates)
    assert min(rates) >= 0, f"lowest rate {min(rates)}"
    assert max(rates) <= PEAK * (1 + 1e-9), f"highest rate {max(rates)} of a peak of {PEAK}"
    assert max(rates) > 0, "all rates are 0"


def it_is_a_pure_function_of_the_step(subject: Subject) -> None:
    """Asked backwards, or of a schedule made anew, it answers the same: a resumed run cannot drift."""
    forwards = [subject.product.lr(PEAK, step, STEPS) for step in range(1, STEPS + 1)]
    other = subject.fresh()
    assert [other.lr(PEAK, step, STEPS) for step in range(STEPS, 0, -1)][::-1] == forwards


def short_runs_work(subject: Subject) -> None:
    """A run of one step, and a step behind the end of a run that was shortened."""
    assert all(isfinite(subject.product.lr(PEAK, step, total)) for step, total in ((1, 1), (1, 2), (STEPS, 10)))
