"""With a broken, a clashing and a slow package installed, everything that does not name them works as ever."""

import sys
from pathlib import Path

import pytest

from olmoearth_core.cli.main import main

NANO = str(Path(__file__).parents[2] / "configs" / "v1_2" / "nano.cfg")
TINY = (
    "data_loader.global_batch_size=4", "data_loader.num_workers=0", "model.encoder_config.embedding_size=16",
    "model.encoder_config.depth=1", "model.encoder_config.num_heads=2", "model.decoder_config.depth=1",
    "train_module.rank_microbatch_size=4", "train_module.scheduler.warmup_steps=1", "trainer.device=cpu",
    "trainer.max_duration.steps=2", "data_loader.sampled_hw_p_list=[2]", "data_loader.max_patch_size=4",
)  # fmt: skip
HOOK = """
from olmoearth_core.hooks import hookimpl
heard = []
@hookimpl
def step_ended(step):
    heard.append(step)
    if step == 1: raise RuntimeError("not my day")
"""


@pytest.fixture(autouse=True)
def neighbours(install):
    """Install one package of each sort, with a hook module that fails at the first step."""
    bust, clash = {"bust.l2.v1": "hn_bust:l2"}, {"olmoearth.info_nce.v1": "hn_clash:f", "clash.l2.v1": "hn_clash:f"}
    slow = {"slow_sensor": "hn_slow:slow_sensor"}
    install("bust", "hn_bust", "import not_there", olmoearth_losses=bust, olmoearth_hooks={"main": "hn_bust"})
    install("clash", "hn_clash", "def f(): ...", olmoearth_losses=clash)
    install("slow", "hn_slow", "import time; time.sleep(60)", olmoearth_modalities=slow)
    install("hear", "hn_hear", HOOK, olmoearth_hooks={"main": "hn_hear"})


def run(*words):
    with pytest.raises(SystemExit) as end:
        raise SystemExit(main(words))
    return end.value.code


def test_list_shows_all_three_and_imports_none(capsys):
    run("plugins", "list")
    lines = capsys.readouterr().out.splitlines()
    assert any("bust.l2.v1" in line for line in lines)
    assert any("slow_sensor" in line for line in lines)
    assert [line.split()[1] for line in lines if "clash with" in line] == ["olmoearth.info_nce.v1"]
    assert {"hn_bust", "hn_clash", "hn_slow"}.isdisjoint(sys.modules)


def test_check_refuses_only_the_name_that_two_packages_claim(capsys):
    assert run("config", "check", NANO, "--train_module.contrastive=null") == 0
    assert run("config", "check", NANO) == 2
    said = "".join(capsys.readouterr())
    assert "clash 1.0" in said
    assert "bust" not in said
    assert "hn_slow" not in sys.modules


@pytest.mark.slow
def test_a_short_run_trains_and_drops_the_hook_that_raised(tmp_path, tiny_h5, caplog):
    options = [f"--{option}" for option in TINY]
    where = [f"--run.root={tmp_path}", "--run.name=beside", f"--dataset.h5py_dir={tiny_h5}"]
    modalities = '--dataset.training_modalities=["sentinel2_l2a"]'
    assert run("train", NANO, "--train_module.contrastive=null", modalities, *where, *options) == 0
    assert (tmp_path / "beside" / "metrics.jsonl").is_file()
    assert sys.modules["hn_hear"].heard == [1]
    assert any("hear:main" in record.message for record in caplog.records)


@pytest.fixture
def tiny_h5(tmp_path):
    """Four samples of one modality."""
    import h5py
    import numpy as np

    folder = tmp_path / "h5" / "h5py_data_w_missing_timesteps_16_x_256" / "sentinel2_l2a" / "4"
    folder.mkdir(parents=True)
    for i in range(4):
        with h5py.File(folder / f"sample_{i}.h5", "w") as file:
            file["latlon"] = np.zeros(2, "f4")
            file["timestamps"] = np.array([[1, month, 2021] for month in range(3)], "i4")
            file["sentinel2_l2a"] = np.random.default_rng(i).integers(200, 4000, (16, 16, 3, 12)).astype("u2")
            file["missing_timesteps_masks/sentinel2_l2a"] = np.ones(3, bool)
    (folder / "sample_metadata.csv").write_text("sample_index,sentinel2_l2a\n" + "".join(f"{i},1\n" for i in range(4)))
    np.save(folder / "latlon_distribution.npy", np.zeros((4, 2), "f4"))
    return folder
