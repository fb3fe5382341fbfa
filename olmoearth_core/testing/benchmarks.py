"""What a benchmark must say about itself before there is any data."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import get_args

from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.interfaces.evaluation import About, Benchmark, Context, TaskType
from olmoearth_core.kinds import registry
from olmoearth_core.lookup import modalities
from olmoearth_core.scores import metrics
from olmoearth_core.testing.subject import NotApplicable, Subject

CHECKS = (
    "is_a_benchmark_with_a_name",
    "asks_for_something_known",
    "says_where_its_data_comes_from",
    "is_made_without_data",
    "says_which_variable_names_its_folder",
)
_NAME = re.compile(r"[a-z0-9][a-z0-9_]*")


def is_a_benchmark_with_a_name(subject: Subject) -> None:
    """Rows of results and files are called after it."""
    assert isinstance(subject.product, Benchmark)
    name = subject.product.name
    assert isinstance(name, str), f"name is {name!r}"
    assert _NAME.fullmatch(name), f'"{name}" is not made of lower-case letters, digits and underscores'


def asks_for_something_known(subject: Subject) -> None:
    """The task type is known, and the primary metric is one of that type."""
    made = subject.product
    assert made.task_type in get_args(TaskType), f'there is no task type "{made.task_type}"'
    known = metrics.names(made.task_type, 1)
    assert made.primary_metric in known, f"{made.primary_metric} is none of {', '.join(known)}"
    assert made.patch_size >= 1, f"patches of {made.patch_size} pixels"


def says_where_its_data_comes_from(subject: Subject) -> None:
    """Title, licence and citation are there, and what is downloaded has an address and, where given, a whole hash."""
    about = _about(subject)
    for part in ("title", "licence", "citation"):
        assert getattr(about, part), f"about.{part} is empty"
    for download in about.downloads:
        assert download.url.startswith("https://"), f"{download.url} is no https address"
        assert download.size >= 0, f"{download.url}: a size of {download.size} bytes"
        assert re.fullmatch(r"|[0-9a-f]{64}", download.sha256), f"{download.url}: {download.sha256} is no SHA-256"
    if about.downloads:
        assert about.layout, "about.layout is empty, so nobody knows what the download becomes"


def is_made_without_data(subject: Subject) -> None:
    """Making it touches no disk, so two that are made alike say the same of themselves."""
    first, again = subject.fresh(), subject.fresh()
    facts = [(one.name, one.task_type, one.primary_metric, one.patch_size) for one in (first, again)]
    assert facts[0] == facts[1]


def says_which_variable_names_its_folder(subject: Subject) -> None:
    """Opened where there is no data, it says so, with the environment variable that would name the folder."""
    about = getattr(subject.product, "about", None)
    variable = about.variable if isinstance(about, About) else ""
    # Folders given in the settings would be used, so the benchmark is made from its defaults.
    made = Subject(subject.component).product
    with _without(variable):
        complaint = _complaint(made)
    assert complaint, "it opened although there is no data"
    assert variable in complaint, f"the message does not name {variable}: {complaint}"


def _complaint(benchmark: Benchmark) -> str:
    try:
        benchmark.open(modalities(list(registry.modalities.components())), context=Context())
    except (DataError, ConfigError) as error:
        return str(error)
    return ""


def _about(subject: Subject) -> About:
    about = getattr(subject.product, "about", None)
    if about is None:
        raise NotApplicable(f"{subject.component.name} does not say where its data comes from")
    assert isinstance(about, About), f"about is {type(about).__name__}"
    return about


@contextmanager
def _without(variable: str) -> Iterator[None]:
    kept = os.environ.pop(variable, None) if variable else None
    try:
        yield
    finally:
        if kept is not None:
            os.environ[variable] = kept
