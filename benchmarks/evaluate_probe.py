r"""How fast is a linear probe on frozen features, in how much memory, how good: ours, the reference, scikit-learn.

Made-up sets of 10 classes: samples (100 000 x 768) and grids (16 x 16 x 768 with labels of 64 x 64 pixels), which ours
reads from files mapped into memory. Both train on the same features with the same recipe and score validation and test
splits of a quarter of the size; they live in processes of their own and work in turn. --interval 5 --select-best is how
the reference's sweep asks for it, --interval 50 is the default of a task. Times are of a few epochs (--epochs) and grow
in proportion, but for the last scoring, which is done once: with few epochs it weighs more than in 50. Memory is the
growth of the resident set over the inputs, which for ours includes the touched pages of the mapped files. Scores: the
two draw different orders and vectors are float32 here and bfloat16 there, so they agree within their spread over seeds,
not to the digit; our profile reference-2026.07 does (acceptance check 26a and b). On samples scikit-learn's logistic
regression of standardised features stands beside them: the same kind of head, trained to its end by another method.

  python benchmarks/evaluate_probe.py --peer /path/to/venv/bin/python --peer-path reference/shims:reference
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
SPLITS = ("train", "valid", "test")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--peer", help="python of a venv that holds the reference")
    options.add_argument("--peer-path", default="", help="PYTHONPATH for it")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--samples", type=int, default=100_000, help="training samples; 0 = none")
    options.add_argument("--images", type=int, default=256, help="training grids of 16 x 16 patches; 0 = none")
    options.add_argument("--width", type=int, default=768)
    options.add_argument("--epochs", type=int, default=5)
    options.add_argument("--interval", type=int, default=50, help="epochs between validations")
    options.add_argument("--select-best", action="store_true")
    options.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.child:
        serve(*given.child, threads=given.threads)
        return
    for title, shape, label in (
        ("samples", (given.samples,), ()),
        ("grids", (given.images, 16, 16), (64, 64)),
    ):
        if shape[0]:
            compare(title, shape, label, given)


def compare(title: str, shape: tuple[int, ...], label: tuple[int, ...], given: argparse.Namespace) -> None:
    """Let the programs probe in turn and print medians."""
    with tempfile.TemporaryDirectory() as folder:
        write_inputs(Path(folder), shape, label, given)
        ours = [sys.executable, __file__, "--threads", str(given.threads), "--child", folder]
        programs = {"ours": [*ours, "ours"]} | ({} if label else {"scikit-learn": [*ours, "scikit-learn"]})
        if given.peer:
            programs["reference"] = [given.peer, str(HERE / "peer_evaluate_probe.py"), folder, str(given.threads)]
        children = {name: start(command, given) for name, command in programs.items()}
        rounds = [{name: ask(child) for name, child in children.items()} for _ in range(given.rounds + 1)][1:]
        for child in children.values():
            child.communicate("", timeout=60)
    print(f"{title}: {shape} x {given.width}, {given.epochs} epochs, interval {given.interval}"
          f"{', best kept' if given.select_best else ''}, {given.threads} threads")  # fmt: skip
    for name in programs:
        ratio = statistics.median(r[name]["wall"] / r["ours"]["wall"] for r in rounds)
        wall = statistics.median(r[name]["wall"] for r in rounds)
        last = rounds[-1][name]
        print(
            f"  {name:13} {wall:8.2f} s, {ratio:5.2f} x ours, + {last['megabytes']:6.0f} MB, score {last['score']:.4f}",
            flush=True,
        )
    print(f"  load {os.getloadavg()[0]:.1f}")


def write_inputs(folder: Path, shape: tuple[int, ...], label: tuple[int, ...], given: argparse.Namespace) -> None:
    """Save features that overlap between classes and their labels, split by split, and the recipe."""
    import numpy as np

    random = np.random.default_rng(0)
    centers = random.standard_normal((CLASSES, given.width), np.float32) * 0.1
    for split in SPLITS:
        count = shape[0] if split == "train" else max(1, shape[0] // 4)
        truth = random.integers(0, CLASSES, (count, *shape[1:]))
        features = random.standard_normal((*truth.shape, given.width), np.float32) + centers[truth]
        np.save(folder / f"{split}.npy", features)
        if label:
            truth = truth.repeat(label[0] // shape[1], axis=1).repeat(label[1] // shape[2], axis=2)
        np.save(folder / f"{split}_label.npy", truth)
    recipe = {"epochs": given.epochs, "interval": given.interval, "best": given.select_best, "dense": bool(label)}
    (folder / "recipe.json").write_text(json.dumps(recipe))


def serve(place: str, program: str, *, threads: int) -> None:
    """Probe whenever a line comes in."""
    import numpy as np
    import torch

    torch.set_num_threads(threads)
    folder = Path(place)
    recipe = json.loads((folder / "recipe.json").read_text())
    vectors = {split: np.load(folder / f"{split}.npy", mmap_mode="c") for split in SPLITS}
    truth = {split: np.load(folder / f"{split}_label.npy") for split in SPLITS}
    work = _ours if program == "ours" else _sklearn
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _line in sys.stdin:
        wall = time.perf_counter()
        found = work(vectors, truth, recipe)
        wall = time.perf_counter() - wall
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(json.dumps({"wall": wall, "megabytes": (peak - before) / 1024, "score": found}), flush=True)


def _ours(vectors: Any, truth: Any, recipe: dict[str, Any]) -> float:
    import torch

    from olmoearth_core.testing.evaluators import ToyCase
    from olmoearth_plugins.evaluators.linear_probe import linear_probe

    facts: dict[str, Any] = {"classes": tuple("abcdefghij")}
    if recipe["dense"]:
        facts |= {"task_type": "segmentation", "primary_metric": "miou"}
    case = ToyCase({split: torch.from_numpy(rows) for split, rows in vectors.items()}, truth, **facts)
    probe = linear_probe(
        lr=0.01, epochs=recipe["epochs"], eval_interval=min(recipe["interval"], recipe["epochs"]),
        select_best=recipe["best"], bootstrap=0,
    )  # fmt: skip
    scores = probe.evaluate(case)
    return next(s.value for s in scores if (s.split, s.metric) == ("test", case.primary_metric))


def _sklearn(vectors: Any, truth: Any, recipe: dict[str, Any]) -> float:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    head = make_pipeline(StandardScaler(), LogisticRegression()).fit(vectors["train"], truth["train"])
    return float(head.score(vectors["test"], truth["test"]))


if __name__ == "__main__":
    main()
