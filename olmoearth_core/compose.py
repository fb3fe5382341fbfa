"""A run from Python dicts: the same sections as a config file, laid over a base file as one more layer."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from olmoearth_core.train.assemble import Run


def compose(
    base: str | Path | Sequence[str | Path],
    *,
    run: Mapping[str, Any] | None = None,
    dataset: Mapping[str, Any] | None = None,
    data_loader: Mapping[str, Any] | None = None,
    model: Mapping[str, Any] | None = None,
    train_module: Mapping[str, Any] | None = None,
    trainer: Mapping[str, Any] | None = None,
    overrides: Sequence[str] = (),
) -> Run:
    """Return a run of one or more config files and a dict per section; `.fit()` trains it.

    Args:
        base: config files, left to right, e.g. "configs/base.cfg".
        run: what to change in [run]; the others alike.
        dataset: keys of [dataset].
        data_loader: keys of [data_loader].
        model: keys of [model], nested dicts for its parts.
        train_module: keys of [train_module].
        trainer: keys of [trainer]; "max_duration": {"epochs": 300} and so on.
        overrides: as on a command line, e.g. "--run.name=mine".

    Raises:
        ConfigError: with all faults.
    """
    from olmoearth_core.config.build import build
    from olmoearth_core.config.load import load
    from olmoearth_core.train.assemble import assemble

    sections = {
        "run": run, "dataset": dataset, "data_loader": data_loader, "model": model,
        "train_module": train_module, "trainer": trainer,
    }  # fmt: skip
    layer = {name: section for name, section in sections.items() if section is not None}
    paths = [base] if isinstance(base, (str, Path)) else list(base)
    config = load(paths, overrides, layers=[layer] if layer else [])
    return assemble(build(config), config=config, environment=os.environ)
