"""Fetch a model from the Hugging Face hub, or say how to get it without a network."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

from olmoearth_core.errors import CheckpointError
from olmoearth_core.interfaces.checkpoint import Remote


def fetch(remote: Remote, *, load_weights: bool) -> Path:
    """Return the local folder of a model on the hub; what the cache holds is not fetched again.

    Raises:
        CheckpointError: there is no network and the cache lacks it, or the hub refuses.
    """
    from huggingface_hub import snapshot_download

    patterns = [*remote.papers, *(remote.weights if load_weights else ())]
    try:
        folder = Path(snapshot_download(remote.repo, revision=remote.revision, allow_patterns=patterns))
    # Its client fails with many unrelated types, which change from version to version.
    except Exception as error:
        raise CheckpointError(_unreachable(remote, patterns, error)) from error
    if load_weights and not _holds(folder, remote.weights):
        # Offline, the hub's client returns whatever an earlier call has left in the cache.
        raise CheckpointError(_unreachable(remote, patterns, f"the cache has only {folder} without weights"))
    return folder


def _holds(folder: Path, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(file.name, pattern) for file in folder.iterdir() for pattern in patterns)


def _unreachable(remote: Remote, patterns: list[str], error: Exception | str) -> str:
    cause = str(error).strip().splitlines()
    kind = "" if isinstance(error, str) else f"{type(error).__name__}: "
    wanted = " ".join(f'--include "{pattern}"' for pattern in patterns)
    return (
        f"{remote.repo}: sought {', '.join(patterns)} in the cache and on the hub and did not get them "
        f"({kind}{cause[0] if cause else ''}). Without a network, run this where there is one:\n"
        f"  hf download {remote.repo} {wanted} --local-dir {remote.repo.rpartition('/')[2]}\n"
        f"then copy the folder here and pass its path.{_forbidden()}"
    )


def _forbidden() -> str:
    from huggingface_hub.constants import HF_HUB_OFFLINE

    return " HF_HUB_OFFLINE is set in the environment and forbids the network." if HF_HUB_OFFLINE else ""
