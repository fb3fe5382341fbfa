"""Every promise of every component of this package."""

from olmoearth_core.testing import conformance

test_conformance = conformance("olmoearth-acme")
