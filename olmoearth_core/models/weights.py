"""Files of weights: opened without running anything that they hold, read tensor by tensor.

Pickles are read by torch's restricted reader alone, whatever the process environment says; one that asks for more than
tensors is refused with the name of what it asked for.
"""

from __future__ import annotations

import os
import pickle
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from olmoearth_core.errors import CheckpointError

Shapes = Mapping[str, tuple[int, ...]]
_SHOWN = 5


@dataclass
class Weights:
    """Named tensors of one file.

    file: where they lie, for messages. sizes: shape by name. read: returns one tensor in memory of its own.
    """

    file: Path
    sizes: dict[str, tuple[int, ...]]
    read: Callable[[str], Tensor]

    def shapes(self) -> Shapes:
        """Shape of each tensor by name."""
        return self.sizes

    def take(self, name: str) -> Tensor:
        """Return one tensor, once, in memory that nobody else uses."""
        return self.read(name)

    def renamed(self, names: Mapping[str, str]) -> Weights:
        """Return the same file under other names: new name -> name in the file; the rest is left out."""
        return Weights(self.file, {new: self.sizes[old] for new, old in names.items()}, lambda n: self.read(names[n]))


def open_weights(file: Path) -> Weights:
    """Open a .safetensors file or a pickled state dict; nothing of it is executed.

    Raises:
        CheckpointError: it is missing, damaged, or holds anything but tensors.
    """
    if not file.is_file():
        raise CheckpointError(
            f"{file}: found no such file, expected the weights of the model. Fetch it, or open the folder with "
            "load_weights=False for the architecture alone."
        )
    return _safetensors(file) if file.suffix == ".safetensors" else _pickled(file)


def same_architecture(file: Path, model: Shapes, stored: Shapes) -> None:
    """Compare the names and shapes of a model with those of stored weights.

    Raises:
        CheckpointError: they differ; with the first differences.
    """
    faults = [f"{k}: the model has it, the checkpoint does not" for k in model if k not in stored]
    faults += [f"{k}: the checkpoint has it, the model does not" for k in stored if k not in model]
    faults += [
        f"{k}: {stored[k]} in the checkpoint, {model[k]} in the model"
        for k in model
        if k in stored and stored[k] != model[k]
    ]
    if faults:
        more = f"\n  and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        raise CheckpointError(
            f"{file}: this checkpoint is of another architecture than the configured model:\n  "
            + "\n  ".join(faults[:_SHOWN])
            + f"{more}\nUse the model section of the checkpoint's own config, or another checkpoint."
        )


def _safetensors(file: Path) -> Weights:
    from safetensors import SafetensorError, safe_open

    if not os.access(file, os.R_OK):
        raise _forbidden(file)
    try:
        with safe_open(file, framework="pt", device="cpu") as opened:
            sizes = {name: tuple(opened.get_slice(name).get_shape()) for name in opened.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise _damaged(file, "a complete safetensors file", error) from error

    def read(name: str) -> Tensor:
        # A copy, because a mapping makes it deadly to write over the file; opened anew, to map one tensor at a time.
        with safe_open(file, framework="pt", device="cpu") as opened:
            tensor: Tensor = opened.get_tensor(name).clone()
            return tensor

    return Weights(file, sizes, read)


def _pickled(file: Path) -> Weights:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # on the pickle protocol of a file that is then refused
            state = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise _refused(file, error) from error
    except PermissionError as error:
        raise _forbidden(file) from error
    except (OSError, RuntimeError, ValueError, EOFError, KeyError, AttributeError, IndexError, TypeError) as error:
        raise _damaged(file, "a complete pickled state dict", error) from error
    if not isinstance(state, dict) or not all(isinstance(t, Tensor) for t in state.values()):
        found = f"a dict with {_strangers(state)}" if isinstance(state, dict) else f"a {type(state).__name__}"
        raise CheckpointError(
            f"{file}: found {found}, expected a plain state dict: names and tensors only. "
            "Save model.state_dict() and nothing else."
        )
    sizes = {name: tuple(tensor.shape) for name, tensor in state.items()}
    owners = Counter(tensor.untyped_storage().data_ptr() for tensor in state.values())

    def read(name: str) -> Tensor:
        tensor: Tensor = state.pop(name)
        storage = tensor.untyped_storage()
        alone = owners[storage.data_ptr()] == 1 and storage.nbytes() == tensor.nbytes
        return tensor if alone else tensor.clone()

    return Weights(file, sizes, read)


def _refused(file: Path, error: pickle.UnpicklingError) -> CheckpointError:
    asked = torch.serialization.get_unsafe_globals_in_checkpoint(file) if zipfile.is_zipfile(file) else []
    what = f"code that wants to call {', '.join(sorted(asked))}" if asked else f"what is no tensor ({_cause(error)})"
    return CheckpointError(
        f"{file}: found {what}; nothing of it was run. Expected a plain state dict: names and tensors only. "
        "Do not trust this file: fetch the original, or ask its author for safetensors."
    )


def _damaged(file: Path, expected: str, error: Exception) -> CheckpointError:
    return CheckpointError(
        f"{file}: found {file.stat().st_size:,} bytes that cannot be read ({_cause(error)}), expected {expected}. "
        "The file is truncated or damaged: fetch it again."
    )


def _forbidden(file: Path) -> CheckpointError:
    return CheckpointError(
        f"{file}: found a file that this user may not read, expected the weights of the model. Change its permissions "
        "(chmod), or copy it as a user who may."
    )


def _cause(error: Exception) -> str:
    """Return the telling sentence of torch's long messages."""
    if isinstance(error, KeyError | OSError):  # the number of an unknown opcode, a seek before the beginning
        return "no pickle and no archive of one, or only a part"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("Unsupported", "Trying to load", "GLOBAL"))]
    return (telling or lines or [type(error).__name__])[0].split(". ")[0][:200].rstrip(".")


def _strangers(state: Mapping[object, object]) -> str:
    strange = [f"{name}: {type(value).__name__}" for name, value in state.items() if not isinstance(value, Tensor)]
    return ", ".join(strange[:_SHOWN])
