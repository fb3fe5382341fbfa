"""One of two processes that train together; run by test_ranks.py, which reads what it writes."""

import importlib.util
import os
import sys
from pathlib import Path

import torch

from olmoearth_core.train import distributed


def load_kit():
    spec = importlib.util.spec_from_file_location("kit", Path(__file__).with_name("conftest.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules["kit"] = module
    spec.loader.exec_module(module)
    return module.Kit


def train(kit, name, world):
    """Three steps of two micro-batches per rank, the second of them with NaN in one sample; weights and metrics."""
    moving = {} if name == "mae" else {"ema_decay": [0.9, 1.0]}
    model, task = kit.model(name), kit.objective(name, **moving)
    engine = kit.engine(model, task, world)
    engine.model = distributed.parallelize(model, world)
    for step in (1, 2, 3):
        whole = kit.batch(task.num_views, size=8, seed=step)
        whole = kit.poisoned(whole) if step == 2 else whole
        engine.step(whole.rows(slice(world.rank, None, world.size)), step, 10)
    return {"weights": model.state_dict(), "metrics": dict(engine.flush())}


def main(folder):
    kit = load_kit()
    world = distributed.join(os.environ, "cpu")
    found = {name: train(kit, name, world) for name in ("galileo", "mae")}
    torch.save(found, Path(folder) / f"rank{world.rank}.pt")
    distributed.leave(world)


if __name__ == "__main__":
    main(sys.argv[1])
