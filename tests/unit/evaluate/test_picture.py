import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from olmoearth_core.data.sample import Sample
from olmoearth_core.evaluate.chunks import Chunks
from olmoearth_core.evaluate.picture import available, draw, held_out, losses, true_colour
from olmoearth_core.evaluate.run import OpenTask
from olmoearth_core.interfaces.evaluation import ALL, LabelledSample, Opened, Task
from olmoearth_core.interfaces.modality import BandSet, ModalitySpec

BANDS = ("blue", "green", "red")
SPEC = ModalitySpec(
    "optical", (BandSet(BANDS, 16),), 16, multitemporal=True,
    wavelengths_nm={"blue": 490, "green": 560, "red": 665},
)  # fmt: skip


def sample():
    rng = np.random.default_rng(0)
    presence = np.array([True, True, False]).reshape(1, 1, 3, 1)
    return Sample(
        {"optical": rng.random((8, 8, 3, 3), np.float32)}, {"optical": presence}, np.zeros((3, 3)), np.zeros(2)
    )


class Copy:
    """Predicts the class that the feature says."""

    def predict(self, query, train, labels, *, num_classes):
        assert len(train) == len(labels)
        return query[:, 0].long().numpy()


def shown(**facts):
    labels = [np.array([[0, 1], [1, i % 2]]) for i in range(10)]
    data = [LabelledSample(sample(), label, f"block {i}") for i, label in enumerate(labels)]
    features = torch.from_numpy(np.stack(labels)).float()[..., None]
    task = Task(benchmark=SimpleNamespace(**facts), evaluator=None)
    opened = Opened({ALL: data}, ("wood", "field"))
    open_ = OpenTask("cover", task, opened, "default", {ALL: Chunks(ALL, data, 4)})
    return held_out(open_, features, Copy(), count=2)


def test_windows_of_held_out_blocks_are_predicted():
    found = shown()
    assert len(found.samples) == 2
    assert np.array_equal(found.truth, found.predicted)


def test_red_green_and_blue_are_found_by_wavelength_and_absent_steps_are_left_out():
    one = sample()
    one.arrays["optical"][:, :, 2] = 1e6
    image = true_colour(one, [SPEC])
    assert image.shape == (8, 8, 3)
    red = np.median(one.arrays["optical"][:, :, :2, 2], axis=2)
    assert np.argmax(image[..., 0]) in np.flatnonzero(red.ravel() >= np.percentile(red, 98))


def test_losses_are_read_and_a_run_without_metrics_has_none(tmp_path):
    path = tmp_path / "metrics.jsonl"
    assert losses(path) == []
    rows = [{"step": 1, "train/loss": 2.5}, {"step": 1, "eval/x": 1}, {"step": 2, "train/loss": 2.0}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert losses(path) == [(1, 2.5), (2, 2.0)]


@pytest.mark.skipif(not available(), reason="matplotlib is not installed")
def test_the_picture_is_a_png_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "picture.png"
    draw(path, [(1, 2.0), (2, 1.0)], shown(), [SPEC])
    assert path.read_bytes().startswith(b"\x89PNG")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not available(), reason="matplotlib is not installed")
def test_classes_have_the_colours_that_the_benchmark_names(tmp_path):
    from matplotlib.image import imread

    def has(path, colour):
        pixels = np.round(imread(path)[..., :3] * 255).astype(int)
        return bool((pixels == colour).all(axis=-1).any())

    draw(tmp_path / "named.png", [(1, 2.0)], shown(colours=("#006400", "#f096ff")), [SPEC])
    draw(tmp_path / "plain.png", [(1, 2.0)], shown(), [SPEC])
    assert has(tmp_path / "named.png", (0, 100, 0))
    assert has(tmp_path / "named.png", (240, 150, 255))
    assert not has(tmp_path / "plain.png", (0, 100, 0))
