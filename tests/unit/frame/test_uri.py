"""Paths of packages' own schemes."""

import pytest

from olmoearth_core import uri
from olmoearth_core.errors import DataError

HOOK = """
from pathlib import Path
from olmoearth_core.hooks import hookimpl
@hookimpl
def resolve_uri(uri):
    if uri == "acme:gone": raise FileNotFoundError("the archive is closed")
    return Path("/archive") / uri.removeprefix("acme:") if uri.startswith("acme:") else None
"""


@pytest.fixture(autouse=True)
def ask_anew():
    uri._listeners.cache_clear()
    yield
    uri._listeners.cache_clear()


def test_without_hook_modules_every_uri_is_itself():
    assert uri.resolve("s3://bucket/tile") == "s3://bucket/tile"


def test_a_package_resolves_its_own_scheme_and_nothing_else(install):
    install("acme", "hook_uri", HOOK, olmoearth_hooks={"main": "hook_uri"})
    assert uri.resolve("acme:tile") == "/archive/tile"
    assert uri.resolve("/data/tile") == "/data/tile"


def test_a_failed_resolution_names_the_uri(install):
    install("acme", "hook_gone", HOOK, olmoearth_hooks={"main": "hook_gone"})
    with pytest.raises(DataError, match=r"acme:gone.*the archive is closed"):
        uri.resolve("acme:gone")
