"""Dataset repositories on the Hugging Face hub: which files there are, and how they come here.

The hub's client goes on where it was cut off and checks hashes; without a network the error says what to do by hand.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from olmoearth_core.errors import DataError


def listing(repo: str) -> list[str]:
    """Return the names of all files of a dataset repository on the hub, sorted."""
    from huggingface_hub import HfApi

    try:
        return sorted(HfApi().list_repo_files(repo, repo_type="dataset"))
    # Its client fails with many unrelated types, which change from version to version.
    except Exception as error:
        raise DataError(_unreachable(repo, error)) from error


def snapshot(repo: str, names: Sequence[str], out: Path) -> list[Path]:
    """Fetch files of a dataset repository into a folder, going on where it was cut off; return their paths."""
    from huggingface_hub import snapshot_download

    try:
        snapshot_download(repo, repo_type="dataset", local_dir=out, allow_patterns=[_literal(name) for name in names])
    except Exception as error:
        raise DataError(_unreachable(repo, error)) from error
    paths = [out / name for name in names]
    missing = [path for path in paths if not path.is_file()]
    if missing:
        raise DataError(f"{repo}: {len(missing)} files did not arrive, the first is {missing[0]}. Run it again.")
    return paths


def _literal(name: str) -> str:
    return re.sub(r"([*?[])", r"[\1]", name)


def _unreachable(repo: str, error: Exception) -> str:
    first = (str(error).strip().splitlines() or [""])[0]
    return (
        f"{repo}: cannot be fetched from the hub ({type(error).__name__}: {first}). Run it again to go on. Without a "
        f"network, run this where there is one:\n  hf download {repo} --repo-type dataset --local-dir pretrain\n"
        "then copy the folder here; `olmoearth dataset fetch ARCHIVE OUT` unpacks its archives safely."
    )
