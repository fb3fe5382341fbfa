"""Data sets behind real servers on this machine: a web server that lists nothing, and an object store."""

import functools
import http.server
import os
import threading
from typing import ClassVar

import numpy as np
import pytest

from olmoearth_core.data.dataset import Crop, OlmoEarthDataset
from olmoearth_core.errors import DataError
from olmoearth_core.testing import buckets

S2 = ["sentinel2_l2a"]
CROP = Crop(1, 4, 2)


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and no listings."""

    asked: ClassVar[list[str]] = []

    def log_message(self, *_):
        pass

    def list_directory(self, path):
        self.send_error(403)

    def do_GET(self):
        self.asked.append(self.path)
        super().do_GET()


@pytest.fixture
def served(make_set):
    """Return the folder of a data set and the URL at which a server that lists nothing has it."""
    folder = make_set(3, size=8, steps=2)
    Quiet.asked.clear()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder.parent)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def opened(url, **options):
    dataset = OlmoEarthDataset(url, S2, **options)
    dataset.prepare()
    return dataset


def same(one, other):
    for index in one.indices:
        np.testing.assert_array_equal(
            one.sample(int(index), CROP).arrays["sentinel2_l2a"], other.sample(int(index), CROP).arrays["sentinel2_l2a"]
        )


def test_a_folder_on_a_web_server_is_read_and_each_file_fetched_once(tmp_path, served):
    folder, url = served
    there, here = opened(f"{url}/3", cache_dir=str(tmp_path / "cache")), opened(str(folder))
    same(there, here)
    same(there, here)
    fetched = [path for path in Quiet.asked if path.endswith(".h5")]
    assert sorted(fetched) == [f"/3/sample_{i}.h5" for i in range(3)]


def test_a_folder_that_a_server_neither_has_nor_lists_is_named(served):
    with pytest.raises(DataError, match=r"/other: (cannot be reached|there is no such folder)"):
        opened(f"{served[1]}/other")


def test_a_server_that_is_not_there_is_named():
    with pytest.raises(DataError, match=r"http://127\.0\.0\.1:9/x: (cannot be reached|there is no such folder)"):
        opened("http://127.0.0.1:9/x")


@pytest.fixture
def bucket(monkeypatch):
    with buckets.bucket("sets", monkeypatch) as filesystem:
        yield filesystem


def test_a_data_set_in_an_object_store_is_read_and_a_changed_file_fetched_again(tmp_path, make_set, bucket):
    folder = make_set(2, size=8, steps=2)
    bucket.put(str(folder.parents[1]), "sets/one", recursive=True)
    cache = tmp_path / "cache"
    same(opened("s3://sets", cache_dir=str(cache)), opened(str(folder)))
    assert len(list(cache.rglob("*.h5"))) == 2
    os.replace(folder / "sample_0.h5", folder / "sample_1.h5")
    target = next(path for path in bucket.find("sets") if path.endswith("sample_1.h5"))
    bucket.put(str(folder / "sample_1.h5"), target)
    again = opened("s3://sets", cache_dir=str(cache))
    np.testing.assert_array_equal(
        again.sample(1, CROP).arrays["sentinel2_l2a"], again.sample(0, CROP).arrays["sentinel2_l2a"]
    )
    assert len(list(cache.rglob("*.h5"))) == 3
