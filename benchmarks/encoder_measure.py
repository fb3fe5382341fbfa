"""What both sides of encoder.py share: equal inputs, timing, peak memory, and answering the parent line by line.

Imports nothing of either program.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

SIDE, DATES = 64, 12
BANDS = {"sentinel2_l2a": 12, "sentinel1": 2, "landsat": 11}
SENSORS = {"s2": ["sentinel2_l2a"], "s2s1l": ["sentinel2_l2a", "sentinel1", "landsat"]}
GEOMETRY = {"nano": (128, 8, 4), "tiny": (192, 3, 12), "small": (384, 6, 12), "base": (768, 12, 12)}
"""Width, heads, depth."""
SENTINEL2 = ["B02", "B03", "B04", "B08", "B05", "B06", "B07", "B8A", "B11", "B12", "B01", "B09"]
LANDSAT = ["B8", "B1", "B2", "B3", "B4", "B5", "B6", "B7", "B9", "B10", "B11"]
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


class Program(Protocol):
    """One encoder under measurement."""

    def open(self, version: str, size: str, sensors: list[str], weights: str) -> nn.Module:
        """Build the encoder, write or read its weights, return it in evaluation mode."""
        ...

    def call(self, batch: int, patch: int, way: str, stage: str) -> dict[str, Tensor]:
        """Return the tokens of each modality."""
        ...


def groups(version: str, name: str) -> list[list[int]]:
    """Channels of each token group."""
    if version != "v1":
        return [list(range(BANDS[name]))]
    return {"sentinel2_l2a": [[0, 1, 2, 3], [4, 5, 6, 7, 8, 9], [10, 11]], "landsat": [[0], list(range(1, 11))]}.get(
        name, [list(range(BANDS[name]))]
    )


def pixels(name: str, batch: int) -> Tensor:
    """Return [B,64,64,12,C], equal in both programs."""
    random = np.random.default_rng(sorted(BANDS).index(name))
    shape = (batch, SIDE, SIDE, DATES, BANDS[name])
    return torch.from_numpy(random.standard_normal(shape, dtype=np.float32))


def dates(batch: int) -> Tensor:
    """Return [B,12,3]: the 15th of every month of 2021."""
    return torch.tensor([[15, month, 2021] for month in range(DATES)]).repeat(batch, 1, 1)


def megabytes(field: str) -> float:
    """Resident memory of this process: VmRSS = now, VmHWM = at most since the last reset."""
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith(field))
    return int(line.split()[1]) / 1024


def peak_of(call: Callable[[], Any]) -> float:
    """Return by how many MiB resident memory rises at most during a call."""
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    before = megabytes("VmRSS")
    with open("/proc/self/clear_refs", "w") as reset:
        reset.write("5")
    kept = call()
    peak = megabytes("VmHWM") - before
    del kept
    return peak


class Stages:
    """Seconds spent in patch embedding, encodings and blocks, by hooks on the modules of those names."""

    def __init__(self, encoder: nn.Module) -> None:
        self.spent = {"patches": 0.0, "encodings": 0.0, "blocks": 0.0}
        self._began: dict[str, float] = {}
        self._watch("patches", encoder.patch_embeddings, encoder.patch_embeddings)
        self._watch("encodings", encoder.composite_encodings, encoder.composite_encodings)
        blocks: Any = encoder.blocks
        self._watch("blocks", blocks[0], blocks[-1])

    def _watch(self, name: str, first: Any, last: Any) -> None:
        def begin(*_: Any) -> None:
            self._began[name] = time.perf_counter()

        def end(*_: Any) -> None:
            self.spent[name] += time.perf_counter() - self._began[name]

        first.register_forward_pre_hook(begin)
        last.register_forward_hook(end)


def matmul_speed(width: int, dtype: torch.dtype) -> float:
    """GFLOP/s of a plain matrix product of the size of an MLP layer."""
    x, w = torch.randn(2048, width, dtype=dtype), torch.randn(width, 4 * width, dtype=dtype)
    out = torch.empty(2048, 4 * width, dtype=dtype)
    best = float("inf")
    for _ in range(8):
        began = time.perf_counter()
        torch.mm(x, w, out=out)
        best = min(best, time.perf_counter() - began)
    return 2 * 2048 * 4 * width * width / best / 1e9


def save(tokens: dict[str, Tensor], path: str) -> None:
    """Write the tokens for the parent to compare."""
    for name, found in tokens.items():
        np.save(f"{path}_{name}.npy", found.float().numpy())


@contextlib.contextmanager
def precision(dtype: str) -> Iterator[None]:
    """fp32 as it is; bf16 by autocast. Without gradients."""
    with torch.no_grad(), torch.autocast("cpu", DTYPES[dtype], enabled=dtype != "fp32"):
        yield


class Server:
    """Answers one question of the parent per line."""

    def __init__(self, program: Program) -> None:
        self.program = program
        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))

    def open(self, version: str, size: str, sensors: str, weights: str) -> dict[str, Any]:
        """Build, and call once at patch 8, so that libraries are loaded before memory is watched."""
        torch.manual_seed(0)
        encoder = self.program.open(version, size, SENSORS[sensors], weights)
        self.stages = Stages(encoder)
        with precision("fp32"):
            self.program.call(1, 8, "default", "encoder")
        return {}

    def first(self, batch: int, patch: int, dtype: str, way: str, stage: str, path: str) -> dict[str, Any]:
        """Call once, cold: memory and outputs."""
        with precision(dtype):
            self.program.call(batch, patch, way, "prepare")
            found: list[dict[str, Tensor]] = []
            peak = peak_of(lambda: found.append(self.program.call(batch, patch, way, stage)))
            if path:
                save(found.pop(), path)
            began = time.perf_counter()
            self.program.call(batch, patch, way, stage)
        return {"peak": peak, "wall": time.perf_counter() - began}

    def time(self, batch: int, patch: int, dtype: str, way: str, stage: str, calls: int) -> dict[str, Any]:
        """Return seconds per call by the clock and of the CPU, and those of each stage."""
        self.stages.spent = dict.fromkeys(self.stages.spent, 0.0)
        with precision(dtype):
            wall, cpu = time.perf_counter(), time.process_time()
            for _ in range(calls):
                self.program.call(batch, patch, way, stage)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        stages = {name: spent / calls for name, spent in self.stages.spent.items()}
        return {"wall": wall / calls, "cpu": cpu / calls, "stages": stages}

    def matmul(self, width: int) -> dict[str, Any]:
        """GFLOP/s of the machine in both precisions."""
        return {name: matmul_speed(width, dtype) for name, dtype in DTYPES.items()}

    def run(self) -> None:
        """Answer until the parent goes."""
        for line in sys.stdin:
            question = json.loads(line)
            answer = getattr(self, question.pop("ask"))(**question)
            print("ANSWER " + json.dumps(answer), flush=True)
