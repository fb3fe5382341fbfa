"""Every hook reaches the packages that implement it, with the arguments they ask for."""

from pathlib import Path

import pytest

from olmoearth_core import plugins

HEAD = "from olmoearth_core.hooks import hookimpl\nheard = []\n@hookimpl\n"


@pytest.fixture
def hear(install, alone):
    """Install one hook module and return the event mechanism that calls it and its list of what it heard."""

    def listen(module, implementation):
        install("acme", module, HEAD + implementation, olmoearth_hooks={"main": module})
        listeners = plugins.manager()
        (loaded,) = plugins.load(listeners, alone)
        assert loaded.error is None
        return listeners.hook, listeners.get_plugin("acme:main").heard

    return listen


def test_hook_add_commands(hear):
    hook, heard = hear("hears_commands", "def add_commands(commands): heard.append(commands)")
    hook.add_commands(commands="table")
    assert heard == ["table"]


def test_hook_describe_environment(hear):
    hook, _ = hear("hears_environment", "def describe_environment(): return {'queue': 'short'}")
    assert hook.describe_environment() == [{"queue": "short"}]


def test_hook_resolve_uri_takes_the_first_answer(hear):
    hook, _ = hear(
        "hears_uri",
        "def resolve_uri(uri):\n    from pathlib import Path\n"
        "    return Path('/x') if uri.startswith('acme:') else None",
    )
    assert hook.resolve_uri(uri="acme:tile") == Path("/x")
    assert hook.resolve_uri(uri="s3://tile") is None


def test_hook_run_started(hear):
    hook, heard = hear("hears_start", "def run_started(run): heard.append(run)")
    hook.run_started(run="run")
    assert heard == ["run"]


def test_hook_step_ended_may_take_fewer_arguments(hear):
    hook, heard = hear("hears_steps", "def step_ended(step, metrics): heard.append((step, metrics))")
    hook.step_ended(run="run", step=3, metrics={"train/loss": 1.0})
    assert heard == [(3, {"train/loss": 1.0})]


def test_hook_evaluated(hear):
    hook, heard = hear("hears_scores", "def evaluated(run, step, name, metrics): heard.append((name, metrics))")
    hook.evaluated(run="run", step=3, name="task", metrics={"accuracy": 0.5})
    assert heard == [("task", {"accuracy": 0.5})]


def test_hook_checkpoint_saved(hear):
    hook, heard = hear("hears_saves", "def checkpoint_saved(run, path): heard.append(path)")
    hook.checkpoint_saved(run="run", path="s3://bucket/step00000003")
    assert heard == ["s3://bucket/step00000003"]


def test_hook_run_ended(hear):
    hook, heard = hear("hears_end", "def run_ended(run, outcome): heard.append(outcome)")
    hook.run_ended(run="run", outcome="stopped")
    assert heard == ["stopped"]
