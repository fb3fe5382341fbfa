"""A package built outside the tree is used from a config and appears in the provenance of the run."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
ACME = ROOT / "examples" / "olmoearth-acme"
COMPONENTS = {"acme_thermal", "acme.stripes.v1", "acme.cosine_distance.v1"}
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Copy the example out of the tree, build its wheel and install it into a folder of its own."""
    folder = tmp_path_factory.mktemp("acme")
    shutil.copytree(ACME, folder / "source", ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder / "wheels", folder / "source"]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = (folder / "wheels").glob("olmoearth_acme-*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", folder / "site", wheel], check=True, capture_output=True)
    return folder / "site"


@pytest.fixture
def olmoearth(site, tmp_path):
    """Run a command line in a process that sees the package, outside the repository."""

    def run(*words):
        environ = {**os.environ, "PYTHONPATH": str(site), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "olmoearth_core.cli.main", *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environ)

    return run


@pytest.fixture
def thermal_h5(h5, tmp_path):
    """The tiny data set with thermal images added to it; two samples lack them."""
    folder = tmp_path / h5.relative_to(h5.parents[2])
    shutil.copytree(h5, folder)
    names, *rows = (folder / "sample_metadata.csv").read_text().splitlines()
    for i in range(len(rows)):
        rows[i] += f",{int(i > 1)}"
        if i > 1:
            with h5py.File(folder / f"sample_{i}.h5", "a") as file:
                steps = len(file["timestamps"])
                side = file["sentinel2_l2a"].shape[0]
                file["acme_thermal"] = np.random.default_rng(i).normal(290, 10, (side, side, steps, 2)).astype("f4")
                file["missing_timesteps_masks/acme_thermal"] = np.ones(steps, bool)
    (folder / "sample_metadata.csv").write_text("\n".join([f"{names},acme_thermal", *rows]) + "\n")
    return folder


def test_its_components_are_listed_and_keep_their_promises(olmoearth):
    listed = json.loads(olmoearth("plugins", "list", "--json").stdout)
    assert {row["name"] for row in listed if row["origin"] == "olmoearth-acme 0.1.0"} == COMPONENTS
    done = olmoearth("doctor", "--conformance", "olmoearth-acme")
    outcomes = [line.split() for line in done.stdout.splitlines() if ":" in line and "acme" in line]
    assert [words for words in outcomes if words[0] == "failed"] == []
    assert sum(words[0] == "passed" for words in outcomes) > 30


def test_it_is_used_from_a_config_and_appears_in_the_provenance(olmoearth, words, thermal_h5, tmp_path):
    settings = words("acme", steps=2, **{
        "dataset.h5py_dir": thermal_h5, "dataset.training_modalities": '["sentinel2_l2a", "ACME_THERMAL"]',
    })  # fmt: skip
    nano, *options = settings
    done = olmoearth("train", nano, ACME / "acme.cfg", *options)
    assert done.returncode == 0, done.stderr
    provenance = json.loads((tmp_path / "acme" / "provenance.json").read_text())
    found = {c["name"]: c for c in provenance["components"] if c["distribution"] == "olmoearth-acme"}
    assert set(found) == COMPONENTS
    assert {(c["version"], len(c["sha256"])) for c in found.values()} == {("0.1.0", 64)}
    losses = [
        json.loads(line).get("train/loss") for line in (tmp_path / "acme" / "metrics.jsonl").read_text().splitlines()
    ]
    assert np.isfinite([loss for loss in losses if loss is not None]).all()


def test_without_the_package_the_config_says_what_is_missing(words, tmp_path):
    nano, *_ = words("acme")
    command = [sys.executable, "-m", "olmoearth_core.cli.main", "config", "check", nano, str(ACME / "acme.cfg")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2
    assert all(name in done.stdout + done.stderr for name in COMPONENTS)
    assert "Traceback" not in done.stderr
