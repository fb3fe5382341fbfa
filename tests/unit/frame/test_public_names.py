"""What `from olmoearth_core import …` offers, whatever was imported before."""

import subprocess
import sys

import pytest

import olmoearth_core


def python(code):
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def test_importing_the_package_and_its_registry_loads_neither_torch_nor_numpy():
    code = "from olmoearth_core import registry, modalities; import sys; print({'torch', 'numpy'} & set(sys.modules))"
    assert python(code) == "set()"


@pytest.mark.parametrize("before", ["olmoearth_core.registry", "olmoearth_core.kinds", "sys"])
def test_a_public_name_is_never_hidden_by_the_module_of_the_same_name(before):
    assert (
        python(f"import {before}; from olmoearth_core import registry; print(registry.__module__)")
        == "olmoearth_core.kinds"
    )


def test_an_unknown_name_says_what_there_is():
    with pytest.raises(AttributeError, match=r"olmoearth_core has no embd; it offers Batch, .*registry"):
        _ = olmoearth_core.embd


def test_public_names_are_listed_once():
    assert sorted(olmoearth_core.PUBLIC) == olmoearth_core.__all__
    assert set(olmoearth_core.PUBLIC) <= set(dir(olmoearth_core))
