"""Loading hook modules: in a fixed order, and none able to stop another."""

import pytest

from olmoearth_core import plugins

CODE = """
from olmoearth_core.hooks import hookimpl
heard = []
@hookimpl
def checkpoint_saved(path): heard.append("{0}:" + path); return "{0}"
"""


def test_modules_are_registered_in_order_of_package_name(install, alone):
    install("zeta", "hook_zeta", CODE.format("zeta"), olmoearth_hooks={"main": "hook_zeta"})
    install("alpha", "hook_alpha", CODE.format("alpha"), olmoearth_hooks={"main": "hook_alpha"})
    listeners = plugins.manager()
    assert [loaded.name for loaded in plugins.load(listeners, alone)] == ["alpha:main", "zeta:main"]
    assert listeners.hook.checkpoint_saved(run=None, path="p") == ["zeta", "alpha"]  # pluggy: the last first


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("import not_there", "not_there"),
        ("raise SystemError('x')", "x"),
        (CODE.format("w").replace("(path)", "(paht)"), "paht"),
        (CODE.format("w").replace("checkpoint_saved", "chekpoint_saved"), r'did you mean "checkpoint_saved"'),
    ],
)
def test_a_broken_module_is_reported_and_the_others_go_on(install, code, cause, alone):
    install("bust", "hook_bust", code, olmoearth_hooks={"main": "hook_bust"})
    install("good", "hook_good", CODE.format("good"), olmoearth_hooks={"main": "hook_good"})
    listeners = plugins.manager()
    bust, good = plugins.load(listeners, alone)
    assert good.error is None
    assert bust.origin == "bust 1.0"
    with pytest.raises(type(bust.error), match=cause):
        raise bust.error
    assert listeners.hook.checkpoint_saved(run=None, path="p") == ["good"]


def test_two_packages_may_use_the_same_entry_point_name(install, alone):
    install("one", "hook_one", CODE.format("one"), olmoearth_hooks={"main": "hook_one"})
    install("two", "hook_two", CODE.format("two"), olmoearth_hooks={"main": "hook_two"})
    assert [loaded.error for loaded in plugins.load(plugins.manager(), alone)] == [None, None]


def test_a_blocked_package_is_not_even_imported(install, alone):
    install("Noisy_Pack", "hook_noisy", "raise RuntimeError", olmoearth_hooks={"main": "hook_noisy"})
    assert plugins.load(plugins.manager(), {"OLMOEARTH_BLOCK": f"{alone['OLMOEARTH_BLOCK']}, noisy-pack"}) == []


def test_strict_lets_the_first_failure_through(install, alone):
    install("bust", "hook_strict", "import not_there", olmoearth_hooks={"main": "hook_strict"})
    with pytest.raises(ModuleNotFoundError, match="not_there"):
        plugins.load(plugins.manager(), {**alone, "OLMOEARTH_STRICT": "1"})


def test_one_module_is_called_alone_and_its_failure_is_kept(install, alone):
    install("bust", "hook_b", CODE.format("b").replace("heard.append", "boom"), olmoearth_hooks={"main": "hook_b"})
    install("good", "hook_g", CODE.format("g"), olmoearth_hooks={"main": "hook_g"})
    listeners = plugins.manager()
    plugins.load(listeners, alone)
    assert plugins.call_one(listeners, "good:main", "checkpoint_saved", run=None, path="p").result == "g"
    assert isinstance(plugins.call_one(listeners, "bust:main", "checkpoint_saved", run=None, path="p").error, NameError)
    assert plugins.call_one(listeners, "good:main", "run_ended", run=None, outcome="failed") == plugins.Answer()
