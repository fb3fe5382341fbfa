"""What a modality must say about itself."""

from __future__ import annotations

import dataclasses
import json
from math import log2

from olmoearth_core.data.normalize import MEASURED
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.kinds import registry
from olmoearth_core.testing.subject import NotApplicable, Subject

CHECKS = (
    "is_called_as_it_is_registered",
    "bands_are_unique",
    "resolutions_are_powers_of_two",
    "every_band_can_be_normalised",
    "facts_about_bands_are_about_its_bands",
    "names_licence_and_citation",
    "is_derived_by_something_or_not_at_all",
    "fits_into_a_checkpoint",
)


def is_called_as_it_is_registered(subject: Subject) -> None:
    """One name: H5 key, config value and state-dict key."""
    assert isinstance(subject.product, ModalitySpec)
    assert subject.product.name == subject.component.name


def bands_are_unique(subject: Subject) -> None:
    """The channel order is the band order, so a band has one place."""
    bands = subject.product.band_order
    assert bands, "a modality needs at least one band"
    assert len(set(bands)) == len(bands), f"bands occur more than once: {bands}"


def resolutions_are_powers_of_two(subject: Subject) -> None:
    """Band sets are nested grids."""
    factors = [subject.product.grid_factor, *(s.resolution_factor for s in subject.product.band_sets)]
    assert all(f == 0 or log2(f).is_integer() for f in factors), f"resolution factors {factors}"


def every_band_can_be_normalised(subject: Subject) -> None:
    """A missing statistic would be found only when the data are read. None at all is said openly: it is refused."""
    spec = subject.product
    if not spec.statistics and spec.normalization != "none":
        raise NotApplicable("it has no statistics, so normalising it is refused")
    for band in spec.band_order if spec.normalization != "none" else ():
        assert band in spec.statistics, f"no statistics for band {band}"
        s = spec.statistics[band]
        if spec.normalization in MEASURED:
            assert s.mean is not None, f"band {band} has no mean"
            assert s.std is not None, f"band {band} has no standard deviation"
            assert s.std > 0, f"band {band} has standard deviation {s.std}"
        else:
            assert s.minimum is not None, f"band {band} has no minimum"
            assert s.maximum is not None, f"band {band} has no maximum"
            assert s.minimum < s.maximum, f"band {band} ranges from {s.minimum} to {s.maximum}"


def facts_about_bands_are_about_its_bands(subject: Subject) -> None:
    """A typo in a band name of a table would silently do nothing."""
    spec = subject.product
    for table in (spec.statistics, spec.wavelengths_nm):
        assert set(table) <= set(spec.band_order), f"unknown bands {sorted(set(table) - set(spec.band_order))}"
    if spec.valid_range is not None:
        assert spec.valid_range[0] < spec.valid_range[1], f"valid range {spec.valid_range}"


def names_licence_and_citation(subject: Subject) -> None:
    """Whoever publishes a model trained on it must know what to cite and what is allowed."""
    assert subject.product.licence, "licence is empty"
    assert subject.product.citation, "citation is empty"
    assert subject.product.title, "title is empty"


def is_derived_by_something_or_not_at_all(subject: Subject) -> None:
    """A derived modality names its source and a registered transform."""
    spec = subject.product
    assert (spec.derived_from is None) == (spec.derive is None), "give derived_from and derive, or neither"
    if spec.derive is not None:
        assert spec.derive in registry.transforms, f"no transform {spec.derive} is installed"
        assert not spec.parsed, "a derived modality is computed, not parsed from files"


def fits_into_a_checkpoint(subject: Subject) -> None:
    """Checkpoints carry the specs they were trained with, as JSON."""
    json.dumps(dataclasses.asdict(subject.product), allow_nan=False)
