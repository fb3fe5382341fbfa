"""The conformance kit finds formats that would take what is not theirs."""

import pytest

from olmoearth_core.testing.conformance import collect

GOOD = """
from olmoearth_core.interfaces.checkpoint import CheckpointFormat, Remote
class Format:
    layout, names, files = "acme.bin: an acme model", ("Acme-Large",), ("acme.bin",)
    def recognises(self, folder): return (folder / "acme.bin").is_file()
    def resolve(self, name):
        return Remote("acme/large", ("*.json",), ("*.bin",)) if name.lower() == "acme-large" else None
    def open(self, folder, *, load_weights, remote): ...
def acme() -> CheckpointFormat:
    '''Open acme models.'''
    return Format()
"""
FAULTS = {
    "": ("", ""),
    "says_its_layout": ('"acme.bin: an acme model"', '"acme"'),
    "leaves_other_folders_alone": ('(folder / "acme.bin").is_file()', "True"),
    "knows_its_own_names_in_any_case": ("name.lower()", "name"),
    "names_whole_files": ('("acme.bin",)', '("*.bin",)'),
    "leaves_other_names_alone": ('if name.lower() == "acme-large" else None', ""),
}


@pytest.mark.parametrize("check", FAULTS)
def test_each_check_finds_its_fault_and_a_good_format_passes(install, check):
    code = GOOD.replace(*FAULTS[check]) if check else GOOD
    module = f"kit_format_{len(check)}"
    install("acme", module, code, olmoearth_checkpoint_formats={"acme.format.v1": f"{module}:acme"})
    failed = set()
    for case in collect("acme"):
        if case.module.endswith(".checkpoint_formats"):
            try:
                case.run()
            except AssertionError:
                failed.add(case.check)
    assert failed >= ({check} if check else set())
    assert check or not failed
