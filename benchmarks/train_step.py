r"""Tokens per second of a v1.2 nano training step at a fixed shape, and the time from command to first step.

Batch 4, patch 4, 6 x 6 patches, nine modalities, float32 on the CPU. With the reference's interpreter and scripts both
programs run alternately on the same H5 folder, each round in fresh processes, and medians of paired ratios are printed:

  python benchmarks/train_step.py --reference-python VENV/bin/python --reference-dir DIR \
      --reference-scripts CHECKOUT/scripts/official

DIR holds `make_h5.py`, `peer_train.py` and `shims`. Without them, `--h5 FOLDER` measures ours alone. A token counts
if it is there, once per view, in both programs; the first two steps are left out.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

CONFIG = Path(__file__).parents[1] / "configs" / "v1_2" / "nano.cfg"
GATES = {"tokens/s, ours / reference": ("at least", 1.3), "start-up, ours / reference": ("at most", 0.5)}
WARM = 2


def main() -> int:
    args = arguments()
    if args.one:
        ours_here(args)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        args.h5 = args.h5 or make_h5(args, folder)
        if args.reference_python is None:
            for _ in range(args.rounds):
                print(described("ours", ours(args, folder)), flush=True)
            return 0
        return report([paired(i, args, folder) for i in range(args.rounds)], args)


def arguments() -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--h5", help="folder of an H5 data set with the nine official modalities")
    p.add_argument("--reference-python", type=Path)
    p.add_argument("--reference-dir", type=Path, help="folder of make_h5.py, peer_train.py and shims")
    p.add_argument("--reference-scripts", type=Path, help="scripts/official of a source checkout of the reference")
    p.add_argument("--rounds", type=int, default=7)
    p.add_argument("--steps", type=int, default=14)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--max-load", type=float, help="drop rounds that begin under a higher load average")
    p.add_argument("--one", metavar="OUT", help=argparse.SUPPRESS)
    args = p.parse_args()
    if args.h5 is None and args.reference_dir is None:
        p.error("give --h5, or --reference-dir to make a data set with its make_h5.py")
    return args


def make_h5(args: argparse.Namespace, folder: str) -> str:
    command = [sys.executable, str(args.reference_dir / "make_h5.py"), f"{folder}/h5", "--n", "64", "--size", "128"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return str(json.loads(done.stdout.splitlines()[-1])["folder"])


def paired(number: int, args: argparse.Namespace, folder: str) -> dict[str, Any]:
    """Run ours and the reference, one after the other; the order alternates."""
    programs = [("ours", ours), ("reference", reference)]
    load = os.getloadavg()[0]
    found = {name: run(args, folder) for name, run in (programs if number % 2 == 0 else programs[::-1])}
    for name, result in found.items():
        print(f"round {number + 1}  load {load:.1f}  {described(name, result)}", flush=True)
    return {"load": load, **found}


def described(name: str, result: dict[str, float]) -> str:
    return f"{name:9}  {result['tokens_per_s']:8.0f} tokens/s  first step after {result['first_step_s']:5.2f} s"


def ours(args: argparse.Namespace, folder: str) -> dict[str, float]:
    out = Path(folder) / "ours.json"
    command = [sys.executable, __file__, "--one", str(out), "--h5", args.h5]
    command += ["--steps", str(args.steps), "--threads", str(args.threads)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(args.threads), "OLMOEARTH_BORN": repr(time.time())}
    subprocess.run(command, env=environment, check=True, capture_output=True)
    result: dict[str, float] = json.loads(out.read_text())
    return result


def reference(args: argparse.Namespace, folder: str) -> dict[str, float]:
    home, out = args.reference_dir.resolve(), Path(folder) / "reference.jsonl"
    out.unlink(missing_ok=True)
    settings = {
        "scripts": args.reference_scripts.resolve(), "version": "v1_2", "size": "nano", "h5": args.h5, "out": out,
        "steps": args.steps, "batch": 4, "micro": 4, "threads": args.threads, "patch": 4, "hw": 6,
        "save": f"{folder}/s",
    }  # fmt: skip
    command = [str(args.reference_python), str(home / "peer_train.py")]
    command += [word for key, value in settings.items() for word in (f"--{key}", str(value))]
    environment = {
        **os.environ, "PYTHONPATH": f"{home / 'shims'}{os.pathsep}{home}", "OMP_NUM_THREADS": str(args.threads),
        "PEER_SCRIPTS": str(args.reference_scripts.resolve()),
    }  # fmt: skip
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True)
    if not out.is_file():
        raise SystemExit(f"the reference failed:\n{done.stderr[-3000:]}")
    row = json.loads(out.read_text().splitlines()[-1])
    warm = row["rows"][WARM:]
    speed = sum(r["tokens"] for r in warm) / sum(r["total"] for r in warm)
    return {"tokens_per_s": speed, "first_step_s": row["startup_first_step_done_s"]}


def ours_here(args: argparse.Namespace) -> None:
    """Train in this process, the way the command line does, and write what was measured."""
    from olmoearth_core.compose import compose

    with tempfile.TemporaryDirectory() as root:
        settings = {
            "run.root": root, "dataset.h5py_dir": args.h5, "data_loader.global_batch_size": 4,
            "train_module.rank_microbatch_size": 4, "data_loader.num_workers": 0, "data_loader.min_patch_size": 4,
            "data_loader.max_patch_size": 4, "data_loader.sampled_hw_p_list": [6], "trainer.device": "cpu",
            "trainer.threads": args.threads, "trainer.max_duration.steps": args.steps,
        }  # fmt: skip
        run = compose(CONFIG, overrides=[f"--{k}={v}" for k, v in settings.items()])
        timer = Timer()
        run.parts.trainer.callbacks["timer"] = timer  # type: ignore[index]
        run.fit()
    born = float(os.environ["OLMOEARTH_BORN"])
    spent = timer.ends[-1] - timer.ends[WARM - 1]
    result = {"tokens_per_s": sum(timer.tokens[WARM:]) / spent, "first_step_s": timer.ends[0] - born}
    Path(args.one).write_text(json.dumps(result))


class Timer:
    """A stage that notes when each step ended and how many tokens its batch held."""

    def __init__(self) -> None:
        self.ends: list[float] = []
        self.tokens: list[int] = []

    def started(self, trainer: Any) -> None:
        """Count the tokens of every batch from now on."""
        step = trainer.engine.step

        def counted(batch: Any, *where: Any) -> None:
            self.tokens.append(sum(sum(map(sum, counts.present.values())) for counts in batch.counts))
            step(batch, *where)

        trainer.engine.step = counted

    def step_ended(self, trainer: Any, step: int) -> None:
        """Note the time."""
        self.ends.append(time.time())

    def ended(self, trainer: Any, outcome: str) -> None:
        """Nothing is left to do."""

    def state_dict(self) -> dict[str, Any]:
        """Nothing is kept."""
        return {}

    def load_state_dict(self, state: Any) -> None:
        """Nothing is taken back."""


def report(rounds: list[dict[str, Any]], args: argparse.Namespace) -> int:
    calm = [r for r in rounds if args.max_load is None or r["load"] <= args.max_load]
    if not calm:
        print(f"no round began under a load average of {args.max_load}")
        return 1
    speeds = [r["ours"]["tokens_per_s"] / r["reference"]["tokens_per_s"] for r in calm]
    starts = [r["ours"]["first_step_s"] / r["reference"]["first_step_s"] for r in calm]
    missed = 0
    for (name, (word, gate)), ratios in zip(GATES.items(), (speeds, starts), strict=True):
        middle = statistics.median(ratios)
        good = middle >= gate if word == "at least" else middle <= gate
        missed += not good
        spread = f"{min(ratios):.2f} to {max(ratios):.2f} in {len(ratios)} rounds"
        print(f"{name}: median {middle:.2f} ({spread}); {word} {gate}: {'met' if good else 'MISSED'}")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
