"""Whether a run begins, goes on, is over, or would overwrite another one.

A run folder belongs to one configuration. What only says how to run it (duration, callbacks, workers, micro-batch,
place of the data) may change between restarts; anything else under the same name is refused, naming the difference.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from olmoearth_core import uri
from olmoearth_core.config.freeze import RESOLVED
from olmoearth_core.config.schema import TrainerSettings
from olmoearth_core.errors import CheckpointError, ConfigError
from olmoearth_core.train import checkpoint
from olmoearth_core.train.state import Horizon, Progress

if TYPE_CHECKING:
    from olmoearth_core.config.resolved import Config

HOW_NOT_WHAT = (
    "run.root",
    "trainer",
    "dataset.h5py_dir",
    "dataset.cache_dir",
    "dataset.samples_per_sec",
    "data_loader.num_workers",
    "data_loader.prefetch_factor",
    "data_loader.persistent_workers",
    "data_loader.multiprocessing_context",
    "data_loader.max_bad_samples",
    "train_module.rank_microbatch_size",
)
"""Keys and sections that say how a run is run, not what it trains."""
_ABSENT = "not there"


@dataclass(frozen=True)
class Start:
    """Where a run begins.

    checkpoint: folder to load, or None. own: whether it is this run's. finished: nothing is left to do.
    weights: what gives the weights and nothing else, as `load_model` takes it, or None.
    """

    checkpoint: Path | None = None
    own: bool = False
    finished: bool = False
    weights: str | None = None

    def to_text(self) -> str:
        """Return one line for the other ranks."""
        return json.dumps([str(self.checkpoint) if self.checkpoint else None, self.own, self.finished, self.weights])

    @classmethod
    def from_text(cls, text: str) -> Start:
        """Take back what `to_text` gave."""
        path, own, finished, weights = json.loads(text)
        return cls(Path(path) if path else None, own, finished, weights)


def decide(run_dir: Path, config: Config | None, settings: TrainerSettings, horizon: Horizon) -> Start:
    """Look at the run folder and at `load_path`.

    Raises:
        ConfigError: the folder belongs to another configuration, or load_strategy forbids what is there.
        CheckpointError: a checkpoint is demanded and there is none.
    """
    refuse_another(run_dir, config)
    latest = checkpoint.find_latest(run_dir)
    if latest is not None:
        if settings.load_strategy == "never":
            raise ConfigError(
                f'{latest}: the run folder holds a checkpoint, but [trainer] load_strategy is "never". '
                "Choose another --run.name, or load_strategy if_available."
            )
        done = Progress.from_json(checkpoint.read_json(latest, "trainer.json")["progress"])
        return Start(latest, own=True, finished=horizon.reached(done))
    if settings.load_path is not None:
        return _elsewhere(settings.load_path)
    if settings.load_strategy == "always":
        raise CheckpointError(
            f'{run_dir}: no complete checkpoint, but [trainer] load_strategy is "always". '
            "Name one by --trainer.load_path, or use load_strategy if_available."
        )
    return Start()


def _elsewhere(load_path: str) -> Start:
    """Go on from a checkpoint of a run; anything else that can be opened gives its weights alone."""
    folder = Path(uri.resolve(load_path))
    if (folder / checkpoint.MARKER).is_file() or checkpoint.checkpoints(folder):
        return Start(checkpoint.locate(load_path))
    return Start(weights=load_path)


def refuse_another(run_dir: Path, config: Config | None) -> None:
    """Raise ConfigError if the folder was made by a configuration that trains something else."""
    kept = run_dir / "config" / RESOLVED
    if config is None or not kept.is_file():
        return
    from olmoearth_core.config.resolved import Config as Loaded

    old = Loaded.from_text(kept.read_text(encoding="utf-8")).tree
    changed = list(differences(old, config.tree))
    if changed:
        lines = "\n".join(f"  {key}: {before} there, {now} now" for key, before, now in changed[:10])
        more = f"\n  and {len(changed) - 10} more" if len(changed) > 10 else ""
        raise ConfigError(
            f"{run_dir}: the run of this name has another configuration:\n{lines}{more}\n"
            "Start this one under another name: --run.name=..."
        )


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Yield (key, old value, new value) of everything that matters and differs, in the order of the new config."""
    before, now = dict(_flat(old)), dict(_flat(new))
    for key in dict.fromkeys([*now, *before]):
        matters = not any(key == k or key.startswith(f"{k}.") for k in HOW_NOT_WHAT)
        if matters and before.get(key, _ABSENT) != now.get(key, _ABSENT):
            yield key, before.get(key, _ABSENT), now.get(key, _ABSENT)


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", json.loads(json.dumps(value, default=str))
