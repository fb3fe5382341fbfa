"""The reference's side of evaluate_probe.py. Runs under the reference's own python and imports nothing of ours."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np
import torch
from olmoearth_pretrain.evals.datasets.configs import EvalDatasetConfig
from olmoearth_pretrain.evals.linear_probe import train_and_eval_probe
from olmoearth_pretrain.evals.task_types import TaskType


def main() -> None:
    folder, threads = Path(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(threads)
    recipe = json.loads((folder / "recipe.json").read_text())
    parts = []
    for split in ("train", "valid", "test"):
        parts += [torch.from_numpy(np.load(folder / f"{split}{end}.npy")) for end in ("", "_label")]
    kind = TaskType.SEGMENTATION if recipe["dense"] else TaskType.CLASSIFICATION
    config = EvalDatasetConfig(kind, [], 10, False, ["sentinel2_l2a"], 64 if recipe["dense"] else None)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _line in sys.stdin:
        wall = time.perf_counter()
        found = train_and_eval_probe(
            config, 0.01, *parts, torch.device("cpu"), 32, epochs=recipe["epochs"],
            eval_interval=min(recipe["interval"], recipe["epochs"]), select_best_by_primary_metric=recipe["best"],
        )  # fmt: skip
        wall = time.perf_counter() - wall
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        score = found.test_result.primary
        print(json.dumps({"wall": wall, "megabytes": (peak - before) / 1024, "score": float(score)}), flush=True)


if __name__ == "__main__":
    main()
