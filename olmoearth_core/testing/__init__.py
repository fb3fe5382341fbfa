"""For authors of components: pretend installations and conformance checks.

from olmoearth_core.testing import conformance

test_conformance = conformance("olmoearth-acme", settings={"acme.stripes.v1": {"width": 2}})
"""

from olmoearth_core.testing.conformance import conformance

__all__ = ["conformance"]
