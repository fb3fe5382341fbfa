"""The components of olmoearth-simulate keep the promises of their kinds."""

from olmoearth_core.testing import conformance

test_conformance = conformance("olmoearth-simulate", settings={"simulate.sites.v1": {"root": "samples/sites"}})
