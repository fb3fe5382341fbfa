"""Durations, seeds, speeds, specs and differences: the small parts of a run."""

import json
from types import SimpleNamespace

import pytest
import torch

from olmoearth_core.config.schema import Duration
from olmoearth_core.errors import CheckpointError, ConfigError
from olmoearth_core.interfaces.modality import BandSet, ModalitySpec, Statistics
from olmoearth_core.train import provenance, specs
from olmoearth_core.train.distributed import World, join
from olmoearth_core.train.meter import Meter
from olmoearth_core.train.resume import differences
from olmoearth_core.train.seed import seed_forward
from olmoearth_core.train.state import Horizon, Progress
from olmoearth_core.train.step import autocast


@pytest.mark.parametrize(
    ("duration", "steps"), [({"steps": 7}, 7), ({"epochs": 3}, 30), ({"samples": 33}, 9), ({"tokens": 4000}, 10)]
)
def test_every_duration_has_a_number_of_steps(duration, steps):
    assert Horizon(Duration(**duration), 10, 4, tokens_per_sample=100).max_steps(Progress()) == steps


def test_a_duration_in_tokens_is_projected_from_what_was_seen():
    horizon = Horizon(Duration(tokens=1000), 10, 4)
    assert horizon.max_steps(Progress(step=2, tokens=100)) == 20
    assert not horizon.reached(Progress(step=19, tokens=999))
    assert horizon.reached(Progress(step=20, tokens=1000))


def test_a_duration_in_hours_counts_time_of_all_restarts():
    horizon = Horizon(Duration(hours=0.5), 10, 4)
    assert not horizon.reached(Progress(step=5, milliseconds=1_799_999))
    assert horizon.reached(Progress(step=5, milliseconds=1_800_000))


@pytest.mark.parametrize("duration", [Duration(), Duration(steps=1, epochs=1)])
def test_none_or_two_limits_are_refused(duration):
    with pytest.raises(ConfigError, match="exactly one"):
        Horizon(duration, 10, 4)


def test_the_official_run_has_667200_steps():
    assert Horizon(Duration(epochs=300), 1_138_828 // 512, 512).max_steps(Progress()) == 667_200


def test_an_epoch_ends_with_its_last_batch():
    progress = Progress()
    for _ in range(5):
        progress.batch_done(batches_per_epoch=2)
    assert (progress.step, progress.epoch, progress.batch) == (5, 3, 1)


def test_dropout_depends_on_step_micro_batch_and_view_only():
    def draw(*key):
        seed_forward(*key)
        return torch.rand(1).item()

    assert draw(1, 2, 3, 0) == draw(1, 2, 3, 0)
    assert len({draw(1, 2, 3, 0), draw(2, 2, 3, 0), draw(1, 3, 3, 0), draw(1, 2, 4, 0), draw(1, 2, 3, 1)}) == 5


def test_speeds_leave_out_checkpoints_and_know_the_wait_for_data():
    clock = SimpleNamespace(now=0.0)
    meter = Meter(lambda: clock.now)

    def slow():
        clock.now += 1
        yield "batch"

    for _ in meter.timed(slow()):
        clock.now += 3
    meter.counted(tokens=800, samples=8)
    clock.now += 96
    meter.skip(96)
    speeds = meter.read(steps_left=5)
    assert speeds["throughput/tokens_per_second"] == pytest.approx(200)
    assert speeds["throughput/data_wait_share"] == pytest.approx(0.25)
    assert speeds["throughput/seconds_left"] == pytest.approx(20)


def test_a_modality_survives_json():
    spec = ModalitySpec(
        "radar", (BandSet(("vv", "vh"), 16),), 16, True, storage="power_to_db", valid_range=(-50.0, 10.0),
        drop_rules=("any_nan", "all_zero"), statistics={"vv": Statistics(mean=-12.0, std=3.0)},
    )  # fmt: skip
    assert specs.from_json(json.loads(json.dumps(specs.to_json([spec])))) == (spec,)


def test_a_modality_of_a_newer_version_is_refused():
    with pytest.raises(CheckpointError, match="newer olmoearth"):
        specs.from_json([{"name": "radar", "polarimetry": True}])


def test_differences_leave_out_how_a_run_is_run():
    old = {"run": {"name": "a", "root": "x"}, "trainer": {"save_interval": 1}, "model": {"depth": 1, "old": 2}}
    new = {"run": {"name": "a", "root": "y"}, "trainer": {"save_interval": 2}, "model": {"depth": 3}}
    assert list(differences(old, new)) == [("model.depth", 1, 3), ("model.old", 2, "not there")]


def test_disabled_blocks_are_not_part_of_the_provenance():
    tree = {"a": {"enabled": False, "@losses": "no.such.v1"}, "b": {"@maskings": "also.missing.v1"}}
    assert provenance.used(tree, []) == []


def test_a_digest_changes_with_a_package_version():
    found = {"packages": {"torch": "1"}, "components": [], "modalities": []}
    assert provenance.digest(found) != provenance.digest({**found, "packages": {"torch": "2"}})
    assert provenance.digest(found) == provenance.digest({**found, "git": {"commit": "x"}})


def test_one_process_needs_no_environment():
    world = join({}, "cpu")
    assert (world.rank, world.size, world.speaks) == (0, 1, True)
    assert world.sum_ints([1, 2]) == [1, 2]


@pytest.mark.parametrize("device", ["toaster", "cuda" if not torch.cuda.is_available() else "toaster"])
def test_a_device_that_is_not_there_is_refused(device):
    with pytest.raises(ConfigError, match="device"):
        join({}, device)


def test_half_precision_without_a_loss_scale_is_refused():
    with pytest.raises(ConfigError, match="float16"):
        autocast("float16", torch.device("cpu"))


def test_auto_precision_is_full_on_a_cpu():
    with autocast("auto", World(torch.device("cpu")).device):
        assert not torch.is_autocast_enabled("cpu")
