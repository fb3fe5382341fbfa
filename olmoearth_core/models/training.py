"""The checkpoints of our own runs, opened for use: a run folder (its last complete step) or one step."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from torch import nn

from olmoearth_core.errors import CheckpointError
from olmoearth_core.interfaces.checkpoint import CheckpointFormat, Remote
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.models.building import build, recipe_of, sections, specs_of
from olmoearth_core.models.card import ModelCard
from olmoearth_core.train import beginning, checkpoint

NAME = "olmoearth.training.v1"


def training() -> CheckpointFormat:
    """Open checkpoints of our own training runs, also years later, with the modalities they were trained on."""
    return _Training()


class _Training:
    layout = f"a run folder, or a folder like step00000500 with its {checkpoint.MARKER}"
    names = files = ()

    def recognises(self, folder: Path) -> bool:
        return (folder / checkpoint.MARKER).is_file() or bool(checkpoint.checkpoints(folder))

    def resolve(self, name: str) -> Remote | None:
        return None

    def open(self, folder: Path, *, load_weights: bool, remote: Remote | None) -> tuple[nn.Module, ModelCard]:
        folder = checkpoint.locate(folder)
        written = folder / "config.cfg"
        if not written.is_file():
            raise CheckpointError(
                f"{folder}: the run was made of Python objects, so the checkpoint has no config to rebuild the model "
                "from. Build the model yourself and load it with [trainer] load_path."
            )
        run_text = written.read_text(encoding="utf-8")
        tree = sections(run_text, written)
        recipe, block = recipe_of(tree["model"], written)
        specs = specs_of(checkpoint.read_json(folder, "modalities.json"), folder / "modalities.json")
        state = checkpoint.read_json(folder, "trainer.json")
        run = tree.get("run", {}).get("name", folder.parent.name)
        card = ModelCard(
            title=str(run), format=NAME, specs=specs, tokenization=recipe.tokenization, model=block,
            band_gap=state["band_gap"], licence=_licence(folder, specs), source=str(folder.absolute()),
            step=state["progress"]["step"], path=folder, run_text=run_text,
        )  # fmt: skip
        weights = checkpoint.weights(folder) if load_weights else None
        return build(recipe, specs, weights, written), card


def _licence(folder: Path, specs: Iterable[ModalitySpec]) -> str:
    """Return the licence of the weights that the run began with and the terms of the data that it went on with."""
    first = beginning.licence_of(folder)
    return f"{first}Terms of the data:\n{_terms(specs)}" if first else licence_of_data(specs)


def licence_of_data(specs: Iterable[ModalitySpec]) -> str:
    """Return what is known of the rights to weights of one's own: the terms of the data that they learned from."""
    return f"Weights of your own training; choose their licence. Terms of the data:\n{_terms(specs)}"


def _terms(specs: Iterable[ModalitySpec]) -> str:
    return "".join(f"  {spec.name}: {spec.licence or 'not stated'}\n" for spec in specs)
