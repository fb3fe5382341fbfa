"""Evaluation over memory:// and an S3 bucket gives what it gives over local files."""

import json

import fsspec
import pytest
from moto.server import ThreadedMotoServer

from olmoearth_core.cli.main import main


@pytest.fixture
def bucket(monkeypatch):
    """Serve a bucket on this machine."""
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setitem(fsspec.config.conf, "s3", {"endpoint_url": f"http://{host}:{port}"})
    filesystem = fsspec.filesystem("s3")
    filesystem.mkdir("series")
    yield "s3://series"
    filesystem.clear_instance_cache()
    server.stop()


def results(trained, tasks, out):
    """Evaluate without kept features, so that everything is read and computed anew."""
    with pytest.raises(SystemExit) as done:
        main([*trained, "--cache=", "--config", tasks, "--out", str(out)])
    assert done.value.code == 0
    (path,) = out.glob("*/pixels.task.json")
    return [
        {key: value for key, value in row.items() if key != "settings"} for row in json.loads(path.read_text())["rows"]
    ]


def test_numbers_do_not_depend_on_where_the_data_lies(trained, series, bucket, tmp_path):
    (tmp_path / "local").mkdir()
    local = results(trained, series(str(tmp_path / "local")), tmp_path / "a")
    assert len(local) > 10
    assert results(trained, series("memory://series"), tmp_path / "b") == local
    assert results(trained, series(bucket), tmp_path / "c") == local
