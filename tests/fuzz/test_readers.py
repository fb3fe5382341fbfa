"""Any reader, any product, any damage: values, or a `DataError` that names the file. Never anything else."""

import shutil
from pathlib import Path

import pytest
from fuzz_products import MAKERS
from fuzz_samples import EXPECTED
from fuzzing import QUIET, damage, files, folder, fuzzed, outcome, readers

from olmoearth_core.kinds import registry
from olmoearth_core.testing.damage import damaged

pytestmark = QUIET
SINGLE = sorted(path for path in EXPECTED if "." in path)
SLOW = [pytest.param(path, marks=pytest.mark.slow) for path in SINGLE]


@pytest.fixture(scope="module")
def copies(samples):
    """Takes a sample's name and returns its reader, a copy that may be damaged, and its bytes."""
    with folder() as place:

        def copied(path):
            name, _, options = EXPECTED[path]
            if name not in readers():
                pytest.skip(f"{name} is not installed")
            copy = Path(place) / path
            copy.parent.mkdir(parents=True, exist_ok=True)
            if not copy.exists():
                shutil.copyfile(samples / path, copy)
            return registry.readers.get(name)(**options), copy, (samples / path).read_bytes()

        yield copied


@pytest.fixture(scope="module")
def products():
    """Takes a maker's name and returns the readers that know the product, the product and its files with bytes."""
    with folder() as place:
        made = {}

        def product(name):
            if name not in made:
                root = Path(place) / name
                root.mkdir()
                path = MAKERS[name](root)
                victims = {f: f.read_bytes() for f in (files(path) if path.is_dir() else files(root))}
                made[name] = path, {f: content for f, content in victims.items() if "/in/" not in str(f)}
            path, victims = made[name]
            options = {"maps.eurocrops.v1": {"hcat": str(path.parent / "HCAT3.csv")}}
            known = [n for n, r in readers().items() if r.recognises(str(path))]
            return [registry.readers.get(n)(**options.get(n, {})) for n in known], path, victims

        yield product


@pytest.mark.parametrize("path", SINGLE)
@fuzzed(8)
def test_a_damaged_sample_is_values_or_a_named_error(copies, path, seed):
    reader, copy, content = copies(path)
    damage(reader, copy, copy, content, seed)


@pytest.mark.parametrize("path", SLOW)
@fuzzed(400)
def test_a_damaged_sample_is_values_or_a_named_error_at_length(copies, path, seed):
    reader, copy, content = copies(path)
    damage(reader, copy, copy, content, seed)


@pytest.mark.parametrize("name", MAKERS)
def test_the_undamaged_product_is_recognised_once(products, name):
    found, path, _ = products(name)
    assert len(found) == 1
    assert len(outcome(found[0], path, names={path.name})) < len(found[0].modalities)


@pytest.mark.parametrize("name", MAKERS)
@fuzzed(20)
def test_a_damaged_product_is_values_or_a_named_error(products, name, seed):
    found, path, victims = products(name)
    for victim, content in victims.items():
        damage(found[0], path, victim, content, seed)


@pytest.mark.slow
@pytest.mark.parametrize("name", MAKERS)
@fuzzed(1000)
def test_a_damaged_product_is_values_or_a_named_error_at_length(products, name, seed):
    found, path, victims = products(name)
    for victim, content in victims.items():
        damage(found[0], path, victim, content, seed)


@pytest.mark.parametrize("name", sorted(readers()))
@fuzzed(10)
def test_no_reader_stumbles_over_another_readers_product(products, name, seed):
    _, path, victims = products(list(MAKERS)[seed % len(list(MAKERS))])
    victim = list(victims)[seed // 7 % len(victims)]
    damage(readers()[name], path, victim, victims[victim], seed)


def test_damage_is_the_same_for_the_same_seed_and_never_nothing():
    content = bytes(range(256)) * 20
    assert [damaged(content, seed) for seed in range(40)] == [damaged(content, seed) for seed in range(40)]
    assert sum(damaged(content, seed)[1] == content for seed in range(400)) < 4
