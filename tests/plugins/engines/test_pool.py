"""The pool hands out work as it is done, answers each item once, and says what to do when a worker dies."""

from __future__ import annotations

import itertools
import operator
import os
import signal
from functools import partial

import pytest

from olmoearth_core.cli.dataset_engine import engine, full_name
from olmoearth_core.errors import ConfigError, DataError, UnknownComponent
from olmoearth_core.kinds import registry


def pool(**settings):
    return registry.engines.get("olmoearth.pool.v1")(**settings)


@pytest.mark.parametrize("workers", [0, 2])
def test_every_item_is_answered_once(workers):
    assert sorted(pool(workers=workers).run(abs, [-2, 1, 1, *range(20)])) == sorted([2, 1, 1, *range(20)])


@pytest.mark.parametrize(("workers", "most"), [(0, 1), (2, 8)])
def test_items_are_taken_as_they_are_needed(workers, most):
    taken = itertools.count()
    answers = pool(workers=workers).run(abs, (next(taken) for _ in range(10_000)))
    next(answers)
    answers.close()
    assert next(taken) <= most + 1


@pytest.mark.parametrize("workers", [0, 1])
def test_the_error_of_a_job_is_raised_as_it_is(workers):
    with pytest.raises(ZeroDivisionError):
        list(pool(workers=workers).run(partial(operator.floordiv, 1), [1, 0, 1]))


def test_workers_are_replaced_after_so_many_items():
    here = pool(workers=1, max_tasks_per_child=2)
    assert len(set(here.run(_process, range(6)))) == 3


def _process(_: int) -> int:
    return os.getpid()


def test_a_killed_worker_is_an_error_that_says_what_to_do():
    with pytest.raises(DataError, match=r"a worker process was killed.* fewer --workers"):
        list(pool(workers=1).run(partial(_kill), [0]))


def _kill(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("settings", [{"workers": -1}, {"max_tasks_per_child": 0}])
def test_impossible_numbers_are_refused(settings):
    with pytest.raises(ConfigError, match="expected"):
        pool(**settings)


def test_short_names_stand_for_engines():
    assert full_name("pool") == full_name("olmoearth.pool.v1") == "olmoearth.pool.v1"
    assert engine("pool", workers=0, scheduler=None).name == "olmoearth.pool.v1"


def test_options_that_an_engine_lacks_or_needs_are_named():
    with pytest.raises(ConfigError, match=r"--scheduler: olmoearth\.pool\.v1 takes none; it takes workers"):
        engine("pool", workers=0, scheduler="tcp://x:1")
    with pytest.raises(UnknownComponent, match='no engines named "slurm"'):
        engine("slurm")
