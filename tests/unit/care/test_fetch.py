"""Fetching goes on where it was cut off, trusts nothing, and says what to do without a network."""

from __future__ import annotations

import hashlib
import tarfile
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from olmoearth_core.care import fetch as fetching
from olmoearth_core.care.download import download
from olmoearth_core.errors import DataError

CONTENT = np.random.default_rng(0).bytes(300_000)


class Server:
    """Serves one file and drops the connection after `drop` bytes, while `drops` lasts."""

    def __init__(self):
        self.content, self.tag, self.drop, self.drops, self.ranges = CONTENT, '"one"', 100_000, 0, True
        self.asked, self.status = [], None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                outer.answer(self)

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/set.tar"
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def answer(self, request):
        wanted = request.headers.get("Range")
        self.asked.append(wanted)
        if self.status:
            request.send_error(self.status)
            return
        same = request.headers.get("If-Range") == self.tag
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and same and self.ranges else 0
        body = self.content[start:]
        request.send_response(206 if start else 200)
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        request.send_header("Content-Length", str(len(body)))
        request.send_header("ETag", self.tag)
        request.end_headers()
        if self.drops:
            self.drops -= 1
            body = body[: self.drop]
        request.wfile.write(body)


@pytest.fixture
def server():
    made = Server()
    yield made
    made.http.shutdown()
    made.http.server_close()


def never(seconds):
    """Wait for nothing."""


def test_a_connection_that_drops_is_continued_where_it_was(server, tmp_path):
    server.drops = 2
    path = download(server.url, tmp_path / "f", sha256=hashlib.sha256(CONTENT).hexdigest(), sleep=never)
    assert path.read_bytes() == CONTENT
    assert server.asked == [None, "bytes=100000-", "bytes=200000-"]
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_an_earlier_process_is_continued_and_another_version_is_not(server, tmp_path):
    server.drops, server.drop = 6, 0
    with pytest.raises(DataError, match="curl -LO"):
        download(server.url, tmp_path / "f", sleep=never)
    (tmp_path / ".f.part").write_bytes(CONTENT[:50_000])
    server.asked.clear()
    assert download(server.url, tmp_path / "f", sleep=never).read_bytes() == CONTENT
    assert server.asked == ["bytes=50000-"]
    (tmp_path / "f").unlink()
    server.drops, server.drop = 1, 1000
    (tmp_path / ".f.part").write_bytes(b"old" * 1000)
    (tmp_path / ".f.part.json").write_text('{"version": "\\"zero\\""}')
    assert download(server.url, tmp_path / "f", sleep=never).read_bytes() == CONTENT


def test_a_server_without_ranges_starts_again(server, tmp_path):
    server.drops, server.ranges = 1, False
    assert download(server.url, tmp_path / "f", sleep=never).read_bytes() == CONTENT


def test_wrong_content_missing_files_and_too_large_ones_are_refused(server, tmp_path):
    with pytest.raises(DataError, match="expected 00000"):
        download(server.url, tmp_path / "f", sha256="0" * 64, sleep=never)
    assert not (tmp_path / "f").exists()
    with pytest.raises(DataError, match="has 300000 bytes, more than 1000"):
        download(server.url, tmp_path / "f", most_bytes=1000, sleep=never)
    server.status = 404
    with pytest.raises(DataError, match="answered 404"):
        download(server.url, tmp_path / "f", sleep=never)
    assert len(server.asked) == 3
    with pytest.raises(DataError, match="no http"):
        download("file:///etc/passwd", tmp_path / "f")


def test_an_archive_at_an_address_becomes_a_data_set(server, tmp_path, make, run):
    path = make(3)
    with tarfile.open(tmp_path / "set.tar", "w") as file:
        file.add(path.parents[1], path.parents[1].name)
    server.content = (tmp_path / "set.tar").read_bytes()
    code, out, _ = run("fetch", server.url, tmp_path / "out")
    place = "/".join(map(str, (tmp_path / "out" / "set", *path.parts[-3:])))
    assert (code, out.splitlines()[-1]) == (0, f"next: olmoearth dataset verify {place}")
    assert not (tmp_path / "out" / "set.tar").exists()
    assert run("diff", path, tmp_path / "out")[0] == 0
    asked = len(server.asked)
    assert run("fetch", server.url, tmp_path / "out")[0] == 0
    assert len(server.asked) == asked
    assert run("fetch", tmp_path / "set.tar", tmp_path / "local")[0] == 0
    assert (tmp_path / "set.tar").exists()


def test_without_a_network_the_message_says_what_to_do_by_hand(tmp_path, run, monkeypatch):
    from huggingface_hub import HfApi

    def none(*_, **__):
        raise ConnectionError("no network")

    monkeypatch.setattr(HfApi, "list_repo_files", none)
    code, _, err = run("fetch", "full", tmp_path / "out")
    assert code == 2
    assert "hf download allenai/olmoearth_pretrain_dataset --repo-type dataset" in err


def test_the_small_part_of_the_public_set_is_found_by_its_name(tmp_path, run, monkeypatch):
    names = ["10_map.csv", "pretrain_1k.tar", "10_map/0001.tar"]
    monkeypatch.setattr(fetching, "listing", lambda repo: names)
    asked = []
    monkeypatch.setattr(fetching, "snapshot", lambda repo, names, out: asked.extend(names) or [])
    assert run("fetch", "subset", tmp_path / "out")[0] == 0
    assert asked == ["pretrain_1k.tar"]
    names.remove("pretrain_1k.tar")
    code, _, err = run("fetch", "subset", tmp_path / "out")
    assert (code, "none of its files names itself a subset" in err) == (2, True)


@pytest.mark.parametrize("what", ["fulll", "http://127.0.0.1:9/", "http://127.0.0.1:9/..%2Fx", "ftp://127.0.0.1/x.tar"])
def test_what_cannot_be_fetched_gives_one_sentence(tmp_path, run, what, monkeypatch):
    monkeypatch.setattr(fetching, "download", partial(download, sleep=never))
    code, _, err = run("fetch", what, tmp_path / "out")
    assert (code, len(err.splitlines()), "Traceback" in err) == (2, 1, False)
