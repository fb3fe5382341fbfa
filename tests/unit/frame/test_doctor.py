"""Doctor imports everything on purpose and says what is broken."""

import re

import pytest
import typer

from olmoearth_core.cli import doctor

LOSS = """
class Plain:
    name = "plain"
    def __call__(self, predicted, target): return 0
def plain(*, weight: float = 1.0): return Plain()
"""


@pytest.fixture
def lines(capsys, install, monkeypatch):
    """Install four packages that lack something in different ways, and return what doctor prints and its exit code."""
    monkeypatch.setattr(doctor.environment, "facts", lambda: {"python": "3"})
    install(
        "acme", "doc_acme", LOSS, olmoearth_losses={"acme.l2.v1": "doc_acme:plain", "other.l2.v1": "doc_acme:plain"}
    )
    install("bust", "doc_bust", "import not_there", olmoearth_losses={"bust.l2.v1": "doc_bust:plain"})
    install("fork", "doc_fork", LOSS, olmoearth_losses={"acme.l2.v1": "doc_fork:plain"})
    install("hear", "doc_hear", "import time\ntime.sleep(0.25)", olmoearth_hooks={"main": "doc_hear"})
    with pytest.raises(typer.Exit) as end:
        doctor.command()
    assert end.value.exit_code == 1
    return [re.sub(" +", " ", line) for line in capsys.readouterr().out.splitlines()]


def test_every_way_of_being_broken_has_its_line(lines):
    assert "clash losses acme.l2.v1 acme 1.0 also in fork 1.0" in lines
    assert "broken losses bust.l2.v1 bust 1.0 doc_bust:plain: ModuleNotFoundError: No module named 'not_there'" in lines
    assert any(
        re.match(r'odd losses other.l2.v1 acme 1.0 "other.l2.v1" must start with "acme."', line) for line in lines
    )
    assert any(re.match(r"odd hooks hear:main hear 1.0 takes 0\.\d s to load", line) for line in lines)


def test_facts_of_the_environment_name_versions_devices_and_filters():
    facts = doctor.environment.facts()
    assert facts["python"].startswith("3.")
    assert "zstd" in facts["h5 filters"]
    assert {"torch", "device", "h5py", "olmoearth"} <= set(facts)


def test_packages_describe_the_environment(install):
    hook = (
        "from olmoearth_core.hooks import hookimpl\n@hookimpl\ndef describe_environment(): return {'queue': 'short'}\n"
    )
    install("acme", "doc_env", hook, olmoearth_hooks={"main": "doc_env"})
    assert dict(doctor.environment.reported()) == {"acme 1.0": {"queue": "short"}}


def test_conformance_of_a_package_is_reported_and_decides_the_exit_code(install, capsys, monkeypatch):
    monkeypatch.setattr(doctor, "examine_components", list)
    install("acme", "doc_kit", LOSS, olmoearth_losses={"acme.l2.v1": "doc_kit:plain"})
    with pytest.raises(typer.Exit):
        doctor.command(conformance="acme")
    lines = [re.sub(" +", " ", line) for line in capsys.readouterr().out.splitlines()]
    assert "passed acme.l2.v1:name_is_well_formed" in lines
    assert any(
        line.startswith("failed acme.l2.v1:has_a_first_sentence AssertionError: doc_kit:plain") for line in lines
    )
