"""One of two processes that train toy models together; run by test_distributed.py, which reads what it writes."""

import importlib.util
import json
import os
import signal
import sys
from pathlib import Path

import torch

from olmoearth_core.errors import TrainingError
from olmoearth_core.train import assemble, distributed
from olmoearth_core.train.state import Progress


def load_toys():
    spec = importlib.util.spec_from_file_location("toys", Path(__file__).with_name("conftest.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules["toys"] = module
    spec.loader.exec_module(module)
    return module


class Curve:
    """A stage that remembers the loss of every step, and can send this process a signal."""

    def __init__(self, signal_at=None):
        self.signal_at = signal_at

    def started(self, trainer):
        pass

    def step_ended(self, trainer, step):
        if step == self.signal_at and trainer.rank == 1:
            os.kill(os.getpid(), signal.SIGTERM)

    def ended(self, trainer, outcome):
        pass

    def state_dict(self):
        return {}

    def load_state_dict(self, state):
        pass


def fit(run, world):
    losses = {}

    def hear(hook, **facts):
        if hook == "step_ended" and "train/loss" in facts["metrics"]:
            losses[facts["step"]] = facts["metrics"]["train/loss"]

    original = assemble.Bus.notify
    assemble.Bus.notify = lambda self, hook, **facts: (hear(hook, **facts), original(self, hook, **facts))[0]
    try:
        result = run._fit(world)
    finally:
        assemble.Bus.notify = original
    seen = [[step, list(positions)] for step, positions in run.parts.train_module.seen]
    return {"losses": losses, "outcome": result.outcome, "code": result.exit_code, "step": result.step, "seen": seen}


def main(root):
    toys = load_toys()
    assemble.open_loader = toys.ToyLoader
    toy = toys.toys(Path(root))
    world = distributed.join(os.environ, "cpu")
    environment = dict(os.environ)
    out = {}

    def run(**settings):
        return toy.run(environment=environment, **settings)

    both = run(name="both", steps=6, whole=8)
    out["both"] = fit(both, world)
    out["resumed"] = fit(run(name="resumed", steps=9, whole=8, load_path=str(toy.root / "single")), world)
    poisoned = run(name="poisoned", steps=4, whole=8)
    poisoned.parts.train_module.poison = frozenset({2}) if world.rank == 1 else frozenset()
    out["poisoned"] = fit(poisoned, world)
    out["poisoned"]["skipped"] = poisoned.trainer.engine.skipped
    out["finite"] = all(bool(v.isfinite().all()) for v in poisoned.trainer.model.state_dict().values())
    out["signal"] = fit(run(name="signal", steps=9, whole=8, callbacks={"signal": Curve(signal_at=2)}), world)
    (toy.root / "in_the_way").touch()
    try:
        blocked = run(name="x", steps=1, whole=8)
        object.__setattr__(blocked.parts.run, "root", str(toy.root / "in_the_way"))
        fit(blocked, world)
    except (TrainingError, OSError) as error:
        out["blocked"] = type(error).__name__
    assert Progress().step == 0
    torch.save(both.trainer.model.state_dict(), toy.root / f"weights{world.rank}.pt")
    (toy.root / f"rank{world.rank}.json").write_text(json.dumps(out))
    distributed.leave(world)


if __name__ == "__main__":
    main(sys.argv[1])
