"""Whether a model from elsewhere can be fed the samples of a benchmark: a wrong input is refused, never scored.

Numbers from zero-filled bands, or from values in another unit than a model was trained on, look like any other number.
"""

# C bands
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.wrapper import Needs

DECIBEL = "decibel"
"""The unit of a modality that is stored as power and converted on the way into sample files."""


def refusal(
    needs: Needs,
    *,
    modalities: Sequence[str],
    bands_present: Mapping[str, Sequence[str]],
    foreign: Mapping[str, str],
    specs: Sequence[ModalitySpec],
    steps: int,
    normalization: str,
) -> str | None:
    """Return why a model cannot be scored on samples like this one, None where it can.

    modalities: of the samples. bands_present: modality -> bands that have any value. foreign: modality -> unit, where
    it is not that of the specification. normalization: "pretrained" = by the model itself, which then needs its units.
    """
    units = {spec.name: unit_of(spec) for spec in specs} | dict(foreign)
    own = normalization == "pretrained"
    reasons = _reasons(needs, modalities, bands_present, units if own else {}, steps)
    return next(reasons, None)


def unit_of(spec: ModalitySpec) -> str:
    """Return the unit of a modality's values in samples."""
    return DECIBEL if spec.storage == "power_to_db" else spec.quantity


def _reasons(
    needs: Needs,
    modalities: Sequence[str],
    bands_present: Mapping[str, Sequence[str]],
    units: Mapping[str, str],
    steps: int,
) -> Iterator[str]:
    known = ", ".join(needs.inputs)
    for name in modalities:
        if name not in needs.inputs:
            yield f"it does not know {name}, only {known}; leave it out with input_modalities"
    for name in needs.required:
        if name not in modalities:
            yield f"it needs {name}, but the samples have {', '.join(modalities) or 'nothing'}"
    if not modalities:
        yield f"the samples have none of {known}"
    if needs.one_modality and len(modalities) > 1:
        yield f"it takes one modality at a time, but the samples have {', '.join(modalities)}; set input_modalities"
    if steps < needs.min_steps:
        yield f"it needs {needs.min_steps} time steps, but the samples have {steps}"
    for name in modalities:
        wanted = needs.inputs[name]
        if lacking := [band for band in wanted.bands if band not in bands_present.get(name, ())]:
            yield f"it needs the bands {', '.join(lacking)} of {name}, which the samples lack"
        # A model that names no unit takes values as they are, a trivial baseline for instance.
        if wanted.quantity and name in units and units[name] != wanted.quantity:
            found = units[name] or "a unit that has no name"
            yield f"it was made for {name} in {wanted.quantity}, but the samples are in {found}"
