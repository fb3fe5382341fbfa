"""An object store on this machine, for tests: moto serves it, nothing leaves the machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import fsspec

if TYPE_CHECKING:
    import pytest


@contextmanager
def bucket(name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Serve s3://<name> for the length of a test; the value is its file system."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(key, "test")
    monkeypatch.setitem(fsspec.config.conf, "s3", {"endpoint_url": f"http://{host}:{port}"})
    filesystem = fsspec.filesystem("s3")
    filesystem.makedirs(name, exist_ok=True)
    try:
        yield filesystem
    finally:
        filesystem.clear_instance_cache()
        server.stop()
