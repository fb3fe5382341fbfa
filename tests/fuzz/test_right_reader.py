"""Every real sample is recognised by the one reader made for it; every other reader refuses it and says its name."""

import pytest
from fuzz_samples import EXPECTED, allowed, paths
from fuzzing import readers

from olmoearth_core.errors import DataError
from olmoearth_core.kinds import registry
from olmoearth_core.lookup import modalities


def test_every_sample_is_recognised_by_its_reader_and_no_other(samples):
    found = {p: [r.name for r in readers().values() if r.recognises(str(samples / p))] for p in paths(samples)}
    expected = {p: [EXPECTED[p][0]] if p in EXPECTED and EXPECTED[p][0] in readers() else [] for p in found}
    assert found == expected


@pytest.mark.parametrize("path", sorted(EXPECTED))
def test_the_right_reader_reads_the_sample(samples, path):
    name, modality, options = EXPECTED[path]
    if name not in readers():
        pytest.skip(f"{name} is not installed")
    (spec,) = modalities([modality])
    array = registry.readers.get(name)(**options).read(str(samples / path), spec)
    assert array.attrs["reader"] == name
    assert array.attrs["modality"] == modality
    assert set(array["band"].values) <= set(spec.band_order)


@pytest.mark.parametrize("name", sorted(readers()))
def test_the_wrong_reader_refuses_every_sample_by_name(samples, name):
    reader = readers()[name]
    wrong = [path for path in paths(samples) if name not in allowed(path)]
    assert len(wrong) > 80
    for path in wrong:
        for spec in modalities(reader.modalities):
            with pytest.raises(DataError) as refused:
                reader.read(str(samples / path), spec)
            assert path.rsplit("/", 1)[-1] in str(refused.value)
