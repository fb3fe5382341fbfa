"""The checks of leaderboards find rows that nobody could look up or compare."""

import pytest

from olmoearth_core.kinds import registry
from olmoearth_core.testing import leaderboards
from olmoearth_core.testing.subject import Subject

GOOD = """
from olmoearth_core.evaluate.results import Row
from olmoearth_core.interfaces.leaderboard import Leaderboard
class Paper:
    name, source = "paper", "a paper"
    def rows(self):
        more = dict(metric="accuracy", primary=True, evaluator="knn", profile="published", source="Table 1")
        return [Row("fields", "theirs", value=0.7, **more), Row("ponds", "theirs", value=0.6, **more)]
    def bounds(self):
        return {("fields", "accuracy"): (0.5, 1.0)}
def paper() -> Leaderboard:
    '''List what a paper says.'''
    return Paper()
"""


def failures(install, module, code):
    install("acme", module, code, olmoearth_leaderboards={"acme.paper.v1": f"{module}:paper"})
    subject = Subject(registry.leaderboards.component("acme.paper.v1"))
    return {check for check in leaderboards.CHECKS if fails(getattr(leaderboards, check), subject)}


def fails(check, subject):
    try:
        check(subject)
    except AssertionError:
        return True
    return False


def test_a_good_leaderboard_passes_everything(install):
    assert failures(install, "board_good", GOOD) == set()


@pytest.mark.parametrize(
    ("module", "change", "check"),
    [
        ("board_rumour", ('"a paper"', '""'), "names_its_source"),
        ("board_nan", ("value=0.6", "value=float('nan')"), "every_row_is_a_finite_number_with_its_source"),
        ("board_table", ('source="Table 1"', 'source=""'), "every_row_is_a_finite_number_with_its_source"),
        ("board_mine", ('"published"', '"default"'), "every_row_is_a_finite_number_with_its_source"),
        ("board_percent", ("value=0.6", "value=60"), "every_metric_is_known"),
        ("board_beauty", ('metric="accuracy"', 'metric="beauty"'), "every_metric_is_known"),
        ("board_twice", ('"ponds"', '"fields"'), "no_score_is_given_twice"),
        ("board_flat", ("(0.5, 1.0)", "(0.5, 0.5)"), "bounds_are_apart"),
    ],
)
def test_a_bad_leaderboard_fails_the_check_of_its_fault(install, module, change, check):
    assert change[0] in GOOD
    assert failures(install, module, GOOD.replace(*change)) == {check}
