"""What a model from elsewhere must say about itself, and what it must say when it cannot be opened."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType

import torch

from olmoearth_core.errors import CheckpointError
from olmoearth_core.evaluate.admission import unit_of
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.wrapper import Embedder, Needs, Wrapper
from olmoearth_core.lookup import modalities
from olmoearth_core.testing.subject import Subject

CHECKS = (
    "is_a_wrapper_of_its_name",
    "takes_something",
    "needs_fit_the_modalities",
    "units_are_those_of_the_samples",
    "says_whose_weights_it_has",
    "opens_or_says_what_to_install",
)


def is_a_wrapper_of_its_name(subject: Subject) -> None:
    """Result files carry the name."""
    assert isinstance(subject.product, Wrapper)
    assert subject.product.name == subject.component.name


def takes_something(subject: Subject) -> None:
    """A model without inputs would be refused everywhere, one that requires what it does not take as well."""
    needs: Needs = subject.product.needs
    assert needs.inputs, "it takes no modality"
    assert set(needs.required) <= set(needs.inputs), "it requires a modality that it does not take"
    assert not (needs.one_modality and len(needs.required) > 1), "it takes one modality, but requires several"
    assert needs.min_steps >= 1, "min_steps must be at least 1"
    assert needs.patch_size is None or needs.patch_size >= 1, "patch_size must be at least 1"


def needs_fit_the_modalities(subject: Subject) -> None:
    """Bands are named as in the specifications; a misspelt one would be refused as absent everywhere."""
    for spec in _specs(subject):
        bands = subject.product.needs.inputs[spec.name].bands
        unknown = [band for band in bands if band not in spec.band_order]
        assert not unknown, f"{spec.name} has no band {', '.join(unknown)}; it has {', '.join(spec.band_order)}"
        assert len(set(bands)) == len(bands), f"{spec.name}: a band is named twice"


def units_are_those_of_the_samples(subject: Subject) -> None:
    """A unit that no sample is in would be refused everywhere."""
    for spec in _specs(subject):
        named, found = subject.product.needs.inputs[spec.name].quantity, unit_of(spec)
        assert not named or named == found, f'{spec.name}: made for "{named}", but samples are in "{found}"'


def says_whose_weights_it_has(subject: Subject) -> None:
    """Weights have owners and terms."""
    assert subject.product.licence.strip(), "licence is empty"
    assert subject.product.source.strip(), "source is empty"


def opens_or_says_what_to_install(subject: Subject) -> None:
    """Without the package that holds the model, the message names it; a model that needs none opens."""
    with _no_new_packages() as refused:
        try:
            embedder = subject.fresh().open(device=torch.device("cpu"))
        except CheckpointError as error:
            message = str(error)
            assert refused, f"it cannot be opened, and no package is missing: {message}"
            assert any(name in message for name in refused), f"{', '.join(refused)} is not named: {message}"
            assert "pip install" in message, f"the message does not say how to get it: {message}"
            return
    assert isinstance(embedder, Embedder)
    assert embedder.width >= 1


def _specs(subject: Subject) -> tuple[ModalitySpec, ...]:
    return modalities(subject.product.needs.inputs)


@contextmanager
def _no_new_packages() -> Iterator[list[str]]:
    """Make every package missing that has not been imported yet; yields their names as they are asked for."""
    finder = _Missing()
    sys.meta_path.insert(0, finder)
    try:
        yield finder.refused
    finally:
        sys.meta_path.remove(finder)


class _Missing:
    def __init__(self) -> None:
        self.refused: list[str] = []

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        top = name.partition(".")[0]
        if top in sys.modules or top in sys.stdlib_module_names or top.startswith("olmoearth"):
            return None
        self.refused.append(top)
        raise ModuleNotFoundError(f"No module named {top!r}", name=top)
