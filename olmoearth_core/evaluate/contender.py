"""Who is scored: a checkpoint of ours, opened, with everything an evaluation must know of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from olmoearth_core.evaluate import baselines
from olmoearth_core.evaluate.profile import REFERENCE
from olmoearth_core.evaluate.scaling import scale_of
from olmoearth_core.evaluate.subjects import Subject, of_model
from olmoearth_core.features.embed import Reading
from olmoearth_core.interfaces.evaluation import DENSE
from olmoearth_core.models.card import ModelCard, card_of
from olmoearth_core.train import checkpoint

if TYPE_CHECKING:
    from olmoearth_core.config.resolved import Config
    from olmoearth_core.config.schema import Parts
    from olmoearth_core.data.fill import Fill
    from olmoearth_core.data.tokens import Tokenization
    from olmoearth_core.evaluate.run import OpenTask
    from olmoearth_core.interfaces.modality import ModalitySpec

DEFAULT_RUN = "configs/base.cfg"
"""What surrounds the tasks of a model that no run of ours has trained."""


class Contender(Protocol):
    """Something that can be scored on tasks.

    specs: the modalities it knows. config: the run or recipe around it, whose tasks are the default. facts: what
    identifies it in result files. stem: what result folders are called after; home: where they go by default.
    """

    specs: Sequence[ModalitySpec]
    config: Config
    facts: Mapping[str, Any]
    stem: str
    home: Path

    def subjects(self) -> list[Subject]:
        """Return itself as subjects; one, usually."""
        ...

    def untrained(self, parts: Parts) -> list[Subject]:
        """Return the same architecture without training, where there is one."""
        ...

    def reading(self, open_: OpenTask, subject: Subject) -> Reading:
        """Say how samples of a task are handed to a subject."""
        ...


def contender(name: str, device: str | None) -> Contender:
    """Open a checkpoint, or a model from elsewhere by the name of its @wrappers component.

    Raises:
        CheckpointError: it cannot be opened.
    """
    from olmoearth_core.kinds import registry

    if not Path(name).exists() and name.lower() in registry.wrappers.components():
        from olmoearth_core.evaluate.foreign import Foreign

        return Foreign(name.lower(), device)
    return Checkpoint(name, device)


class Checkpoint:
    """A model that `load_model` opens."""

    def __init__(self, name: str, device: str | None) -> None:
        """Open it."""
        from olmoearth_core.models.open import load_model

        self.model = load_model(name, device=device)
        self.card = card_of(self.model)
        self.specs: Sequence[ModalitySpec] = self.card.specs
        self.config = config_of(self.card)
        self.facts: Mapping[str, Any] = {
            "title": self.card.title,
            "checkpoint": str(self.card.path),
            "source": self.card.source,
            "step": self.card.step,
        }
        self.stem = self.card.title.replace(" ", "-") if self.card.step is None else f"step{self.card.step:08d}"
        self.home = _home(self.card)

    def subjects(self) -> list[Subject]:
        """Return the model."""
        return [of_model("trained", self.model, key=repr(dict(self.card.model)))]

    def untrained(self, parts: Parts) -> list[Subject]:
        """Return the model that its config describes with the weights it would start from."""
        fresh = baselines.untrained(parts.model, self.card.specs, seed=parts.run.seed)
        return [of_model("untrained", fresh, key=repr(dict(self.card.model)))]

    def reading(self, open_: OpenTask, subject: Subject) -> Reading:
        """Say how samples of a task are handed to the model."""
        card = self.card
        return reading_of(open_, card.specs, card.tokenization, band_gap=card.band_gap, fill=card.fill)


def reading_of(
    open_: OpenTask, specs: Sequence[ModalitySpec], tokenization: Tokenization, *, band_gap: str, fill: Fill
) -> Reading:
    """Say how samples of a task are handed to a model of ours."""
    task = open_.task
    legacy = open_.profile == REFERENCE
    return Reading(
        specs, tokenization, task.patch_size or task.benchmark.patch_size,
        grid=task.benchmark.task_type in DENSE, band_gap=band_gap, batch_size=task.batch_size, pooling=task.pooling,
        count_gaps=legacy, half=legacy,
        scale=scale_of(task, open_.opened, specs, fill=fill, profile_name=open_.profile),
    )  # fmt: skip


def config_of(card: ModelCard) -> Config:
    """Return the config of the run behind a model; for one without a run, the shipped recipe around that model."""
    from olmoearth_core.config.load import load

    if (own := card.config) is not None:
        return own
    known = {"training_modalities": list(card.names)}
    layer = {"dataset": known, "data_loader": {"band_gap": card.band_gap}, "model": dict(card.model)}
    return load([DEFAULT_RUN], layers=[layer])


def _home(card: ModelCard) -> Path:
    """Return where results go: a run keeps its own; what was downloaded or packed stays as it is."""
    in_a_run = card.path is not None and (card.path / checkpoint.MARKER).is_file()
    return card.path.parent / "evaluations" if in_a_run and card.path else Path("evaluations")
