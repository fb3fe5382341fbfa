"""Which kinds of component there are: one line each, in the order in which data meet them.

A kind is an attribute of `registry`, a key `@kind` in configs and an entry-point group `olmoearth_<kind>`.
Behind each stands the promise that its factories' products keep, imported only when somebody asks.
"""

from __future__ import annotations

import confection

from olmoearth_core.registry import Registry

_AT = "olmoearth_core.interfaces"


class registry(confection.registry):
    """All catalogues; `registry.resolve(config)` builds the blocks of a config from them."""

    modalities = Registry("modalities", f"{_AT}.modality:ModalitySpec")
    readers = Registry("readers", f"{_AT}.reader:Reader")
    sources = Registry("sources", f"{_AT}.source:Source")
    datasets = Registry("datasets", f"{_AT}.dataset:Dataset")
    transforms = Registry("transforms", f"{_AT}.transform:AnyTransform")
    maskings = Registry("maskings", f"{_AT}.masking:Masking")
    encoders = Registry("encoders", f"{_AT}.model:EncoderRecipe")
    decoders = Registry("decoders", f"{_AT}.model:DecoderRecipe")
    models = Registry("models", f"{_AT}.model:ModelRecipe")
    patch_embeddings = Registry("patch_embeddings", f"{_AT}.parts:PatchEmbeddingRecipe")
    position_encodings = Registry("position_encodings", f"{_AT}.parts:PositionEncoding")
    attentions = Registry("attentions", f"{_AT}.parts:Attend")
    poolings = Registry("poolings", f"{_AT}.parts:Pooling")
    poolers = Registry("poolers", f"{_AT}.parts:PoolerRecipe")
    targets = Registry("targets", f"{_AT}.parts:TargetRecipe")
    losses = Registry("losses", f"{_AT}.loss:Loss")
    optimizers = Registry("optimizers", f"{_AT}.optim:OptimizerRecipe")
    schedulers = Registry("schedulers", f"{_AT}.optim:Schedule")
    train_modules = Registry("train_modules", f"{_AT}.train_module:TrainModule")
    callbacks = Registry("callbacks", f"{_AT}.callback:Callback")
    evaluators = Registry("evaluators", f"{_AT}.evaluation:Evaluator")
    benchmarks = Registry("benchmarks", f"{_AT}.evaluation:Benchmark")
    tasks = Registry("tasks", f"{_AT}.tasks:TaskList")
    wrappers = Registry("wrappers", f"{_AT}.wrapper:Wrapper")
    leaderboards = Registry("leaderboards", f"{_AT}.leaderboard:Leaderboard")
    checkpoint_formats = Registry("checkpoint_formats", f"{_AT}.checkpoint:CheckpointFormat")
    engines = Registry("engines", f"{_AT}.engine:Engine")


def kinds() -> dict[str, Registry]:
    """Return kind -> registry, in the order above."""
    return {name: part for name, part in vars(registry).items() if isinstance(part, Registry)}
