"""One file: whole or not there, whatever happens on the way."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from olmoearth_stac.access import Access
from olmoearth_stac.download import Asset, fetched
from olmoearth_stac.multihash import Checksum, declared
from olmoearth_stac.profile import Profile

from olmoearth_core.errors import DataError
from olmoearth_core.ingest.unreachable import Unreachable

BYTES = np.random.Generator(np.random.PCG64(3)).bytes(300_000)
SHA = Checksum("sha256", hashlib.sha256(BYTES).hexdigest())


@pytest.fixture
def access(web, server):
    server.files["/a.tif"] = BYTES
    return Access(Profile("local", server.url, {}), web(retries=2))


def visible(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def spans(server):
    return [headers.get("Range") for _, _, headers in server.requests]


def test_a_file_comes_whole_and_is_not_asked_for_again(access, server, tmp_path):
    asset = Asset(f"{server.url}/a.tif", len(BYTES), SHA)
    assert fetched(asset, tmp_path / "x" / "a.tif", access)
    assert fetched(asset, tmp_path / "x" / "a.tif", access)
    assert (tmp_path / "x" / "a.tif").read_bytes() == BYTES
    assert len(server.requests) == 1


def test_a_broken_download_goes_on_where_it_was(access, server, tmp_path):
    server.faults["/a.tif"] = [("cut", 150_000)]
    assert fetched(Asset(f"{server.url}/a.tif", None, None), tmp_path / "a.tif", access)
    assert (tmp_path / "a.tif").read_bytes() == BYTES
    assert spans(server) == [None, "bytes=131072-"]


def test_a_file_that_changed_meanwhile_is_fetched_from_its_start(access, server, tmp_path):
    other = BYTES[::-1]
    server.faults["/a.tif"] = [("cut", 150_000), ("change", other)]
    assert fetched(Asset(f"{server.url}/a.tif", None, None), tmp_path / "a.tif", access)
    assert (tmp_path / "a.tif").read_bytes() == other


def test_without_tag_and_checksum_nothing_is_put_together(access, server, tmp_path):
    server.etags = False
    server.faults["/a.tif"] = [("cut", 150_000)]
    assert fetched(Asset(f"{server.url}/a.tif", None, None), tmp_path / "a.tif", access)
    assert spans(server) == [None, None]
    assert (tmp_path / "a.tif").read_bytes() == BYTES


def test_a_checksum_is_enough_to_go_on(access, server, tmp_path):
    server.etags = False
    server.faults["/a.tif"] = [("cut", 150_000)]
    assert fetched(Asset(f"{server.url}/a.tif", None, SHA), tmp_path / "a.tif", access)
    assert spans(server) == [None, "bytes=131072-"]


def test_halves_of_two_files_are_noticed_by_the_checksum(access, server, tmp_path):
    server.etags = False
    wrong = bytes(len(BYTES))
    server.faults["/a.tif"] = [("cut", 150_000), ("change", wrong)]
    assert fetched(Asset(f"{server.url}/a.tif", None, SHA), tmp_path / "a.tif", access)
    assert (tmp_path / "a.tif").read_bytes() == BYTES


def test_a_wrong_checksum_leaves_nothing_and_says_so(access, server, tmp_path):
    wrong = Checksum("sha256", "0" * 64)
    with pytest.raises(Unreachable, match=r"sha256 checksum .* Tried 3 times\. The provider's file"):
        fetched(Asset(f"{server.url}/a.tif", None, wrong), tmp_path / "a.tif", access)
    assert visible(tmp_path) == ["cache"] or visible(tmp_path) == []
    assert not (tmp_path / ".a.tif.part").exists()


def test_a_wrong_size_leaves_nothing_and_says_so(access, server, tmp_path):
    with pytest.raises(Unreachable, match="300,000 bytes, the item declares 299,999 bytes"):
        fetched(Asset(f"{server.url}/a.tif", len(BYTES) - 1, None), tmp_path / "a.tif", access)
    assert not (tmp_path / "a.tif").exists()


def test_a_file_that_is_gone_is_remembered_as_gone(access, server, tmp_path):
    asset = Asset(f"{server.url}/gone.tif", None, None)
    assert not fetched(asset, tmp_path / "gone.tif", access)
    server.stop()
    assert not fetched(asset, tmp_path / "gone.tif", access)


def test_a_moved_asset_is_fetched_again(access, server, tmp_path):
    server.files["/b.tif"] = BYTES[:1000]
    fetched(Asset(f"{server.url}/a.tif", None, None), tmp_path / "a.tif", access)
    fetched(Asset(f"{server.url}/b.tif", None, None), tmp_path / "a.tif", access)
    assert (tmp_path / "a.tif").read_bytes() == BYTES[:1000]


def test_a_file_that_was_cut_on_the_disk_is_fetched_again(access, server, tmp_path):
    asset = Asset(f"{server.url}/a.tif", None, None)
    fetched(asset, tmp_path / "a.tif", access)
    (tmp_path / "a.tif").write_bytes(BYTES[:10])
    fetched(asset, tmp_path / "a.tif", access)
    assert (tmp_path / "a.tif").read_bytes() == BYTES


@pytest.mark.parametrize("href", ["file:///etc/passwd", "/etc/passwd", "ftp://host/a", "http://", "gopher://x/1"])
def test_only_the_web_is_read(access, tmp_path, href):
    with pytest.raises(DataError, match="expected an address of http, https or s3"):
        fetched(Asset(href, None, None), tmp_path / "a.tif", access)


def test_a_full_disk_is_said_and_not_taken_for_a_bad_scene(access, server, tmp_path, monkeypatch):
    monkeypatch.setattr("olmoearth_stac.download._SPARE", 2**62)
    with pytest.raises(Unreachable, match="The disk is full"):
        fetched(Asset(f"{server.url}/a.tif", None, None), tmp_path / "a.tif", access)


KILLED = """
import sys
from pathlib import Path
from olmoearth_stac.access import Access
from olmoearth_stac.download import Asset, fetched
from olmoearth_stac.profile import Profile
from olmoearth_stac.rate import Rate
from olmoearth_stac.web import Web
url, place = sys.argv[1], Path(sys.argv[2])
web = Web(Rate(None, place.parent / ".rate"))
fetched(Asset(url + "/a.tif", None, None), place, Access(Profile("local", url, {}), web))
"""


def test_killed_at_any_moment_nothing_half_written_has_a_name(access, server, tmp_path):
    """kill -9 when more and more bytes are there; then the file is completed with the same bytes."""
    script = tmp_path / "fetch.py"
    script.write_text(textwrap.dedent(KILLED))
    server.files["/a.tif"] = BYTES
    for number, sent in enumerate((1, 100_000, 299_999)):
        folder = tmp_path / str(number)
        place = folder / "a.tif"
        # The server sends a part and then holds the line; the process is killed while it waits for more.
        server.faults["/a.tif"] = [("hold", sent)]
        process = subprocess.Popen([sys.executable, str(script), server.url, str(place)])
        part = folder / ".a.tif.part"
        until = time.monotonic() + 60
        while not (folder / ".a.tif.part.json").exists() and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert part.exists()
        assert visible(folder) == []
        assert fetched(Asset(f"{server.url}/a.tif", None, None), place, access)
        assert place.read_bytes() == BYTES
        assert visible(folder) == ["a.tif"]
        assert not part.exists()


def test_multihashes_of_known_kinds_are_read_and_others_left_alone():
    digest = "ab" * 32
    assert declared({"file:checksum": "1220" + digest}) == Checksum("sha256", digest)
    assert declared({"checksum:multihash": "1220" + digest.upper()}) == Checksum("sha256", digest)
    assert declared({"file:checksum": "d50110" + "0f" * 16}) == Checksum("md5", "0f" * 16)
    for text in ("1220ab", "1e20" + digest, "", "1220" + "zz" * 32, None, 7):
        assert declared({"file:checksum": text}) is None


def test_what_is_noted_of_a_file_is_its_size_and_hash_without_tokens(access, server, tmp_path):
    fetched(Asset(f"{server.url}/a.tif?sig=SECRET", None, None), tmp_path / "a.tif", access)
    noted = json.loads(Path(tmp_path / ".a.tif.json").read_text())
    assert noted == {"href": f"{server.url}/a.tif", "sha256": SHA.digest, "size": len(BYTES)}
