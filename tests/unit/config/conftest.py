"""A pretend package `acme` with one small component of each kind that a config needs, and a config made of them."""

from pathlib import Path

import pytest

from olmoearth_core.testing.install import install as install

CODE = '''
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.callback import Callback, Observer
from olmoearth_core.interfaces.evaluation import Task
from olmoearth_core.interfaces.loss import Loss
from olmoearth_core.interfaces.masking import Masking
from olmoearth_core.interfaces.model import DecoderRecipe, EncoderRecipe, ModelRecipe
from olmoearth_core.interfaces.optim import OptimizerRecipe, Schedule
from olmoearth_core.interfaces.settings import Remark, checked_by
from olmoearth_core.interfaces.train_module import TrainModule
from olmoearth_core.interfaces.transform import Transform

if TYPE_CHECKING:
    from olmoearth_core.data.dataset import OlmoEarthDataset


class Thing:
    """Has every attribute and method that the interfaces ask for."""

    num_views = 1
    name = "thing"
    rank_microbatch_size = max_grad_norm = autocast_precision = tokenization = embedding_size = None

    def __init__(self, **given: Any) -> None:
        self.__dict__.update(given)

    def build(self) -> None: ...
    def mask(self) -> None: ...
    def apply(self) -> None: ...
    def attach(self) -> None: ...
    def before_step(self) -> None: ...
    def terms(self) -> None: ...
    def aliases(self) -> None: ...
    def __call__(self) -> None: ...
    def started(self) -> None: ...
    def step_ended(self) -> None: ...
    def ended(self) -> None: ...
    def state_dict(self) -> None: ...
    def load_state_dict(self) -> None: ...

    def __getattr__(self, name: str) -> Any:
        if name in ("masking", "masking_b", "optim_config", "scheduler"):
            return None
        raise AttributeError(name)

    def lr(self) -> None: ...


def data(*, h5py_dir: str, training_modalities: list[str]) -> "OlmoEarthDataset":
    from olmoearth_core.data.dataset import OlmoEarthDataset

    pretended = OlmoEarthDataset.__new__(OlmoEarthDataset)
    pretended.h5py_dir, pretended.training_modalities = h5py_dir, training_modalities
    pretended.specs, pretended.max_sequence_length = (), 12
    return pretended


def encoder(
    *,
    depth: int = 2,
    drop_path: float = 0.1,
    mode: Literal["exact", "fast"] = "exact",
    sizes: list[int] | None = None,
    qk_norm: bool = False,
    band_dropout_modalities: list[str] | None = None,
) -> EncoderRecipe:
    """Encode.

    depth: number of blocks.
    """
    return Thing(depth=depth)


def decoder(*, depth: int = 1) -> DecoderRecipe:
    return Thing(depth=depth)


def model(
    *,
    encoder_config: EncoderRecipe,
    decoder_config: DecoderRecipe | None = None,
    tokenization: Mapping[str, Sequence[Sequence[str]]] | None = None,
) -> ModelRecipe:
    return Thing(encoder_config=encoder_config, decoder_config=decoder_config, tokenization=tokenization)


def l1(*, weight: float = 1.0, modality_weights: Mapping[str, float] | None = None) -> Loss:
    return Thing(weight=weight)


def l2(*, power: int = 2) -> Loss:
    if power > 9:
        raise ConfigError(f"l2: power must be at most 9, found {power}.")
    return Thing(power=power)


def blur(*, radius: int = 1) -> Transform:
    if radius > 9:
        raise ConfigError(f"blur: radius must be at most 9, found {radius}.")
    return Thing(radius=radius)


def _ratios(settings: Mapping[str, Any]) -> Iterator[Remark]:
    if settings["encode_ratio"] + settings["decode_ratio"] > 1:
        yield Remark("decode_ratio", "encode_ratio + decode_ratio must not exceed 1")
    if settings["encode_ratio"] == 0:
        yield Remark("encode_ratio", "shows nothing to the encoder", fault=False)


@checked_by(_ratios)
def stripes(
    *, encode_ratio: float = 0.5, decode_ratio: float = 0.5, only_decode_modalities: list[str] | None = None
) -> Masking:
    return Thing()


def sgd(*, lr: float = 0.1, betas: tuple[float, float] = (0.9, 0.999), note: str = "") -> OptimizerRecipe:
    return Thing(lr=lr, betas=betas, note=note)


def ramp(
    *, warmup_steps: int | None = 10, warmup_fraction: float | None = None, alpha_f: float = 0.1
) -> Schedule:
    return Thing(warmup_steps=warmup_steps, warmup_fraction=warmup_fraction)


def plain(
    *,
    optim_config: OptimizerRecipe,
    scheduler: Schedule,
    masking: Masking,
    loss: Loss,
    masking_b: Masking | None = None,
    rank_microbatch_size: int = 8,
    folder: Path | None = None,
    token_exit_cfg: dict[str, int] | None = None,
) -> TrainModule:
    return Thing(**dict(locals()))


class Printer(Observer):
    pass


def printer(*, every: int = 1) -> Callback:
    return Printer()


def scorer(*, tasks: Mapping[str, Task]) -> Callback:
    return Thing(tasks=tasks)


def optical() -> Any: ...
'''

POINTS = {
    "olmoearth_modalities": {n: "acme_parts:optical" for n in ("optical", "radar", "terrain")},
    "olmoearth_datasets": {"acme.data.v1": "acme_parts:data"},
    "olmoearth_transforms": {"acme.blur.v1": "acme_parts:blur"},
    "olmoearth_encoders": {"acme.encoder.v1": "acme_parts:encoder"},
    "olmoearth_decoders": {"acme.decoder.v1": "acme_parts:decoder"},
    "olmoearth_models": {"acme.model.v1": "acme_parts:model"},
    "olmoearth_losses": {"acme.l1.v1": "acme_parts:l1", "acme.l2.v1": "acme_parts:l2"},
    "olmoearth_maskings": {"acme.stripes.v1": "acme_parts:stripes"},
    "olmoearth_optimizers": {"acme.sgd.v1": "acme_parts:sgd"},
    "olmoearth_schedulers": {"acme.ramp.v1": "acme_parts:ramp"},
    "olmoearth_train_modules": {"acme.plain.v1": "acme_parts:plain"},
    "olmoearth_callbacks": {"acme.printer.v1": "acme_parts:printer", "acme.scorer.v1": "acme_parts:scorer"},
}

BASE = """\
[dataset]
@datasets = "acme.data.v1"
h5py_dir = "somewhere"
training_modalities = ["optical", "radar"]

[model]
@models = "acme.model.v1"

[model.encoder_config]
@encoders = "acme.encoder.v1"

[train_module]
@train_modules = "acme.plain.v1"

[train_module.optim_config]
@optimizers = "acme.sgd.v1"

[train_module.scheduler]
@schedulers = "acme.ramp.v1"

[train_module.masking]
@maskings = "acme.stripes.v1"

[train_module.loss]
@losses = "acme.l1.v1"
weight = 2.0

[trainer.callbacks.printer]
@callbacks = "acme.printer.v1"
"""


@pytest.fixture
def acme(install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install acme, write its config as base.cfg into an empty current folder, and return that folder."""
    install("acme", "acme_parts", CODE, **POINTS)
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "base.cfg").write_text(BASE)
    return folder


@pytest.fixture
def write(acme: Path):
    """Write a .cfg file into the current folder: write("top.cfg", text) -> its name."""

    def put(name: str, text: str) -> str:
        file = acme / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return name

    return put


@pytest.fixture
def faults():
    """Call something that raises ConfigError and return its faults as "where key: message"."""
    from olmoearth_core.errors import ConfigError

    def caught(call, *args, **kwargs) -> list[str]:
        with pytest.raises(ConfigError) as info:
            call(*args, **kwargs)
        return [f"{f.where} {f.key}: {f.message}" for f in info.value.faults] or [str(info.value)]

    return caught
