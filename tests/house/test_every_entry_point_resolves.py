"""What the pyproject files declare is what is installed, and all of it can be imported."""

import json
import tomllib

import pytest

from olmoearth_core.cli.doctor import examine_components, examine_hooks
from olmoearth_core.kinds import kinds
from olmoearth_core.names import prefix_of


@pytest.fixture(scope="module")
def projects(root):
    files = [root / "pyproject.toml", *sorted(root.glob("plugins/*/pyproject.toml"))]
    return [tomllib.loads(file.read_text("utf-8"))["project"] for file in files]


def declared(project):
    """Components as (kind, name) -> target; hook modules are none and are examined above."""
    groups = {g.removeprefix("olmoearth_"): points for g, points in project.get("entry-points", {}).items()}
    return {(g, name): target for g, points in groups.items() if g != "hooks" for name, target in points.items()}


def test_every_component_can_be_imported_and_is_well_named():
    wrong = [f for f in (*examine_components(), *examine_hooks()) if f.state != "ok"]
    assert wrong == []


def test_installed_components_are_the_declared_ones(projects):
    names = {project["name"] for project in projects}
    installed = {
        (c.kind, c.name): c.target
        for registry in kinds().values() for c in registry.components().values() if c.distribution in names
    }  # fmt: skip
    assert installed == {key: target for project in projects for key, target in declared(project).items()}


def test_the_extra_all_names_every_distribution(projects):
    root, *plugins = projects
    assert sorted(root["optional-dependencies"]["all"]) == sorted(project["name"] for project in plugins)


def test_the_first_party_table_lists_every_distribution_and_its_modalities(projects, root):
    table = json.loads((root / "olmoearth_plugins" / "first_party.json").read_text("utf-8"))
    assert table == {p["name"]: sorted(n for kind, n in declared(p) if kind == "modalities") for p in projects}


def test_every_distribution_owns_the_prefix_of_its_names(projects):
    strangers = [
        (project["name"], name)
        for project in projects for kind, name in declared(project)
        if kind != "modalities" and not name.startswith(f"{prefix_of(project['name'])}.")
    ]  # fmt: skip
    assert strangers == []
