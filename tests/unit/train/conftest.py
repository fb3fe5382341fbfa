"""A toy run: a linear model on random pixels, through the real engine and trainer."""

import itertools
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from olmoearth_core.config.schema import DataLoaderSettings, Duration, Parts, RunSettings, TrainerSettings
from olmoearth_core.data.random import Draws, key_of
from olmoearth_core.data.sample import Batch, TrainBatch, ViewCounts
from olmoearth_core.data.tokens import Tokenization, TokenLayout
from olmoearth_core.interfaces.modality import BandSet, ModalitySpec, Statistics
from olmoearth_core.train.assemble import assemble

SPEC = ModalitySpec("optical", (BandSet(("b1", "b2"), 16),), 16, False, statistics={"b1": Statistics(0.0, 1.0)})


class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(2, width), nn.Dropout(0.2))
        self.unused = nn.Linear(1, 1)
        self.target_encoder = nn.Linear(2, width).requires_grad_(False)

    def forward(self, pixels):
        return self.encoder(pixels)


@dataclass
class Recipe:
    width: int = 3
    tokenization: Tokenization = field(default_factory=Tokenization)

    def build(self, specs):
        return Net(self.width)


@dataclass
class Plain:
    lr: float = 0.1

    def build(self, named_parameters):
        made = torch.optim.AdamW([p for _, p in named_parameters if p.requires_grad], lr=self.lr, foreach=False)
        made.param_groups[0]["initial_lr"] = self.lr
        return made


class Flat:
    def lr(self, peak, step, max_steps):
        return peak


class NoMasking:
    def mask(self, present, specs, draw):
        return {name: torch.zeros(p.shape, dtype=torch.int8) for name, p in present.items()}


@dataclass
class Objective:
    rank_microbatch_size: int = 2
    optim_config: object = field(default_factory=Plain)
    scheduler: object = field(default_factory=Flat)
    masking: object = field(default_factory=NoMasking)
    masking_b: object = None
    max_grad_norm: float | None = 1.0
    autocast_precision: str = "auto"
    num_views: int = 2
    poison: frozenset = frozenset()
    seen: list = field(default_factory=list)

    def attach(self, model):
        pass

    def before_step(self, model, step, max_steps):
        self.step = step
        return {}

    def terms(self, model, batch, *, seed_view):
        self.seen.append((self.step, batch.positions))
        total = 0.0
        for i, view in enumerate(batch.views):
            seed_view(i)
            pixels = view.arrays["optical"]
            total = total + (model(pixels) - model.target_encoder(pixels)).square().mean()
        if self.step in self.poison:
            total = total * float("nan")
        return {"Square": total / 2, "Other": total * 0.1}

    def aliases(self):
        return {"train/loss": "train/Square"}


class Dataset:
    specs = (SPEC,)

    def __init__(self, size=24):
        self.size = size

    def prepare(self):
        pass

    def __len__(self):
        return self.size


class ToyLoader:
    """Keyed by position, like the real one: nothing depends on ranks."""

    fingerprint = "toy"

    def __init__(self, dataset, settings, *, rank=0, world_size=1, **_):
        self.settings, self.rank, self.world = settings, rank, world_size
        self.batches_per_epoch = len(dataset) // settings.global_batch_size

    def epoch(self, epoch, start_batch=0):
        whole = self.settings.global_batch_size
        for b in range(start_batch, self.batches_per_epoch):
            positions = range(b * whole + self.rank, (b + 1) * whole, self.world)
            draws = Draws(key_of(self.settings.seed, epoch, p) for p in positions)
            pixels = draws("pixels", 8).float().view(-1, 2, 2, 1, 2)
            masks = {"optical": torch.zeros(len(positions), 2, 2, 1, 1, dtype=torch.int8)}
            stamps = torch.zeros(len(positions), 1, 3, dtype=torch.int32)
            view = Batch({"optical": pixels}, masks, stamps, ViewCounts.of(masks))
            layout = TokenLayout.of((SPEC,), Tokenization(), rows=2, columns=2, steps=1)
            yield TrainBatch(1, layout, (view, replace(view)), tuple(positions), tuple(positions))

    def close(self):
        pass


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A factory of toy runs in one folder."""
    monkeypatch.setattr("olmoearth_core.train.assemble.open_loader", ToyLoader)
    return toys(tmp_path)


def toys(root):
    """Return the factory; `open_loader` of the assembler must give a ToyLoader."""
    ticks = itertools.count()

    def run(*, name="toy", steps=6, callbacks=None, environment=None, micro=2, whole=4, seed=1, width=3, **trainer):
        settings = {"max_duration": Duration(steps=steps), "save_interval": 3, "device": "cpu", **trainer}
        parts = Parts(
            run=RunSettings(name=name, root=str(root), seed=seed), dataset=Dataset(),
            data_loader=DataLoaderSettings(global_batch_size=whole), model=Recipe(width),
            train_module=Objective(rank_microbatch_size=micro),
            trainer=TrainerSettings(callbacks=callbacks or {}, **settings),
        )  # fmt: skip
        made = assemble(parts, config=None, environment=environment or {})
        made.clock = lambda: float(next(ticks))
        return made

    return SimpleNamespace(run=run, root=root)
