"""`olmoearth masking show` on data: it shows the masks that training gets."""

import os

import numpy as np
import pytest
import torch

from olmoearth_core.cli import masking as command
from olmoearth_core.cli.main import main
from olmoearth_core.cli.train import prepare
from olmoearth_core.data.mask_picture import MEANING
from olmoearth_core.train.distributed import World


def show(*arguments):
    with pytest.raises(SystemExit) as end:
        raise SystemExit(main(("masking", "show", *arguments)))
    return end.value.code


def test_it_shows_the_sample_that_training_gets_at_that_step(words, tmp_path, capsys):
    arguments = words("run")
    step, sample = 6, 3  # the second batch of the second epoch
    assert show(*arguments, "--step=6", "--sample=3", f"--out={tmp_path / 'a.png'}") == 0
    batches = prepare(arguments, os.environ).loader(World(torch.device("cpu"))).epoch(2)
    batch = [next(batches) for _ in range(step - 4)][-1]
    said = capsys.readouterr().out
    assert f"file {batch.indices[sample]} = sample 3 of step 6; patch size {batch.patch_size}" in said
    lines = [line.split() for line in said.splitlines()]
    for number, view in enumerate(batch.views, 1):
        for name, mask in view.masks.items():
            printed = np.array([line[-5:] for line in lines if line[:2] == [str(number), name]], int).sum(0)
            codes = mask[sample]
            assert printed.tolist() == [*(int((codes == code).sum()) for code in MEANING), codes.numel()]


def test_an_unknown_sample_is_refused_with_those_that_there_are(words, tmp_path, capsys):
    assert show(*words("run"), "--sample=4", f"--out={tmp_path / 'a.png'}") == 2
    assert "a batch has 4 samples (data_loader.global_batch_size), 0 to 3" in capsys.readouterr().err


def test_workers_are_not_started_to_look_at_one_batch(words, tmp_path, monkeypatch):
    arguments = words("run", **{"data_loader.num_workers": 2})
    monkeypatch.setattr("olmoearth_core.data.loader.DataLoader", pytest.fail)
    run = prepare(arguments, {})
    assert command._of_data(run, 1, 0).views
