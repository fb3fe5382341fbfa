"""The v1.3 model trains from the command line and opens again."""

import math
from pathlib import Path

import pytest
import torch

import olmoearth_core
from olmoearth_core.cli.main import main
from olmoearth_core.data.sample import Batch

CONFIG = Path(__file__).parents[2] / "configs" / "v1_3" / "v1_3.cfg"


def test_a_model_with_an_attention_pooler_trains_and_opens_again(words, losses, tmp_path):
    _, *options = words(steps=4)
    with pytest.raises(SystemExit) as done:
        main(["train", str(CONFIG), *options])
    assert done.value.code == 0
    assert len(losses()) == 4
    assert all(math.isfinite(value) for value in losses().values())
    model = olmoearth_core.load_model(tmp_path / "run").eval()
    arrays, masks = (
        {"sentinel1": torch.zeros(1, 8, 8, 3, 2)},
        {"sentinel1": torch.zeros(1, 8, 8, 3, 1, dtype=torch.int64)},
    )
    with torch.no_grad():
        out = model.encoder(Batch(arrays, masks, torch.tensor([[[1, 0, 2021]] * 3])), 4)
    assert out.extras["student_location_tokens"].shape == (1, 2, 2, 128)
