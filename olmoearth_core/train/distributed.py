"""How the processes of a run talk to each other; the only file that knows `torch.distributed`.

torchrun says who is who by environment variables; without them the run is one process and nothing here
communicates. Host values (counts, signals, texts) travel over gloo, gradients over the device's own backend.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, nn

from olmoearth_core.errors import ConfigError, OlmoEarthError, TrainingError

TIMEOUT = timedelta(minutes=30)
PATIENCE = timedelta(days=2)
"""How long ranks wait for one that works alone."""


@dataclass(frozen=True)
class World:
    """Who this process is among those that train one model."""

    device: torch.device
    rank: int = 0
    size: int = 1
    group: Any = None

    @property
    def speaks(self) -> bool:
        """Whether this is the one process that writes and prints."""
        return self.rank == 0

    def sum_ints(self, values: Sequence[int]) -> list[int]:
        """Add numbers over all ranks; every rank gets the sums."""
        if self.size == 1:
            return list(values)
        import torch.distributed as dist

        total = torch.tensor(values, dtype=torch.int64)
        dist.all_reduce(total, group=self.group)
        return [int(v) for v in total]

    def mean_(self, flat: Tensor) -> Tensor:
        """Average a tensor over all ranks, in place."""
        if self.size > 1:
            import torch.distributed as dist

            dist.all_reduce(flat, group=self.group)
            flat /= self.size
        return flat

    def share_text(self, text: str) -> str:
        """Return rank 0's text on every rank."""
        return self.share_bytes(text.encode()).decode()

    def on_rank_0(self, action: Callable[[], str | None]) -> str:
        """Let rank 0 do something and give every rank the text it returns.

        Raises:
            OlmoEarthError: what the action raised, on every rank, so that all of them end alike.
        """
        failure: OlmoEarthError | None = None
        answer = ""
        if self.speaks:
            try:
                answer = "+" + (action() or "")
            except OlmoEarthError as error:
                failure, answer = error, f"-{error}"
        answer = self.share_text(answer)
        if answer.startswith("-"):
            raise failure or TrainingError(answer[1:])
        return answer[1:]

    def gather_texts(self, text: str) -> list[str]:
        """Return the texts of all ranks, in their order."""
        return [self.share_bytes(text.encode(), source).decode() for source in range(self.size)]

    def share_weights(self, model: nn.Module) -> None:
        """Give every rank the parameters and buffers of rank 0."""
        if self.size > 1:
            import torch.distributed as dist

            for tensor in [*model.parameters(), *model.buffers()]:
                dist.broadcast(tensor.data, src=0)

    def patient(self) -> World:
        """Return the same ranks with a connection of their own on which one may be waited for very long.

        Every rank must call this. Only host values can travel there.
        """
        if self.size == 1:
            return self
        import torch.distributed as dist

        return replace(self, group=dist.new_group(backend="gloo", timeout=PATIENCE))

    def share_bytes(self, content: bytes, source: int = 0) -> bytes:
        """Return the bytes of one rank on every rank."""
        if self.size == 1:
            return content
        import torch.distributed as dist

        length = torch.tensor([len(content)], dtype=torch.int64)
        dist.broadcast(length, src=source, group=self.group)
        if not int(length):
            return b""
        packed = torch.zeros(int(length), dtype=torch.uint8)
        if self.rank == source:
            packed = torch.frombuffer(bytearray(content), dtype=torch.uint8)
        dist.broadcast(packed, src=source, group=self.group)
        return packed.numpy().tobytes()


def join(environment: Mapping[str, str], device: str | None = None) -> World:
    """Find the device of this process and, under torchrun, its fellows.

    Args:
        environment: the process environment (`RANK`, `WORLD_SIZE`, `LOCAL_RANK` … as torchrun sets them).
        device: "cpu", "cuda", "cuda:1" …; None = the best there is.

    Raises:
        ConfigError: a device that is not there.
    """
    size = int(environment.get("WORLD_SIZE", "1"))
    place = _device(device, int(environment.get("LOCAL_RANK", "0")))
    if size == 1:
        return World(place)
    import torch.distributed as dist

    backend = "gloo" if place.type == "cpu" else "cpu:gloo,cuda:nccl"
    dist.init_process_group(backend, timeout=TIMEOUT)
    return World(place, dist.get_rank(), dist.get_world_size())


def leave(world: World) -> None:
    """Close the connections; never waits for the others, so it is safe after an error."""
    if world.size > 1:
        import torch.distributed as dist

        if dist.is_initialized():
            dist.destroy_process_group()


def parallelize(model: nn.Module, world: World) -> nn.Module:
    """Place a model on all ranks: replicated now, `fully_shard`ed per block in a later version."""
    world.share_weights(model)
    return model


def _device(wish: str | None, local_rank: int) -> torch.device:
    if wish is None:
        wish = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(wish)
    except RuntimeError as error:
        raise ConfigError(
            f'[trainer] device: "{wish}" is no device. Write "cpu", "cuda", or null for the best.'
        ) from error
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise ConfigError(f'[trainer] device: "{wish}" was asked for, but no GPU is visible. Write "cpu" or null.')
        device = torch.device("cuda", local_rank if device.index is None else device.index)
        torch.cuda.set_device(device)
    return device
