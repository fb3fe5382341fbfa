"""What is printed, on a terminal and elsewhere."""

import io
from types import SimpleNamespace

import pytest

from olmoearth_plugins.callbacks.console import _Console, duration

METRICS = {
    "train/loss": 1.23456, "throughput/tokens_per_second": 12345.0, "throughput/samples_per_second": 6.78,
    "throughput/data_wait_share": 0.042, "throughput/seconds_left": 125.0,
}  # fmt: skip


class Terminal(io.StringIO):
    def isatty(self):
        return True


def run(rank=0):
    return SimpleNamespace(
        run_dir="runs/a", rank=rank, step=0, max_steps=20, world_size=2, device=SimpleNamespace(type="cpu")
    )


def test_a_flush_is_one_plain_line_with_loss_speeds_wait_and_time_left():
    stream = io.StringIO()
    callback = _Console(stream)
    callback.run_started(run())
    callback.step_ended(run(), 9, {"train/loss": 9.9})
    callback.step_ended(run(), 10, METRICS)
    assert stream.getvalue().splitlines() == [
        "runs/a begins: 20 steps on 2 x cpu",
        "step 10/20  loss 1.2346  12.3 k tokens/s  6.8 samples/s  wait 4 %  2 min 05 s left",
    ]


def test_a_terminal_gets_a_bar_with_the_same_facts():
    stream = Terminal()
    callback = _Console(stream)
    callback.run_started(run())
    callback.step_ended(run(), 10, METRICS)
    callback.run_ended(run(), "finished")
    assert "10/20" in stream.getvalue()
    assert callback.bar is None


def test_other_ranks_are_silent():
    stream = io.StringIO()
    callback = _Console(stream)
    callback.run_started(run(rank=1))
    callback.step_ended(run(rank=1), 10, METRICS)
    callback.evaluated(run(rank=1), 10, "cover", {"accuracy": 1.0})
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("seconds", "text"), [(42, "42 s"), (185, "3 min 05 s"), (7620, "2 h 07 min"), (273600, "3 d 04 h")]
)
def test_times_are_said_as_people_say_them(seconds, text):
    assert duration(seconds) == text
