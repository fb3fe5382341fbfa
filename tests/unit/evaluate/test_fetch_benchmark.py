"""Files of benchmarks arrive whole and checked, in their folder and nowhere else."""

import hashlib
import io
import json
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import fsspec
import numpy as np
import pytest

from olmoearth_core.care import remote_copy
from olmoearth_core.errors import DataError
from olmoearth_core.evaluate.fetch import LIST, fetch
from olmoearth_core.interfaces.evaluation import About, Download

CONTENT = np.random.default_rng(0).bytes(3_000_000)
SHA = hashlib.sha256(CONTENT).hexdigest()


def about(*downloads, **more):
    return About("Crops", "CC0-1.0", "nobody", downloads=downloads, **more)


def run(folder, *downloads, **options):
    waits = []
    lines = list(fetch("acme.crops.v1", about(*downloads), folder, sleep=waits.append, **options))
    return lines, waits


@pytest.fixture
def server():
    """Serves CONTENT under any name; drops the first answers after 1 MB, as often as `drops` says."""

    class Handler(BaseHTTPRequestHandler):
        drops = 0

        def log_message(self, *_):
            pass

        def do_HEAD(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()

        def do_GET(self):
            start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
            self.send_header("Content-Length", str(len(CONTENT) - start))
            self.send_header("ETag", '"one"')
            self.end_headers()
            end = start + 1_000_000 if Handler.drops else len(CONTENT)
            Handler.drops = max(0, Handler.drops - 1)
            self.wfile.write(CONTENT[start:end])

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    Handler.url = f"http://127.0.0.1:{http.server_port}"
    yield Handler
    http.shutdown()
    http.server_close()


@pytest.fixture
def remote():
    """A folder of the file system in memory, empty before and after."""
    system = fsspec.filesystem("memory")
    system.pipe("/published/crops.bin", CONTENT)
    yield system
    system.rm("/published", recursive=True)


def test_a_file_of_a_server_that_hangs_up_arrives_whole(server, tmp_path):
    server.drops = 2
    (line,), waits = run(tmp_path, Download(f"{server.url}/crops.bin", len(CONTENT), SHA))
    assert (tmp_path / "crops.bin").read_bytes() == CONTENT
    assert (line.split()[0], waits) == ("fetched", [])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["crops.bin", LIST]


def test_a_second_call_checks_what_is_there_and_fetches_nothing(server, tmp_path):
    wanted = Download(f"{server.url}/crops.bin")
    run(tmp_path, wanted)
    assert json.loads((tmp_path / LIST).read_text())["files"]["crops.bin"] == {
        "url": wanted.url, "size": len(CONTENT), "sha256": SHA,
    }  # fmt: skip
    (line,), _ = run(tmp_path, wanted)
    assert line.startswith("there ")
    (tmp_path / "crops.bin").write_bytes(b"another")
    with pytest.raises(DataError, match="has the SHA-256"):
        run(tmp_path, wanted)


def test_a_file_with_another_hash_or_size_is_refused(server, tmp_path):
    with pytest.raises(DataError, match=f"has the SHA-256 {SHA}, expected {'0' * 64}"):
        run(tmp_path, Download(f"{server.url}/crops.bin", sha256="0" * 64))
    assert not (tmp_path / "crops.bin").exists()
    with pytest.raises(DataError, match="has 3000000 bytes, expected 7"):
        run(tmp_path, Download(f"{server.url}/crops.bin", 7))


def test_too_small_a_disk_is_noticed_before_anything_is_fetched(server, tmp_path):
    with pytest.raises(DataError, match="are free, but 1 files need"):
        run(tmp_path, Download(f"{server.url}/crops.bin"), free=lambda folder: 1_000_000)
    assert list(tmp_path.iterdir()) == []


def test_other_file_systems_work_too(remote, tmp_path):
    (line,), _ = run(tmp_path, Download("memory://published/crops.bin", sha256=SHA))
    assert (tmp_path / "crops.bin").read_bytes() == CONTENT
    assert "3.0 MB" in line


def test_a_copy_goes_on_where_it_was_cut_off(remote, tmp_path, monkeypatch):
    opened, real = [], type(remote).open

    def torn(self, path, mode="rb", **options):
        opened.append(path)
        if len(opened) > 1:
            return real(self, path, mode, **options)
        return Torn(CONTENT)

    class Torn(io.BytesIO):
        def read(self, size=-1):
            if self.tell() > 1_000_000:
                raise ConnectionError("gone")
            return super().read(size)

    monkeypatch.setattr(type(remote), "open", torn)
    waits = []
    remote_copy.copy("memory://published/crops.bin", tmp_path / "crops.bin", sha256=SHA, sleep=waits.append)
    assert (len(opened), waits) == (2, [])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["crops.bin"]


def test_a_copy_gives_up_after_six_attempts_without_progress(remote, tmp_path, monkeypatch):
    def broken(self, path, mode="rb", **options):
        raise ConnectionError("gone")

    monkeypatch.setattr(type(remote), "open", broken)
    waits = []
    with pytest.raises(DataError, match="goes on where it ended"):
        remote_copy.copy("memory://published/crops.bin", tmp_path / "crops.bin", sleep=waits.append)
    assert waits == [1, 2, 4, 8, 16]


def test_a_file_that_is_not_there_is_named(remote, tmp_path):
    with pytest.raises(DataError, match=r"memory://published/none\.bin: there is no such file"):
        run(tmp_path, Download("memory://published/none.bin", 1))


@pytest.mark.parametrize("last", ["..", "", "%2e%2e%2fpasswd", "a%00b", ".hidden", LIST])
def test_no_address_leads_out_of_the_folder(last, tmp_path):
    folder = tmp_path / "in"
    with pytest.raises(DataError, match="ends in no name"):
        run(folder, Download(f"http://127.0.0.1:1/{last}"))
    assert not folder.exists()


def test_two_files_of_one_name_are_refused(tmp_path):
    with pytest.raises(DataError, match="of its own"):
        run(tmp_path, Download("http://127.0.0.1:1/a/x.zip"), Download("http://127.0.0.1:1/b/X.zip"))


def test_data_that_nobody_publishes_is_described():
    facts = about(homepage="https://example.org", layout="one folder per field")
    with pytest.raises(DataError, match=r"See https://example\.org\. What its folder must hold: one folder per field"):
        list(fetch("acme.crops.v1", facts, None))


def test_a_torn_list_of_files_is_an_error_that_says_what_to_do(remote, tmp_path):
    (tmp_path / LIST).write_text("[]")
    with pytest.raises(DataError, match="is no list of fetched files"):
        run(tmp_path, Download("memory://published/crops.bin"))


def archive(**files):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        for name, text in files.items():
            packed.writestr(name.replace("__", "/"), text)
    return stream.getvalue()


def test_archives_become_folders_if_asked_for(remote, tmp_path):
    remote.pipe("/published/crops.zip", archive(a__b="1"))
    lines, _ = run(tmp_path, Download("memory://published/crops.zip"), unpack=True)
    assert (tmp_path / "crops" / "a" / "b").read_text() == "1"
    assert [line.split()[0] for line in lines] == ["fetched", "unpacked"]


def test_a_hostile_archive_writes_nothing(remote, tmp_path):
    remote.pipe("/published/crops.zip", archive(**{"..__evil": "1"}))
    with pytest.raises(DataError, match="outside the folder"):
        run(tmp_path / "in", Download("memory://published/crops.zip"), unpack=True)
    assert not (tmp_path / "evil").exists()
    assert not (tmp_path / "in" / "crops").exists()
