"""Acceptance checks 25, 39 and 40 of the data chapter; ranks, workers, resumption, bad samples."""

import io
import logging
from dataclasses import replace
from itertools import islice
from multiprocessing.reduction import ForkingPickler

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from olmoearth_core.config.schema import DataLoaderSettings
from olmoearth_core.data.dataset import OlmoEarthDataset
from olmoearth_core.data.loader import Loader
from olmoearth_core.data.sample import TrainBatch
from olmoearth_core.data.tokens import DECODE, ENCODE, MISSING
from olmoearth_core.errors import ConfigError, DataError, TrainingError

NAMES = ("sentinel2_l2a", "sentinel1", "worldcover")
SMALL = DataLoaderSettings(
    global_batch_size=4, min_patch_size=1, max_patch_size=4, sampled_hw_p_list=[1, 2, 3], token_budget=60,
    max_bad_samples=0,
)  # fmt: skip

ASH = """
    from olmoearth_core.interfaces.modality import BandSet, ModalitySpec, Statistics

    def ash() -> ModalitySpec:
        ten = Statistics(mean=10.0, std=5.0)
        statistics = {"so2": ten, "depth": ten}
        return ModalitySpec("volcanic_ash", (BandSet(("so2", "depth"), 16),), 16, True, statistics=statistics)
"""


class Coin:
    """Shows or hides each token by its own draw."""

    def mask(self, present, specs, draw):
        masks = {}
        for spec in specs:
            here = present[spec.name]
            u = draw(f"coin/{spec.name}", here[0].numel()).reshape(here.shape)
            masks[spec.name] = torch.where(here, torch.where(u < 0.5, ENCODE, DECODE), MISSING).to(torch.int8)
        return masks


def loader(folder, given: DataLoaderSettings = SMALL, **options) -> Loader:
    return Loader(OlmoEarthDataset(str(folder), NAMES), given, masking=Coin(), num_views=2, **options)


def content(batch: TrainBatch) -> list[Tensor]:
    first = batch.views[0]
    return [*first.arrays.values(), *(m for view in batch.views for m in view.masks.values()), first.timestamps]


def equal(a: TrainBatch, b: TrainBatch) -> bool:
    alike = (a.patch_size, a.layout, a.indices, a.positions) == (b.patch_size, b.layout, b.indices, b.positions)
    return alike and all(torch.equal(x, y) for x, y in zip(content(a), content(b), strict=True))


def rows(parts: list[TrainBatch]) -> list[Tensor]:
    """Put the rows of all ranks back into the order of the global batch."""
    return [torch.stack(xs, 1).flatten(0, 1) for xs in zip(*map(content, parts), strict=True)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, writing):
    def sample(number):
        def write(path):
            arrays = {name: writing.values(name, 16, 6, number) for name in NAMES}
            masks = {"sentinel2_l2a": [True] * 6, "sentinel1": [True, False, True, True, False, True]}
            arrays["sentinel1"] = arrays["sentinel1"][:, :, :4]
            if number % 3 == 0:
                del arrays["worldcover"]
            writing.write_sample(path, arrays, writing.months(6), masks)
            return list(arrays)

        return write

    return writing.write_set(tmp_path_factory.mktemp("set"), [sample(i) for i in range(14)], 16, NAMES)


def test_a_batch_holds_the_same_pixels_under_two_masks(folder):
    batch = next(loader(folder).epoch(1))
    first, second = batch.views
    assert all(first.arrays[name] is second.arrays[name] for name in NAMES)
    assert any(not torch.equal(first.masks[name], second.masks[name]) for name in NAMES)
    assert first.memo is second.memo
    assert (batch.size, len(batch.indices), batch.positions) == (4, 4, (0, 1, 2, 3))


def test_masks_fit_the_layout_and_the_counts(folder):
    for batch in loader(folder).epoch(1):
        for view in batch.views:
            flat = batch.layout.flatten(view.masks)
            assert view.counts is not None
            assert view.counts.encode_rows() == tuple((flat == ENCODE).sum(1).tolist())
            assert view.counts.decode_rows() == tuple((flat == DECODE).sum(1).tolist())


def test_shapes_vary_between_batches_and_not_within(folder):
    loaded = loader(folder)
    shapes = {(b.patch_size, b.layout.segments[0].grid[:3]) for epoch in (1, 2, 3) for b in loaded.epoch(epoch)}
    assert len(shapes) > 3


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(epoch=st.integers(1, 3), start=st.integers(0, 2), world=st.sampled_from([1, 2, 4]))
def test_ranks_and_resumption_change_nothing(folder, epoch, start, world):
    whole = list(loader(folder).epoch(epoch))[start:]
    ranks = [list(loader(folder, rank=r, world_size=world).epoch(epoch, start)) for r in range(world)]
    for number, batch in enumerate(whole):
        parts = [rank[number] for rank in ranks]
        assert {part.patch_size for part in parts} == {batch.patch_size}
        assert all(torch.equal(x, y) for x, y in zip(content(batch), rows(parts), strict=True))


@pytest.mark.parametrize("rank", [0, 1])
def test_workers_change_nothing(folder, rank):
    here = list(loader(folder, rank=rank, world_size=2).epoch(1))
    with_workers = loader(folder, replace(SMALL, num_workers=2), rank=rank, world_size=2)
    there = list(with_workers.epoch(1))
    again = list(with_workers.epoch(1, start_batch=1))
    with_workers.close()
    assert all(equal(a, b) for a, b in zip(here, there, strict=True))
    assert all(equal(a, b) for a, b in zip(here[1:], again, strict=True))


def test_a_repeated_sample_gets_another_crop(folder):
    twice = replace(SMALL, num_dataset_repeats_per_epoch=2, min_patch_size=4, sampled_hw_p_list=[2], shuffle=False)
    batches = list(loader(folder, twice).epoch(1))
    first, repeat = batches[0], batches[3]
    assert first.indices == repeat.indices
    assert not torch.equal(first.views[0].arrays["sentinel2_l2a"], repeat.views[0].arrays["sentinel2_l2a"])


def test_too_few_samples_give_no_batch_and_a_clear_error(folder):
    few = loader(folder, replace(SMALL, global_batch_size=64))
    assert few.batches_per_epoch == 0
    with pytest.raises(DataError, match="14 samples do not fill one batch of 64"):
        next(few.epoch(1))


def test_a_batch_that_cannot_be_dealt_is_refused(folder):
    with pytest.raises(ConfigError, match="cannot be dealt to 3 ranks"):
        loader(folder, rank=0, world_size=3)


def test_another_seed_in_a_state_is_adopted_with_a_warning(folder, caplog):
    stored = loader(folder, replace(SMALL, seed=7))
    state = stored.state(epoch=1, batches_done=1)
    expected = list(stored.epoch(1))[1:]
    other = loader(folder)
    with caplog.at_level(logging.WARNING):
        epoch, done = other.resume(state)
    assert "the run began with 7" in caplog.text
    assert all(equal(a, b) for a, b in zip(expected, other.epoch(epoch, done), strict=True))


def test_a_run_resumed_with_another_seed_gets_the_rest_of_its_own_order(make_set):
    folder, eight = make_set(22, modalities=NAMES, steps=2), replace(SMALL, global_batch_size=8)
    resumed = loader(folder, eight)
    epoch, done = resumed.resume(loader(folder, replace(eight, seed=7)).state(epoch=1, batches_done=1))
    expected = np.random.default_rng(7 + 1).permutation(np.arange(22, dtype=np.uint32))[8:16]
    assert [list(batch.indices) for batch in resumed.epoch(epoch, done)] == [expected.tolist()]
    assert loader(folder, replace(SMALL, global_batch_size=64)).batches_per_epoch == 0


def test_another_data_set_in_a_state_is_warned_about(folder, make_set, caplog):
    state = loader(make_set(8, modalities=NAMES, steps=2)).state(1, 0)
    with caplog.at_level(logging.WARNING):
        loader(folder).resume(state)
    assert "not the one that the run began with" in caplog.text


class Hide:
    """Hides everything, and moves the dates a year on."""

    def apply(self, pixels, specs, draw):
        assert [spec.name for spec in specs] == list(pixels.arrays)
        assert (draw("x", 1).shape, pixels.patch_size >= 1) == ((4, 1), True)
        arrays = {n: a * 0 for n, a in pixels.arrays.items()}
        absent = {n: torch.zeros_like(p) for n, p in pixels.presence.items()}
        return replace(pixels, arrays=arrays, presence=absent, timestamps=pixels.timestamps + torch.tensor([0, 0, 1]))


def test_a_transform_changes_pixels_and_dates_before_the_masks_are_drawn(folder):
    plain = next(loader(folder).epoch(1))
    batch = next(loader(folder, replace(SMALL, transform=Hide())).epoch(1))
    assert all((mask == MISSING).all() for view in batch.views for mask in view.masks.values())
    moved = batch.views[0].timestamps - plain.views[0].timestamps
    assert (moved == torch.tensor([0, 0, 1])).all()


def test_something_else_than_a_transform_is_refused():
    with pytest.raises(ConfigError, match="derives a modality"):
        replace(SMALL, transform=lambda array, presence: (array, presence))


@pytest.fixture
def damaged(make_set):
    folder = make_set(12, modalities=NAMES, steps=3)
    path = folder / "sample_5.h5"
    path.write_bytes(path.read_bytes()[:3000])
    return folder


@pytest.mark.parametrize("workers", [0, 2])
def test_a_truncated_file_is_counted_named_and_replaced(damaged, workers):
    loaded = loader(damaged, replace(SMALL, max_bad_samples=1, num_workers=workers))
    batches = list(loaded.epoch(1))
    loaded.close()
    assert list(loaded.quarantine.samples) == [5]
    assert "sample_5.h5: cannot be read as HDF5" in loaded.quarantine.samples[5].reason.replace(str(damaged), "")
    assert all(5 not in batch.indices and batch.size == 4 for batch in batches)


def test_a_replacement_is_the_same_on_two_ranks(damaged):
    lenient = replace(SMALL, max_bad_samples=1)
    whole = list(loader(damaged, lenient).epoch(1))
    parts = [list(loader(damaged, lenient, rank=r, world_size=2).epoch(1)) for r in (0, 1)]
    for batch, *both in zip(whole, *parts, strict=True):
        assert all(torch.equal(x, y) for x, y in zip(content(batch), rows(both), strict=True))


@pytest.mark.parametrize("workers", [0, 1])
def test_more_bad_samples_than_allowed_end_the_run(damaged, workers):
    loaded = loader(damaged, replace(SMALL, num_workers=workers))
    with pytest.raises(TrainingError, match=r"1 samples cannot be read(.|\n)*sample_5\.h5"):
        list(loaded.epoch(1))
    loaded.close()


def test_a_share_of_bad_samples_is_rounded_up(damaged):
    assert loader(damaged, replace(SMALL, max_bad_samples=0.01)).quarantine.limit == 1


def test_reference_draws_work_end_to_end(folder):
    legacy = replace(SMALL, draws="reference", max_patch_size=2)
    batches = list(loader(folder, legacy).epoch(1))
    assert len(batches) == 3
    assert all(equal(a, b) for a, b in zip(batches, loader(folder, legacy).epoch(1), strict=True))


def test_absent_data_is_zero_in_a_batch(folder):
    for batch in islice(loader(folder).epoch(1), 3):
        for row, index in enumerate(batch.indices):
            if index % 3 == 0:
                assert not batch.views[0].arrays["worldcover"][row].any()
                assert (batch.views[0].masks["worldcover"][row] == MISSING).all()
    assert np.isfinite(batch.views[0].arrays["sentinel1"].numpy()).all()


@pytest.mark.parametrize("transform", [None, Hide()])
def test_a_batch_is_sent_in_four_pieces_of_memory(folder, monkeypatch, transform):
    sent = []

    def reduce_storage(storage):
        sent.append(storage.nbytes())
        return int, (0,)

    monkeypatch.setitem(ForkingPickler._extra_reducers, torch.UntypedStorage, reduce_storage)
    batch = next(loader(folder, replace(SMALL, transform=transform)).epoch(1))
    ForkingPickler(io.BytesIO()).dump(batch)
    assert len(sent) == 4


def test_a_modality_from_an_installed_package_reaches_the_batch(install, tmp_path, writing):
    install("acme-eo", "acme_eo", ASH, olmoearth_modalities={"volcanic_ash": "acme_eo:ash"})

    def write(path):
        arrays = {
            "volcanic_ash": np.full((16, 16, 2, 2), 20, np.uint8),
            "sentinel1": writing.values("sentinel1", 16, 2),
        }
        writing.write_sample(path, arrays, writing.months(2), {name: [True, True] for name in arrays})
        return list(arrays)

    names = ["VOLCANIC_ASH", "sentinel1"]
    dataset = OlmoEarthDataset(str(writing.write_set(tmp_path, [write] * 4, 16, ["volcanic_ash", "sentinel1"])), names)
    batch = next(Loader(dataset, SMALL, masking=Coin()).epoch(1))
    assert batch.layout.names == ("volcanic_ash", "sentinel1")
    torch.testing.assert_close(batch.views[0].arrays["volcanic_ash"][:, 0, 0, :2], torch.ones(4, 2, 2))
    assert (batch.views[0].masks["volcanic_ash"][:, :, :, :2] != MISSING).all()
