"""The reference's side of evaluate.py. Runs under the reference's own python and imports nothing of ours."""

from __future__ import annotations

import json
import resource
import sys
import time

import numpy as np
import torch
from olmoearth_pretrain.evals.knn import _run_knn_for_k


def main() -> None:
    folder, classes, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(threads)
    parts = {name: torch.from_numpy(np.load(f"{folder}/{name}.npy")) for name in ("train", "label", "query")}
    train, label, query = (parts[name].flatten(0, -2) if parts[name].ndim > 2 else parts[name] for name in parts)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _line in sys.stdin:
        wall = time.perf_counter()
        found = _run_knn_for_k(train, label.flatten(), query, classes, 20, torch.device("cpu"), False)
        wall = time.perf_counter() - wall
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        np.save(f"{folder}/reference.npy", found.numpy())
        print(json.dumps({"wall": wall, "megabytes": (peak - before) / 1024}), flush=True)


if __name__ == "__main__":
    main()
