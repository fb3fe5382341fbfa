r"""How fast is kNN on frozen features, in how much memory, and does it answer alike: ours, scikit-learn, the reference.

Made-up sets: samples of 10 classes (100 000 x 768), and the patches of grids (16 x 16 x 768), which ours reads from a
file mapped into memory. Features of encoders lie mostly in few directions; here the variance of the i-th falls as
1 / i^2 (that of the encoder of the quick start as 1 / i^2.1 to 1 / i^3.1). Samples are also drawn without any such
structure, as no encoder makes them: the hardest case, where ours rules out pairs in 8 bits if the processor has
instructions for it (VNNI) and else searches in full like the others. All programs get the same files, live in processes
of their own and work in turn. Speeds are medians of paired rounds; memory is the growth of the resident set of a
process over its inputs, which for a mapped file includes the pages of it that were touched. Each program votes with
exp(cosine / 0.07) of 20 neighbours. Without --peer ours and scikit-learn run alone. The probe's part is
evaluate_probe.py.

  python benchmarks/evaluate.py --threads 2 --peer /path/to/venv/bin/python --peer-path reference/shims:reference
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from in_turn import ask, start

HERE = Path(__file__).parent
CLASSES = 10


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--peer", help="python of a venv that holds the reference")
    options.add_argument("--peer-path", default="", help="PYTHONPATH for it")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--samples", type=int, default=100_000, help="0 = none")
    options.add_argument("--images", type=int, default=500, help="grids of --side x --side patches; 0 = none")
    options.add_argument("--side", type=int, default=16)
    options.add_argument("--width", type=int, default=768)
    options.add_argument("--queries", type=int, default=10_000)
    options.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.child:
        serve(*given.child, threads=given.threads)
        return
    if given.samples:
        compare("samples", (given.samples,), 2.0, given)
        compare("samples without structure", (given.samples,), 0.0, given)
    if given.images:
        compare("patches of grids", (given.images, given.side, given.side), 2.0, given)


def compare(title: str, shape: tuple[int, ...], decay: float, given: argparse.Namespace) -> None:
    """Let the programs answer in turn and print medians."""
    import numpy as np

    with tempfile.TemporaryDirectory() as folder:
        write_inputs(folder, shape, decay, given)
        ours = [sys.executable, __file__, "--threads", str(given.threads), "--child", folder]
        programs = {"ours": [*ours, "ours"], "scikit-learn": [*ours, "scikit-learn"]}
        if given.peer:
            programs["reference"] = [
                given.peer, str(HERE / "peer_evaluate.py"), folder, str(CLASSES), str(given.threads),
            ]  # fmt: skip
        children = {name: start(command, given) for name, command in programs.items()}
        rounds = [{name: ask(child) for name, child in children.items()} for _ in range(given.rounds + 1)][1:]
        for child in children.values():
            child.communicate("", timeout=60)
        answers = {name: np.load(f"{folder}/{name}.npy") for name in programs}
        truth = np.load(f"{folder}/truth.npy")
    print(f"{title}: {shape} x {given.width}, {len(truth)} queries, {given.threads} threads")
    for name in programs:
        ratio = statistics.median(r[name]["wall"] / r["ours"]["wall"] for r in rounds)
        wall = statistics.median(r[name]["wall"] for r in rounds)
        print(
            f"  {name:13} {wall:8.2f} s, {ratio:5.2f} x ours, + {rounds[-1][name]['megabytes']:6.0f} MB, "
            f"accuracy {(answers[name] == truth).mean():.4f}, answers unlike ours "
            f"{int((answers[name] != answers['ours']).sum())}",
            flush=True,
        )
    print(f"  load {os.getloadavg()[0]:.1f}")


def write_inputs(folder: str, shape: tuple[int, ...], decay: float, given: argparse.Namespace) -> None:
    """Save features that overlap between classes, block by block. decay: the i-th variance falls as i to this power."""
    import numpy as np

    random = np.random.default_rng(0)
    spread = np.arange(1, given.width + 1, dtype=np.float32) ** (-decay / 2)
    turn = np.linalg.qr(random.standard_normal((given.width, given.width), np.float32))[0] if decay else None
    centers = random.standard_normal((CLASSES, given.width), np.float32) * (0.5 if decay else 0.1)
    label, truth = random.integers(0, CLASSES, shape), random.integers(0, CLASSES, given.queries)

    def drawn(which: Any) -> Any:
        rows = (random.standard_normal((len(which), given.width), np.float32) + centers[which]) * spread
        return rows if turn is None else rows @ turn

    file = np.lib.format.open_memmap(f"{folder}/train.npy", "w+", np.float32, (*shape, given.width))
    rows = file.reshape(-1, given.width)
    for first in range(0, len(rows), 8192):
        rows[first : first + 8192] = drawn(label.ravel()[first : first + 8192])
    file.flush()
    np.save(f"{folder}/label.npy", label)
    np.save(f"{folder}/truth.npy", truth)
    np.save(f"{folder}/query.npy", drawn(truth))


def serve(folder: str, program: str, *, threads: int) -> None:
    """Answer whenever a line comes in."""
    import numpy as np
    import torch

    torch.set_num_threads(threads)
    mode: Any = "c" if program == "ours" else None
    train, label, query = (
        np.load(f"{folder}/{name}.npy", mmap_mode=mode if name == "train" else None)
        for name in ("train", "label", "query")
    )
    work = _ours if program == "ours" else _sklearn
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _line in sys.stdin:
        wall = time.perf_counter()
        found = work(query, train, label)
        wall = time.perf_counter() - wall
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        np.save(f"{folder}/{program}.npy", found)
        print(json.dumps({"wall": wall, "megabytes": (peak - before) / 1024}), flush=True)


def _ours(query: Any, train: Any, label: Any) -> Any:
    import torch

    from olmoearth_plugins.evaluators.knn import probabilities

    labels = torch.from_numpy(label).flatten()
    return (
        probabilities(torch.from_numpy(query), torch.from_numpy(train), labels, num_classes=CLASSES).argmax(-1).numpy()
    )


def _sklearn(query: Any, train: Any, label: Any) -> Any:
    import numpy as np
    from sklearn.neighbors import KNeighborsClassifier

    model = KNeighborsClassifier(20, metric="cosine", weights=lambda apart: np.exp((1 - apart) / 0.07), n_jobs=1)
    return model.fit(train.reshape(-1, train.shape[-1]), label.ravel()).predict(query)


if __name__ == "__main__":
    main()
