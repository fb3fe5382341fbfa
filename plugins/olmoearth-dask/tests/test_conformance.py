"""The components of olmoearth-dask keep the promises of their kinds."""

from __future__ import annotations

from olmoearth_core.testing.conformance import conformance

test_components = conformance("olmoearth-dask", {"dask.distributed.v1": {"scheduler": "tcp://127.0.0.1:8786"}})
