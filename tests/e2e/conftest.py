"""A tiny data set in the H5 format, and the command line that trains a tiny model on it."""

import contextlib
import json
from pathlib import Path

import fsspec
import h5py
import numpy as np
import pytest

CONFIGS = Path(__file__).parents[2] / "configs"
MODALITIES = {"sentinel2_l2a": (12, True), "sentinel1": (2, True), "worldcover": (1, False)}
OTHERS = {
    "landsat": (11, True), "srtm": (1, False), "openstreetmap_raster": (30, False), "wri_canopy_height_map": (1, False),
    "cdl": (1, False), "worldcereal": (8, False),
}  # fmt: skip
SIDE, STEPS = 16, 3
SERIES = """
[trainer.callbacks.downstream_evaluator]
@callbacks = "olmoearth.downstream_evaluator.v1"

[trainer.callbacks.downstream_evaluator.tasks.pixels.benchmark]
@benchmarks = "benchmarks.pixel_series.v1"
root = "{root}"

[trainer.callbacks.downstream_evaluator.tasks.pixels.evaluator]
@evaluators = "olmoearth.knn.v1"
bootstrap = 50

[trainer.callbacks.downstream_evaluator.tasks.tuned.benchmark]
@benchmarks = "benchmarks.pixel_series.v1"
root = "{root}"

[trainer.callbacks.downstream_evaluator.tasks.tuned.evaluator]
@evaluators = "olmoearth.finetune.v1"
epochs = 2
bootstrap = 50
"""


def write_h5(root, modalities, num=16):
    folder = root / f"h5py_data_w_missing_timesteps_zstd_3_{SIDE}_x_256" / "_".join(sorted(modalities)) / str(num)
    folder.mkdir(parents=True)
    for i in range(num):
        rng = np.random.default_rng(i)
        with h5py.File(folder / f"sample_{i}.h5", "w") as file:
            file["latlon"] = np.array([10.0 + i, 20.0], np.float32)
            file["timestamps"] = np.array([[1, month, 2021] for month in range(STEPS)], np.int32)
            for name, (bands, timed) in modalities.items():
                if name == "sentinel1" and i % 5 == 4:
                    continue
                shape = (SIDE, SIDE, STEPS if timed else 1, bands)
                if name == "worldcover":
                    file[name] = rng.choice(np.array([10, 30, 50], np.uint8), shape)
                elif name == "sentinel1":
                    file[name] = rng.normal(-12, 3, shape).astype(np.float32)
                else:
                    file[name] = rng.integers(200, 4000, shape).astype(np.uint16)
                if timed:
                    file[f"missing_timesteps_masks/{name}"] = np.ones(STEPS, bool)
    rows = [f"{i}," + ",".join(str(int(m != "sentinel1" or i % 5 != 4)) for m in modalities) for i in range(num)]
    (folder / "sample_metadata.csv").write_text("\n".join(["sample_index," + ",".join(modalities), *rows]) + "\n")
    np.save(folder / "latlon_distribution.npy", np.array([[10.0 + i, 20.0] for i in range(num)], np.float32))
    (folder / "compression_settings.json").write_text(json.dumps({"compression": None}))
    return folder


@pytest.fixture(scope="session")
def h5(tmp_path_factory):
    """The folder of a data set of 16 samples, three modalities, 16 x 16 pixels, three months."""
    return write_h5(tmp_path_factory.mktemp("data"), MODALITIES)


@pytest.fixture(scope="session")
def all_h5(official_h5):
    """The same with the nine modalities of the official runs."""
    return official_h5(16)


@pytest.fixture(scope="session")
def official_h5(tmp_path_factory):
    """Make a data set of so many samples with the nine modalities of the official runs."""
    return lambda num: write_h5(tmp_path_factory.mktemp("all"), {**MODALITIES, **OTHERS}, num)


@pytest.fixture
def words(h5, tmp_path):
    """Make the arguments of `olmoearth train` for a run of this test."""

    def make(name="run", *, steps=4, **more):
        settings = {
            "run.root": tmp_path, "run.name": name, "dataset.h5py_dir": h5,
            "dataset.training_modalities": json.dumps(list(MODALITIES)), "data_loader.global_batch_size": 4,
            "data_loader.num_workers": 0, "data_loader.max_patch_size": 4, "data_loader.sampled_hw_p_list": [2, 3, 4],
            "model.encoder_config.embedding_size": 16, "model.encoder_config.depth": 1,
            "model.encoder_config.num_heads": 2, "model.decoder_config.depth": 1,
            "train_module.rank_microbatch_size": 2, "train_module.scheduler.warmup_steps": 2,
            "trainer.device": "cpu", "trainer.threads": 1, "trainer.save_interval": 2,
            "trainer.metrics_collect_interval": 1, "trainer.max_duration.steps": steps,
            **more,
        }  # fmt: skip
        options = [f"--{key}={value}" for key, value in settings.items() if value is not None]
        return [str(CONFIGS / "v1_2" / "nano.cfg"), *options]

    return make


@pytest.fixture
def losses(tmp_path):
    """Read the loss of every step of a run."""

    def read(name="run"):
        lines = (tmp_path / name / "metrics.jsonl").read_text().splitlines()
        return {row["step"]: row["train/loss"] for row in map(json.loads, lines) if "train/loss" in row}

    return read


@pytest.fixture
def trained(words, tmp_path):
    """Train one step and return the first words of a command that evaluates it."""
    from olmoearth_core.cli.main import main

    off = {"trainer.callbacks.downstream_evaluator.enabled": "false"}
    with contextlib.suppress(SystemExit):
        main(["train", *words("run", steps=1, **off)])
    assert (tmp_path / "run" / "step00000001").is_dir()
    return ("evaluate", str(tmp_path / "run"), "--cache", str(tmp_path / "kept"))


@pytest.fixture
def series(tmp_path):
    """Write pixel series whose classes differ in brightness to a URL, and return the file of their task."""

    def write(url):
        rng, count = np.random.default_rng(0), 60
        label = np.arange(count) % 3 + 1
        values = rng.normal(1000, 300, (count, 12, 18)) + 600 * label[:, None, None]
        arrays = {
            "s1_s2_era5_srtm": values, "target": label, "is_test": (np.arange(count) % 4 == 0).astype(np.int64),
            "latlon": np.stack([np.arange(count) * 0.5, np.zeros(count)], 1),
            "month": np.tile(np.arange(12), (count, 1)),
        }  # fmt: skip
        for name, array in arrays.items():
            with fsspec.open(f"{url}/{name}.npy", "wb") as stream:
                np.save(stream, array)
        path = tmp_path / f"{url.split(':')[0].replace('/', '_')}.cfg"
        path.write_text(SERIES.format(root=url))
        return str(path)

    return write
