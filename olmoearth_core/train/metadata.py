"""Look at the index that torch writes beside sharded tensors before torch unpickles it.

It is a pickle, and torch reads it without any restriction; a checkpoint from elsewhere must not run code here. The
instructions are listed, not executed, and anything but the few names of such an index is refused.
"""

from __future__ import annotations

import pickletools
from collections.abc import Iterator
from pathlib import Path

import torch

from olmoearth_core.errors import CheckpointError

_INDEX = (
    "Metadata", "MetadataIndex", "TensorStorageMetadata", "BytesStorageMetadata", "TensorProperties",
    "ChunkStorageMetadata", "StorageMeta", "_MEM_FORMAT_ENCODING",
)  # fmt: skip
_HARMLESS = {
    *(f"torch.distributed.checkpoint.metadata.{name}" for name in _INDEX),
    "torch.distributed.checkpoint.filesystem._StorageInfo", "torch.serialization._get_layout", "torch.Size",
    "collections.OrderedDict", "pathlib.PosixPath", "pathlib.WindowsPath", "pathlib._local.PosixPath",
    "pathlib._local.WindowsPath",
}  # fmt: skip


def names_only_tensors(file: Path) -> None:
    """Refuse an index that would call anything but the constructors of an index.

    Raises:
        CheckpointError: it is missing or damaged, or asks for something else; nothing of it was run.
    """
    try:
        asked = sorted({name for name in _called(file.read_bytes()) if not _harmless(name)})
    except (OSError, ValueError, IndexError) as error:
        raise CheckpointError(f"{file}: cannot be read ({error}). Use another checkpoint.") from error
    if asked:
        raise CheckpointError(
            f"{file}: found code that wants to call {', '.join(asked)}; nothing of it was run. Expected the index of a "
            "checkpoint. Do not trust this folder."
        )


def _harmless(name: str) -> bool:
    module, _, attribute = name.rpartition(".")
    return name in _HARMLESS or (module == "torch" and isinstance(getattr(torch, attribute, None), torch.dtype))


def _called(data: bytes) -> Iterator[str]:
    """Yield each global that a pickle looks up; "?" where its name is computed instead of written."""
    stack: list[str | None] = []
    memo: dict[int, str | None] = {}
    for op, argument, _ in pickletools.genops(data):
        if op.name in ("GLOBAL", "INST"):
            yield str(argument).replace(" ", ".")
        elif op.name == "STACK_GLOBAL":
            module, name = stack[-2:]
            yield f"{module or '?'}.{name or '?'}"
        if op.name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif op.name in ("BINPUT", "LONG_BINPUT", "PUT"):
            memo[int(str(argument))] = stack[-1]
        elif op.name in ("BINGET", "LONG_BINGET", "GET"):
            stack.append(memo.get(int(str(argument))))
        elif op.name in ("FRAME", "PROTO"):
            continue
        else:
            stack.append(argument if isinstance(argument, str) and "UNICODE" in op.name else None)
