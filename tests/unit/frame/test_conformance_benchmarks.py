"""The checks of benchmarks find what would only show when somebody has the data."""

import pytest

from olmoearth_core.kinds import registry
from olmoearth_core.testing import benchmarks
from olmoearth_core.testing.subject import NotApplicable, Subject

GOOD = """
import os
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.evaluation import About, Benchmark, Download
class Ponds:
    name, task_type, primary_metric, patch_size = "ponds", "segmentation", "miou", 4
    about = About("Ponds", licence="CC0", citation="Pond 2020", variable="ACME_PONDS_DIR", layout="ponds/",
                  downloads=(Download("https://example.org/ponds.zip"),))
    def open(self, specs, *, context):
        if "ACME_PONDS_DIR" not in os.environ:
            raise DataError("set ACME_PONDS_DIR")
def ponds() -> Benchmark:
    '''Find ponds.'''
    return Ponds()
"""


def failures(install, module, code):
    install("acme", module, code, olmoearth_benchmarks={"acme.ponds.v1": f"{module}:ponds"})
    subject = Subject(registry.benchmarks.component("acme.ponds.v1"))
    return {check for check in benchmarks.CHECKS if fails(getattr(benchmarks, check), subject)}


def fails(check, subject):
    try:
        check(subject)
    except AssertionError:
        return True
    return False


def test_a_good_benchmark_passes_everything_wherever_its_data_lies(install, monkeypatch):
    monkeypatch.setenv("ACME_PONDS_DIR", "/data")
    assert failures(install, "ponds_good", GOOD) == set()


@pytest.mark.parametrize(
    ("module", "change", "check"),
    [
        ("ponds_name", ('"ponds", "seg', '"Ponds 2", "seg'), "is_a_benchmark_with_a_name"),
        ("ponds_metric", ('"miou"', '"accuracy"'), "asks_for_something_known"),
        ("ponds_patch", ('"miou", 4', '"miou", 0'), "asks_for_something_known"),
        ("ponds_licence", ('licence="CC0"', 'licence=""'), "says_where_its_data_comes_from"),
        ("ponds_http", ("https://", "http://"), "says_where_its_data_comes_from"),
        ("ponds_layout", ('layout="ponds/"', 'layout=""'), "says_where_its_data_comes_from"),
        ("ponds_silent", ('"set ACME_PONDS_DIR"', '"no data"'), "says_which_variable_names_its_folder"),
        ("ponds_open", ('"ACME_PONDS_DIR" not in os.environ', "False"), "says_which_variable_names_its_folder"),
    ],
)
def test_a_bad_benchmark_fails_the_check_of_its_fault(install, module, change, check):
    assert change[0] in GOOD
    assert failures(install, module, GOOD.replace(*change)) == {check}


def test_a_benchmark_need_not_say_where_it_comes_from(install):
    code = GOOD.replace("    about = About(", "    made_of = About(")
    install("acme", "ponds_mine", code, olmoearth_benchmarks={"acme.ponds.v1": "ponds_mine:ponds"})
    subject = Subject(registry.benchmarks.component("acme.ponds.v1"))
    with pytest.raises(NotApplicable, match="does not say where"):
        benchmarks.says_where_its_data_comes_from(subject)
