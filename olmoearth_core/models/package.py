"""The frame's own format: a folder that says everything about a model and runs nothing when it is opened.

`model.safetensors` (weights), `config.cfg` (resolved; at least [model] and the training modalities), `modalities.json`
(specs with statistics), `package.json` (version of the format, hash of the weights, source, what made it) and
`LICENSE.txt`. The folder is written under another name and then renamed, so a package is complete or not there.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from olmoearth_core.config import text
from olmoearth_core.errors import CheckpointError
from olmoearth_core.interfaces.checkpoint import CheckpointFormat, Remote
from olmoearth_core.models.building import build, recipe_of, sections, specs_of
from olmoearth_core.models.card import ModelCard, card_of
from olmoearth_core.models.weights import open_weights
from olmoearth_core.train import provenance
from olmoearth_core.train import specs as modality_specs

NAME = "olmoearth.package.v1"
VERSION = 1
WEIGHTS, CONFIG, MODALITIES, FACTS, LICENCE = (
    "model.safetensors", "config.cfg", "modalities.json", "package.json", "LICENSE.txt",
)  # fmt: skip
DATASET = "olmoearth.h5.v1"
"""The frame's own data set: what a package of a model without a run names, so that its config can be trained on."""
HUB = "hf://"
_SECTIONS = ("run", "dataset", "data_loader", "model", "train_module", "trainer")


def package() -> CheckpointFormat:
    """Open packages made by `save_model`: a folder, or "hf://owner/name" for one on the Hugging Face hub."""
    return _Package()


def save_model(model: nn.Module, directory: str | Path) -> Path:
    """Write a model that `load_model` returned as a package, and return its folder.

    The licence of the weights goes with them: a package of official weights stays under the licence of those.

    Args:
        model: with its card; the weights are those that it has now.
        directory: folder of this machine to make; it must not exist yet.

    Raises:
        CheckpointError: the folder exists or cannot be written, or the model has no card.
    """
    if "://" in str(directory):
        raise CheckpointError(
            f"{directory}: found a URL, expected a folder of this machine: a package appears whole, by a rename, which "
            "object stores do not have. Save it here and copy the folder there; load_model opens it from there."
        )
    card, final = card_of(model), Path(directory).expanduser()
    try:
        if os.path.lexists(final):
            raise CheckpointError(
                f"{final}: found that it exists, expected a new folder. Name another one or remove it."
            )
        final.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(dir=final.parent, prefix=f".{final.name}-"))
        try:
            _write(model, card, beside)
            beside.chmod(0o755)
            os.rename(beside, final)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    except OSError as error:
        raise CheckpointError(
            f"{final}: cannot be written ({error.strerror or error}); nothing was left there. Make room, or name a "
            "folder that you may write to."
        ) from error
    return final


class _Package:
    layout = f"{FACTS}, {CONFIG}, {MODALITIES} and {WEIGHTS}: a package made by save_model"
    names = ()
    files = (FACTS, CONFIG, MODALITIES, LICENCE, WEIGHTS)

    def recognises(self, folder: Path) -> bool:
        return (folder / FACTS).is_file()

    def resolve(self, name: str) -> Remote | None:
        if not name.startswith(HUB):
            return None
        repo, _, revision = name.removeprefix(HUB).partition("@")
        return Remote(repo, (CONFIG, MODALITIES, FACTS, LICENCE), (WEIGHTS,), revision or None)

    def open(self, folder: Path, *, load_weights: bool, remote: Remote | None) -> tuple[nn.Module, ModelCard]:
        facts, run_text = _facts(folder), _text(folder / CONFIG)
        tree = sections(run_text, folder / CONFIG)
        recipe, block = recipe_of(tree["model"], folder / CONFIG)
        specs = specs_of(_json(folder / MODALITIES), folder / MODALITIES)
        weights = open_weights(_whole(folder / WEIGHTS, facts)) if load_weights else None
        inputs = facts.get("input_modalities")
        card = ModelCard(
            title=facts.get("title", folder.name), format=NAME, specs=specs, tokenization=recipe.tokenization,
            model=block, band_gap=facts.get("band_gap", "zero_band"), fill=facts.get("fill", "zero"),
            input_modalities=None if inputs is None else tuple(inputs), licence=_text(folder / LICENCE),
            source=facts.get("source", ""), step=facts.get("step"), path=folder,
            run_text=run_text if set(_SECTIONS) <= set(tree) else None,
        )  # fmt: skip
        return build(recipe, specs, weights, folder / CONFIG), card


def _write(model: nn.Module, card: ModelCard, folder: Path) -> None:
    from safetensors.torch import save_file

    save_file(_apart(model.state_dict()), folder / WEIGHTS, metadata={"format": "pt"})
    plain = {"dataset": {"@datasets": DATASET, "training_modalities": list(card.names)}, "model": dict(card.model)}
    (folder / CONFIG).write_text(card.run_text or text.write(plain), "utf-8")
    (folder / MODALITIES).write_text(json.dumps(modality_specs.to_json(card.specs), indent=1) + "\n", "utf-8")
    (folder / LICENCE).write_text(card.licence, "utf-8")
    packages, components = provenance.made_of({"model": card.model}, card.specs)
    facts = {
        "format": NAME, "version": VERSION, "title": card.title,
        "weights": {"file": WEIGHTS, "sha256": sha256(folder / WEIGHTS)},
        "source": card.source, "step": card.step, "licence": card.licence.partition("\n")[0],
        "band_gap": card.band_gap, "fill": card.fill, "input_modalities": card.input_modalities,
        "packages": packages, "components": components,
    }  # fmt: skip
    (folder / FACTS).write_text(json.dumps(facts, indent=1) + "\n", "utf-8")


def _apart(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return whole tensors on the CPU; names that share memory get a copy each, as the file format wants it."""
    seen: set[int] = set()
    found = {}
    for name, tensor in state.items():
        place = tensor.untyped_storage().data_ptr()
        shared = place in seen or tensor.untyped_storage().nbytes() != tensor.nbytes
        seen.add(place)
        found[name] = tensor.detach().cpu().contiguous().clone() if shared else tensor.detach().cpu().contiguous()
    return found


def sha256(file: Path) -> str:
    """Return the hash of a file, read in pieces."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _whole(file: Path, facts: Mapping[str, Any]) -> Path:
    """Return the file of weights if it is the one that the package was made with."""
    if file.is_file():
        found, expected = sha256(file), facts["weights"]["sha256"]
        if found != expected:
            raise CheckpointError(
                f"{file}: found the hash {found[:12]}..., expected {expected[:12]}... of {FACTS}. The file is damaged "
                "or was changed after the package was made: fetch or make the package again."
            )
    return file


def _facts(folder: Path) -> Mapping[str, Any]:
    facts = _json(folder / FACTS)
    if not isinstance(facts, dict) or not isinstance(facts.get("weights"), dict) or "sha256" not in facts["weights"]:
        raise CheckpointError(f"{folder / FACTS}: found no hash of weights, expected what save_model writes there.")
    if facts.get("version") != VERSION:
        raise CheckpointError(
            f"{folder / FACTS}: found version {facts.get('version')} of the format, expected {VERSION}. "
            "The package was made by another olmoearth; update it."
        )
    return facts


def _json(file: Path) -> Any:
    try:
        return json.loads(_text(file))
    except ValueError as error:
        raise CheckpointError(f"{file}: found no JSON ({error}). The package is damaged: fetch it again.") from error


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{file}: cannot be read ({error}). The package is damaged: fetch it again.") from error
