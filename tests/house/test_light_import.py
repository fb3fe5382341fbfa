"""Starting up costs little: what is imported before anything is asked for."""

import json
import subprocess
import sys

import pytest

HEAVY = "{'torch', 'numpy', 'confection', 'pydantic', 'h5py', 'xarray', 'rasterio'}"


@pytest.mark.parametrize(
    ("words", "allowed"),
    [
        # typer itself imports pydantic (where it is installed) for any command that has parameters.
        (["--help"], set()),
        (["--version"], set()),
        (["plugins", "--help"], {"confection", "pydantic"}),
        (["plugins", "list"], {"confection", "pydantic"}),
        (["train", "--help"], {"pydantic"}),
        (["config", "--help"], {"confection", "pydantic"}),
        (["dataset", "--help"], {"confection", "pydantic"}),
        (["evaluate", "--help"], {"pydantic"}),
        (["benchmarks", "--help"], {"pydantic"}),
        (["quickstart", "--help"], {"pydantic"}),
        (["results", "--help"], {"pydantic"}),
        (["model", "--help"], {"confection", "pydantic"}),
        (["masking", "--help"], {"confection", "pydantic"}),
        (["losses", "--help"], {"confection", "pydantic"}),
        (["doctor", "--help"], {"confection", "pydantic"}),
    ],
)
def test_a_command_line_loads_only_what_it_needs(words, allowed):
    code = (
        f"import json, sys\nfrom olmoearth_core.cli.main import main\nend = 0\n"
        f"try:\n    end = main({words!r})\nexcept SystemExit as exit:\n    end = exit.code\n"
        f"assert not end\nprint(json.dumps([*({HEAVY} & set(sys.modules))]), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(json.loads(done.stderr.strip().splitlines()[-1])) <= allowed


def test_importing_core_loads_nothing_else_of_it():
    code = "import sys, olmoearth_core\nprint([m for m in sys.modules if m.startswith('olmoearth_core.')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
