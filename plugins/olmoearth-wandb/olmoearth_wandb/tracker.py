"""Report a run to Weights & Biases: its config, the metrics of each step, scores, and how it ended.

Only rank 0 reports. Without a key or a network the run is kept on disk, with one warning, to be sent later. The id of
the W&B run lies in the run folder, so that a resumed run goes on in the same place.
"""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from olmoearth_core.hooks import hookimpl
from olmoearth_core.interfaces.callback import Observer
from olmoearth_wandb.connection import Decision, Mode, decide, reachable

if TYPE_CHECKING:
    from olmoearth_core.train.trainer import Trainer

log = logging.getLogger(__name__)

ID_FILE = Path("wandb", "wandb_runid.txt")
"""Below the run folder; the reference keeps it there, too."""


def tracker(
    *,
    project: str = "olmoearth",
    entity: str | None = None,
    name: str | None = None,
    tags: list[str] | None = None,
    group: str | None = None,
    mode: Mode = "auto",
) -> Observer:
    """Report the run to Weights & Biases, from rank 0.

    project, entity: where the run appears; entity null = your default. name: of the run; null = that of the run folder.
    tags, group: to find runs again. mode: online, offline (kept on disk), disabled, or auto = online if WANDB_API_KEY
    is set and the server can be reached, else offline with a warning. WANDB_MODE in the environment outranks it.
    """
    return _Tracker({"project": project, "entity": entity, "group": group, "tags": tags}, name, mode)


class _Tracker(Observer):
    def __init__(self, place: dict[str, Any], name: str | None, mode: Mode) -> None:
        self.place, self.name, self.mode = place, name, mode
        self.sink: Any = None

    @hookimpl
    def run_started(self, run: Trainer) -> None:
        """Open the W&B run, or the one that this run had before it was resumed."""
        if run.rank != 0:
            return
        decision = decide(self.mode, os.environ, reachable)
        if decision.mode != "disabled":
            self.sink = self._opened(run, decision)
            # Steps may be repeated after a resume; W&B's own counter would drop everything that goes back.
            self.sink.define_metric("step", hidden=True)
            self.sink.define_metric("*", step_metric="step")
            _write(run.run_dir / ID_FILE, self.sink.id)

    @hookimpl
    def step_ended(self, step: int, metrics: Mapping[str, float]) -> None:
        """Report metrics, if this step has any."""
        if self.sink is not None and metrics:
            self.sink.log({**metrics, "step": step})

    @hookimpl
    def evaluated(self, step: int, name: str, metrics: Mapping[str, float]) -> None:
        """Report the scores of a task."""
        if self.sink is not None:
            self.sink.log({**metrics, "step": step})

    @hookimpl
    def run_ended(self, outcome: str) -> None:
        """Close the W&B run; it counts as failed only if the run did."""
        if self.sink is not None:
            sink, self.sink = self.sink, None
            sink.summary["outcome"] = outcome
            sink.finish(exit_code=int(outcome == "failed"))

    def _opened(self, run: Trainer, decision: Decision) -> Any:
        wandb = importlib.import_module("wandb")
        (run.run_dir / ID_FILE).parent.mkdir(parents=True, exist_ok=True)
        facts = {
            **self.place,
            "name": self.name or run.run_dir.name,
            "dir": str(run.run_dir),
            "id": _read(run.run_dir / ID_FILE),
            "config": run.config.tree if run.config is not None else None,
        }
        if decision.mode == "online":
            try:
                return wandb.init(mode="online", resume="allow", **facts)
            except wandb.errors.Error as error:
                decision = Decision("offline", f"W&B refused the run ({_without_key(str(error))})")
        if decision.why:
            folder = run.run_dir / ID_FILE.parent
            log.warning(
                "wandb: %s, so this run is recorded offline. Send it later: wandb sync %s/offline-run-* "
                "(--trainer.callbacks.wandb.enabled=False switches it off)", decision.why, folder,
            )  # fmt: skip
        # Silent, because wandb's own notes on being offline would only repeat the warning above.
        return wandb.init(mode="offline", settings={"silent": True}, **facts)


def _read(file: Path) -> str | None:
    return (file.read_text("utf-8").strip() or None) if file.is_file() else None


def _write(file: Path, text: str) -> None:
    half = file.with_name(f".{file.name}.half")
    half.write_text(text + "\n", "utf-8")
    half.replace(file)


def _without_key(message: str) -> str:
    key = os.environ.get("WANDB_API_KEY")
    return message.replace(key, "<key>") if key else message
