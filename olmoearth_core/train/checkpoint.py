"""Checkpoints: a folder `step00000500` that is complete or does not count.

Tensors are written by `torch.distributed.checkpoint` (sharded, loadable at any number of ranks), everything else is
JSON or text beside them. The folder is written under another name, gets its completion marker last, and is then
renamed; whoever looks for a checkpoint ignores folders without the marker. There is no per-rank state, because all
randomness is a function of the step.
"""

from __future__ import annotations

import json
import pickle
import re
import shutil
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from olmoearth_core import uri
from olmoearth_core.errors import CheckpointError, TrainingError
from olmoearth_core.models.weights import Weights, same_architecture
from olmoearth_core.train import files
from olmoearth_core.train.distributed import World
from olmoearth_core.train.metadata import names_only_tensors

if TYPE_CHECKING:
    from torch.distributed.checkpoint.metadata import Metadata

MARKER = "COMMIT.json"
TENSORS = "model_and_optim"
LICENCE = "LICENSE.txt"
_STEP = re.compile(r"step(\d+)")


@dataclass(frozen=True)
class Papers:
    """What a checkpoint carries beside tensors.

    config: the resolved config as text, None for a run made of objects. modalities: specs as JSON. provenance: JSON.
    licence: of the weights that the run began with, "" where it began with fresh ones.
    """

    config: str | None = None
    modalities: list[dict[str, Any]] = field(default_factory=list)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    licence: str = ""


def folder_of(run_dir: Path, step: int) -> Path:
    """Return the final name of a checkpoint."""
    return run_dir / f"step{step:08d}"


def save(
    run_dir: Path, model: nn.Module, optimizer: Optimizer, trainer: Mapping[str, Any], papers: Papers, *, world: World
) -> Path:
    """Write the checkpoint of `trainer["progress"]["step"]`, on all ranks together.

    Raises:
        TrainingError: the disk is full or the folder may not be written; nothing is left under the final name.
    """
    step = int(trainer["progress"]["step"])
    final = folder_of(run_dir, step)
    beside = final.with_name(final.name + "-tmp")
    world.on_rank_0(lambda: _prepare(beside))
    try:
        _write_tensors(beside / TENSORS, state_of(model, optimizer), world)
    except _failures() as error:
        raise TrainingError(
            f"{beside}: the checkpoint of step {step} cannot be written ({_cause(error)}). "
            "Make room or check the permissions of the folder, then start the same command again."
        ) from error
    world.on_rank_0(lambda: _commit(beside, final, trainer, papers, world))
    return final


def find_latest(run_dir: Path) -> Path | None:
    """Return the complete checkpoint with the most steps in a run folder, or None."""
    complete = _complete(run_dir)
    return complete[-1] if complete else None


def is_step(name: str) -> bool:
    """Whether a folder is called like a checkpoint."""
    return _STEP.fullmatch(name) is not None


def checkpoints(run_dir: Path) -> list[Path]:
    """Return all checkpoint folders, complete or not, oldest first."""
    if not run_dir.is_dir():
        return []
    found = [(int(m[1]), p) for p in run_dir.iterdir() if (m := _STEP.fullmatch(p.name))]
    return [path for _, path in sorted(found)]


def locate(path: str | Path) -> Path:
    """Return the checkpoint that a run folder or a checkpoint folder stands for.

    Raises:
        CheckpointError: there is no complete checkpoint.
    """
    folder = Path(uri.resolve(str(path)))
    if (folder / MARKER).is_file():
        return folder
    latest = find_latest(folder)
    if latest is None:
        torn = [p.name for p in checkpoints(folder)]
        found = f"only the unfinished {', '.join(torn)}" if torn else "none" if folder.is_dir() else "no such folder"
        raise CheckpointError(
            f"{folder}: found {found}, expected a run folder or a folder like step00000500 with its {MARKER}."
        )
    return latest


def keep_newest(run_dir: Path, number: int) -> None:
    """Remove all but the newest complete checkpoints; the marker goes first, so that none is ever half there."""
    complete = _complete(run_dir)
    _remove(complete[: max(0, len(complete) - number)])


def remove_passing(run_dir: Path, save_interval: int) -> None:
    """Remove complete checkpoints of steps between those to be kept, but never the newest of all."""
    _remove([p for p in _complete(run_dir)[:-1] if int(p.name.removeprefix("step")) % save_interval])


def _complete(run_dir: Path) -> list[Path]:
    return [p for p in checkpoints(run_dir) if (p / MARKER).is_file()]


def _remove(folders: Iterable[Path]) -> None:
    for folder in folders:
        (folder / MARKER).unlink()
        shutil.rmtree(folder, ignore_errors=True)


def read_json(checkpoint: Path, name: str) -> Any:
    """Return one of the JSON papers of a checkpoint.

    Raises:
        CheckpointError: it is missing or damaged.
    """
    try:
        return json.loads((checkpoint / name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{checkpoint / name}: cannot be read ({error}). Use another checkpoint.") from error


def load(checkpoint: Path, model: nn.Module, optimizer: Optimizer | None, *, world: World) -> None:
    """Fill a model, and its optimizer unless None, in place.

    Raises:
        CheckpointError: the checkpoint is of another architecture, or damaged.
    """
    metadata = _metadata(checkpoint)
    stored = {k: tuple(v.size) for k, v in metadata.state_dict_metadata.items() if hasattr(v, "size")}
    state: dict[str, Any] = {"model": model.state_dict()}
    here = {name: tuple(tensor.shape) for name, tensor in state["model"].items()}
    there = {name.removeprefix("model."): size for name, size in stored.items() if name.startswith("model.")}
    same_architecture(checkpoint, here, there)
    if optimizer is not None:
        state["optim"] = _room_for(model, optimizer, metadata)
    _read_tensors(checkpoint / TENSORS, state, world)
    model.load_state_dict(state["model"])


def weights(checkpoint: Path) -> Weights:
    """Read all tensors of the model, without its optimizer, into memory.

    Raises:
        CheckpointError: the checkpoint is damaged.
    """
    from torch.distributed.checkpoint.metadata import BytesStorageMetadata

    stored = {
        name.removeprefix("model."): torch.empty(entry.size, dtype=entry.properties.dtype)
        for name, entry in _metadata(checkpoint).state_dict_metadata.items()
        if name.startswith("model.") and not isinstance(entry, BytesStorageMetadata)
    }
    _read_tensors(checkpoint / TENSORS, {"model": stored}, World(torch.device("cpu")))
    return Weights(checkpoint / TENSORS, {name: tuple(t.shape) for name, t in stored.items()}, stored.pop)


def state_of(model: nn.Module, optimizer: Optimizer) -> dict[str, dict[str, Any]]:
    """Return {"model": ..., "optim": ...}, keyed by parameter names: "state.encoder.….exp_avg"."""
    optim: dict[str, Tensor] = {}
    for name, parameter in model.named_parameters():
        for key, value in optimizer.state.get(parameter, {}).items():
            if isinstance(value, Tensor):
                optim[f"state.{name}.{key}"] = value
    return {"model": model.state_dict(), "optim": optim}


def _room_for(model: nn.Module, optimizer: Optimizer, metadata: Metadata) -> dict[str, Tensor]:
    """Give the optimizer empty state of the stored shapes, and return it under its stored names."""
    from torch.distributed.checkpoint.metadata import BytesStorageMetadata

    room: dict[str, Tensor] = {}
    by_name = dict(model.named_parameters())
    optimizer.state.clear()
    for stored, entry in metadata.state_dict_metadata.items():
        if not stored.startswith("optim.state.") or isinstance(entry, BytesStorageMetadata):
            continue
        name, _, key = stored.removeprefix("optim.state.").rpartition(".")
        parameter = by_name[name]
        same = tuple(entry.size) == tuple(parameter.shape)
        dtype = entry.properties.dtype
        empty = (
            torch.zeros_like(parameter, dtype=dtype)
            if same
            else torch.zeros(entry.size, dtype=dtype, device=parameter.device)
        )
        optimizer.state[parameter][key] = empty.detach()
        room[stored.removeprefix("optim.")] = optimizer.state[parameter][key]
    return room


def _metadata(checkpoint: Path) -> Metadata:
    from torch.distributed.checkpoint.filesystem import FileSystemReader

    names_only_tensors(checkpoint / TENSORS / ".metadata")
    try:
        return FileSystemReader(checkpoint / TENSORS).read_metadata()
    except _failures() as error:
        raise CheckpointError(f"{checkpoint / TENSORS}: cannot be read ({error!r}). Use another checkpoint.") from error


def _read_tensors(folder: Path, state: dict[str, Any], world: World) -> None:
    from torch.distributed.checkpoint.state_dict_loader import load as read

    try:
        with _quiet():
            read(state, checkpoint_id=folder, no_dist=world.size == 1)
    except _failures() as error:
        raise CheckpointError(f"{folder}: the checkpoint is damaged ({_cause(error)}). Use another one.") from error


def _write_tensors(folder: Path, state: dict[str, Any], world: World) -> None:
    from torch.distributed.checkpoint.state_dict_saver import save as write

    with _quiet():
        write(state, checkpoint_id=folder, no_dist=world.size == 1)


@contextmanager
def _quiet() -> Iterator[None]:
    """Drop torch's warning that one process is one process."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="torch.distributed is disabled", category=UserWarning)
        yield


def _prepare(beside: Path) -> None:
    try:
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
    except OSError as error:
        raise files.cannot_write(beside, error) from error


def _commit(beside: Path, final: Path, trainer: Mapping[str, Any], papers: Papers, world: World) -> None:
    if papers.config is not None:
        files.write_text(beside / "config.cfg", papers.config)
    if papers.licence:
        files.write_text(beside / LICENCE, papers.licence)
    files.write_json(beside / "modalities.json", papers.modalities)
    files.write_json(beside / "provenance.json", papers.provenance)
    files.write_json(beside / "trainer.json", trainer)
    commit = {"step": trainer["progress"]["step"], "world_size": world.size, "torch": torch.__version__}
    files.write_json(beside / MARKER, commit)
    try:
        shutil.rmtree(final, ignore_errors=True)  # an unfinished one; a complete one is never written again
        beside.rename(final)
    except OSError as error:
        raise files.cannot_write(final, error) from error


def _failures() -> tuple[type[BaseException], ...]:
    """Return what reading and writing tensors may raise; torch's own type is no Exception."""
    from torch.distributed.checkpoint.api import CheckpointException

    return CheckpointException, OSError, RuntimeError, ValueError, EOFError, KeyError, pickle.UnpicklingError


def _cause(error: BaseException) -> str:
    """Return the first line that says something, out of torch's nest of wrappers."""
    inner = getattr(error, "failures", None) or {}
    for wrapped in inner.values():
        cause = wrapped[0] if isinstance(wrapped, tuple) else wrapped
        return f"{type(cause).__name__}: {cause}"
    return f"{type(error).__name__}: {error}".splitlines()[0]
