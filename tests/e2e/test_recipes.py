"""Every recipe and every ablation trains three steps, and so do the option sets of the user's guide on v1 nano.

Widths and depths are cut to those of a toy wherever they are not what the test is about.
"""

import math
from pathlib import Path

import pytest

from olmoearth_core.cli.main import main

CONFIGS = Path(__file__).parents[2] / "configs"
RECIPES = sorted(f"{p.parent.name}/{p.stem}" for p in CONFIGS.glob("v*/*.cfg") if p.stem != p.parent.name)
ABLATIONS = sorted(p.stem for p in (CONFIGS / "ablations").glob("*.cfg"))
OF_V1_1 = ("no_patch_mlp", "no_band_dropout", "v1_loss", "v1_masking")
NINE = {"dataset.training_modalities": None}
"""The nine modalities that recipes name themselves."""
UNCUT = dict.fromkeys(
    ["model.encoder_config.embedding_size", "model.encoder_config.depth", "model.encoder_config.num_heads"]
)
GUIDE = {
    "small debug run": {
        "data_loader.global_batch_size": 64, "train_module.rank_microbatch_size": 8, "trainer.max_duration.steps": 2,
    },
    "high performance": {
        "data_loader.num_workers": 16, "data_loader.global_batch_size": 512, "data_loader.prefetch_factor": 4,
        "train_module.rank_microbatch_size": 32, "trainer.max_duration.steps": 2,
    },
    "custom architecture": {
        "model.encoder_config.depth": 12, "model.encoder_config.num_heads": 12,
        "model.encoder_config.embedding_size": 768, "model.decoder_config.depth": 4, "trainer.max_duration.steps": 2,
    },
}  # fmt: skip
"""The override sets of the guide (shared/seed); only their duration is ours."""
FEW_TOKENS = {"data_loader.sampled_hw_p_list": [1], "data_loader.max_patch_size": 2, "data_loader.token_budget": 30}


@pytest.fixture
def train(words, all_h5, losses):
    """Train files of configs/ for some steps on the tiny data set and return the losses."""

    def run(*files, steps=3, **settings):
        _, *options = words(steps=steps, **{"dataset.h5py_dir": all_h5, "trainer.save_interval": 100, **settings})
        if "ablations/mae" in files:  # its only decoder is the one before the pixels
            options = [o.replace("model.decoder_config", "model.reconstructor_config.decoder_config") for o in options]
        with pytest.raises(SystemExit) as done:
            main(["train", *(str(CONFIGS / f"{file}.cfg") for file in files), *options])
        assert done.value.code == 0
        return list(losses().values())

    return run


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_trains_three_steps(recipe, train):
    found = train(recipe, **NINE)
    assert len(found) == 3
    assert all(map(math.isfinite, found))


@pytest.mark.parametrize("ablation", ABLATIONS)
def test_an_ablation_trains_three_steps(ablation, train):
    recipe = "v1_1/nano" if ablation in OF_V1_1 else "v1/nano"
    found = train(recipe, f"ablations/{ablation}", **NINE, **FEW_TOKENS)
    assert len(found) == 3
    assert all(map(math.isfinite, found))


@pytest.mark.filterwarnings("ignore:This DataLoader will create 16 worker processes")
@pytest.mark.parametrize(
    ("options", "samples"),
    [
        ("small debug run", 64),
        pytest.param("custom architecture", 16, marks=pytest.mark.slow),
        pytest.param("high performance", 512, marks=pytest.mark.slow),
    ],
)
def test_the_option_sets_of_the_guide_train_v1_nano(options, samples, train, official_h5):
    data = {"dataset.h5py_dir": official_h5(samples)}
    found = train("v1/nano", **{**NINE, **UNCUT, **FEW_TOKENS, **data, **GUIDE[options]})
    assert len(found) == 2
    assert all(map(math.isfinite, found))
