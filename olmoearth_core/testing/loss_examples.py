"""A small input for any loss, and the value that its author wrote down for it.

Which input a loss takes is read from the annotations of its arguments: `Tokens`, `ClassTokens`, `Pixels`, or matrices.
A loss that takes something else gets none.
"""

# B samples, H W patches, T steps, S band groups, D width
from __future__ import annotations

import inspect
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from olmoearth_core.data.sample import Batch
from olmoearth_core.errors import OlmoEarthError
from olmoearth_core.interfaces.loss import Loss, Tokens
from olmoearth_core.registry import Component

PREDICTED = [[[1, 0], [0, 1], [1, 1]], [[1, 0], [1, 0], [0, 2]]]
TARGET = [[[1, 0], [0, 1], [1, 0]], [[0, 1], [1, 0], [0, 1]]]
CLASSES = [[[0], [1], [0]], [[1], [0], [1]]]
CODES = [[2, 2, 0], [2, 2, 2]]
PIXELS, PIXEL_CODES = [[2, 0], [0, 1]], [[2, 0], [1, 3]]
POOLED = ([[1, 0], [0, 1]], [[1, 0], [1, 1]])
_NAME = "example_map"
_WRITTEN = 6
"""Digits behind the point of values that are written down."""


@dataclass(frozen=True)
class Measured:
    """A loss on the example: what it takes in words, its value, and the value written down; None where there is none.

    reason: why there is no value.
    """

    takes: str
    value: float | None
    recorded: float | None
    reason: str = ""

    @property
    def differs(self) -> bool:
        """Whether both numbers are there and are not the same."""
        return None not in (self.value, self.recorded) and abs((self.value or 0) - (self.recorded or 0)) > 1e-5


def measure(component: Component, loss: Loss) -> Measured:
    """Call a loss on the example that fits it."""
    recorded = written_down(component)
    takes, arguments = example(loss)
    if not arguments:
        return Measured(takes, None, recorded, "no example for what it takes")
    try:
        value = float(loss(*arguments))
    except (OlmoEarthError, RuntimeError, TypeError, ValueError, LookupError, AttributeError) as error:
        return Measured(takes, None, recorded, f"{type(error).__name__}: {str(error).partition(chr(10))[0]}")
    return Measured(takes, round(value, _WRITTEN), recorded)


def example(loss: Any) -> tuple[str, tuple[Any, ...]]:
    """Return what a loss takes, in words, and such arguments; none if nobody knows."""
    parameters = inspect.signature(loss.__call__).parameters.values()
    annotations = [str(p.annotation) for p in parameters if p.default is p.empty]
    if all("Tensor" in a for a in annotations):
        words = "one vector per sample" if len(annotations) == 1 else "two vectors per sample"
        return words, tuple(_matrix(rows) for rows in POOLED[: len(annotations)])
    if "Pixels" in annotations[0]:
        return "pixels", pixels()
    if "ClassTokens" in annotations[-1]:
        return "scores and classes", (tokens(PREDICTED), tokens(CLASSES, torch.int64))
    if all("Tokens" in a for a in annotations):
        return "tokens", (tokens(PREDICTED), tokens(TARGET))[: len(annotations)]
    return "something else", ()


def pixels() -> tuple[Tokens, Batch]:
    """Return reconstructed pixels and the batch that they belong to: 2 x 2 pixels of one band, one of them missing."""
    masks = {_NAME: torch.tensor(PIXEL_CODES, dtype=torch.int8)[None, :, :, None, None]}
    values = _matrix(PIXELS)[None, :, :, None, None]
    truth = Batch({_NAME: torch.ones_like(values)}, masks, torch.tensor([[[1, 0, 2023]]]))
    return Tokens({_NAME: values}, masks), truth


def tokens(values: list[list[list[int]]], dtype: torch.dtype = torch.float32) -> Tokens:
    """Put tokens [B,H,D] on a map of H x 1 patches, of which all but one are to be decoded."""
    laid_BHWTSD = torch.tensor(values, dtype=dtype)[:, :, None, None, None]
    codes_BHWTS = torch.tensor(CODES, dtype=torch.int8)[:, :, None, None, None]
    return Tokens({_NAME: laid_BHWTSD}, {_NAME: codes_BHWTS})


def written_down(component: Component) -> float | None:
    """Return the value with default settings in tests/golden/NAME.*json of the source tree that a loss comes from."""
    for file in golden_files(component):
        cases = json.loads(file.read_text("utf-8")).get("cases", [])
        values = [case["value"] for case in cases if not case.get("settings") and "value" in case]
        if values:
            return float(values[0])
    return None


def golden_files(component: Component) -> list[Path]:
    """Return the files of golden numbers under a component's name; none where it has no source tree at hand.

    Components of different kinds may share a name, and so its first words.
    """
    folders = component.file.parents if component.file else ()
    return [
        file for folder in folders for file in sorted((folder / "tests" / "golden").glob(f"{component.name}.*json"))
    ]


def _matrix(rows: Any) -> Tensor:
    return torch.tensor(rows, dtype=torch.float32)
