"""The command line: lazy commands, commands of packages, exit codes and messages."""

import json
import subprocess
import sys

import pytest

from olmoearth_core.cli.main import main

LOSS = """
class Plain:
    name = "plain"
    def __call__(self, predicted, target): return 0
def plain(*, weight: float = 1.0, power: int = 2, labels: list[str] | None = None) -> "Loss":
    \"\"\"Count what is wrong.

    weight: factor in front. power: 2 squares
    the difference.
    \"\"\"
    return Plain()
"""


@pytest.fixture
def olmoearth(capsys):
    """Run a command line in this process: (exit code, stdout, stderr)."""

    def run(*words):
        capsys.readouterr()
        try:
            code = main(words)
        except SystemExit as end:
            code = end.code
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_help_lists_every_command_and_loads_none_of_the_heavy_libraries():
    code = (
        "import sys\nfrom olmoearth_core.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit as end:\n    assert end.code == 0\n"
        "print({'torch', 'numpy', 'confection', 'pydantic', 'h5py'} & set(sys.modules))"
    )
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert printed.splitlines()[-1] == "set()"
    assert all(word in printed for word in ("train", "evaluate", "config", "dataset", "plugins", "doctor"))


def test_a_mistyped_command_says_what_was_meant(olmoearth):
    code, _, err = olmoearth("plugin")
    assert code == 2
    assert "Did you mean 'plugins'?" in err


def test_the_version_is_the_distribution_s(olmoearth):
    from importlib.metadata import version

    assert olmoearth("--version")[:2] == (0, f"olmoearth {version('olmoearth')}\n")


def test_a_user_s_mistake_is_one_message_without_a_traceback(olmoearth):
    code, out, err = olmoearth("plugins", "show", "olmoearth.adamv.v1")
    assert (code, out) == (2, "")
    assert err.startswith('error: no component named "olmoearth.adamv.v1" is installed. Did you mean')
    assert "Traceback" not in err


def test_debug_anywhere_on_the_line_brings_the_traceback_back(olmoearth):
    from olmoearth_core.errors import UnknownComponent

    with pytest.raises(UnknownComponent):
        olmoearth("plugins", "show", "nothing_like_it", "--debug")


def test_a_package_adds_a_command_that_is_imported_when_it_runs(olmoearth, install):
    install("acme", "acme_command", "def greet(name: str):\n    '''Greet.'''\n    print('hello', name)")
    hook = (
        "from olmoearth_core.hooks import hookimpl\n@hookimpl\ndef add_commands(commands):\n"
        "    commands.add('greet', 'acme_command:greet', help='say hello')\n"
    )
    install("acme-hooks", "acme_hook", hook, olmoearth_hooks={"main": "acme_hook"})
    assert "say hello" in olmoearth("--help")[1]
    assert "acme_command" not in sys.modules
    assert olmoearth("greet", "moon")[:2] == (0, "hello moon\n")


def test_a_broken_hook_module_is_named_and_help_still_answers(olmoearth, install):
    install("bust", "bust_hook", "import not_there", olmoearth_hooks={"main": "bust_hook"})
    code, out, err = olmoearth("--help")
    assert code == 0
    assert "doctor" in out
    assert "bust 1.0: its hooks do not load" in err


def test_a_package_cannot_replace_a_command_of_the_frame(olmoearth, install):
    hook = (
        "from olmoearth_core.hooks import hookimpl\n@hookimpl\ndef add_commands(commands):\n"
        "    commands.add('doctor', 'evil:doctor', help='trust me')\n"
    )
    install("evil", "evil_hook", hook, olmoearth_hooks={"main": "evil_hook"})
    with pytest.warns(UserWarning, match=r"evil 1\.0: the command doctor already belongs to olmoearth"):
        _, out, _ = olmoearth("--help")
    assert "trust me" not in out


def test_a_command_of_a_package_that_cannot_be_imported_is_a_clear_error(olmoearth, install):
    hook = (
        "from olmoearth_core.hooks import hookimpl\n@hookimpl\ndef add_commands(commands):\n"
        "    commands.add('fly', 'nowhere:fly', help='fly')\n"
    )
    install("acme", "fly_hook", hook, olmoearth_hooks={"main": "fly_hook"})
    code, _, err = olmoearth("fly")
    assert code == 2
    assert 'the command "fly" is provided by acme 1.0, but loading nowhere:fly failed' in err


def test_unknown_words_reach_a_command_with_overrides_in_order(olmoearth, install, capsys):
    install("acme", "acme_over", "def run(arguments: list[str], plan: bool = False):\n    print(arguments, plan)")
    hook = (
        "from olmoearth_core.hooks import hookimpl\n@hookimpl\ndef add_commands(commands):\n"
        "    commands.add('run', 'acme_over:run', help='run', overrides=True)\n"
    )
    install("acme-hooks", "over_hook", hook, olmoearth_hooks={"main": "over_hook"})
    _, out, _ = olmoearth("run", "base.cfg", "--a.b=1", "--plan", "--c.d", "-0.5", "--e", "[1, 2]")
    assert out == "['base.cfg', '--a.b=1', '--c.d', '-0.5', '--e', '[1, 2]'] True\n"


def test_plugins_list_shows_clashes_and_imports_nothing(olmoearth, install):
    install("acme", "acme_list", "raise RuntimeError", olmoearth_losses={"acme.l2.v1": "acme_list:plain"})
    install("fork", "fork_list", "raise RuntimeError", olmoearth_losses={"acme.l2.v1": "fork_list:plain"})
    code, out, _ = olmoearth("plugins", "list", "--kind", "losses")
    (line,) = [line for line in out.splitlines() if "acme.l2.v1" in line]
    assert code == 0
    assert line.split() == ["losses", "acme.l2.v1", "acme", "1.0", "clash", "with", "fork", "1.0"]


def test_plugins_list_as_json_with_descriptions_survives_a_broken_package(olmoearth, install):
    install("acme", "acme_json", LOSS, olmoearth_losses={"acme.l2.v1": "acme_json:plain"})
    install("bust", "bust_json", "import not_there", olmoearth_losses={"bust.l2.v1": "bust_json:plain"})
    _, out, _ = olmoearth("plugins", "list", "--json", "--long", "--kind", "losses")
    described = {row["name"]: row["description"] for row in json.loads(out)}
    assert described["acme.l2.v1"] == "Count what is wrong"
    assert described["bust.l2.v1"] == "broken: No module named 'not_there'"


def test_plugins_show_prints_a_block_that_loads_and_builds(olmoearth, install):
    import confection

    from olmoearth_core import registry

    install("acme", "acme_show", LOSS, olmoearth_losses={"acme.l2.v1": "acme_show:plain"})
    _, out, _ = olmoearth("plugins", "show", "acme.l2.v1")
    assert "# Count what is wrong.\n[train_module.loss]\n" in out
    assert "# power: 2 squares the difference.\npower = 2\n" in out
    block = confection.Config().from_str("[train_module]\n" + out)["train_module"]
    assert registry.resolve(block)["loss"].name == "plain"


def test_an_unknown_kind_says_what_was_meant(olmoearth):
    assert 'Did you mean "losses"?' in olmoearth("plugins", "list", "--kind", "loses")[2]
