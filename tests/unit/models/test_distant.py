"""Models in folders behind URLs: what is fetched, where copies lie, and what is said when there is none."""

import logging
import sys
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import fsspec
import pytest
import torch

from olmoearth_core import load_model, save_model
from olmoearth_core.errors import CheckpointError
from olmoearth_core.models import distant


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def memory():
    """Return an empty file system in memory and a function that copies a folder into it."""
    system = fsspec.filesystem("memory")

    def put(folder, place):
        for file in (f for f in folder.rglob("*") if f.is_file()):
            system.pipe_file(f"{place}/{file.relative_to(folder)}", file.read_bytes())
        return f"memory://{place}"

    system.store.clear()
    yield put
    system.store.clear()


@pytest.fixture
def fetched(caplog):
    """Return a function that says which files were fetched since it was last called."""
    caplog.set_level(logging.INFO, logger=distant.log.name)

    def names():
        found = [Path(record.args[0]).name for record in caplog.records if record.name == distant.log.name]
        caplog.clear()
        return sorted(found)

    return names


@pytest.fixture
def package(small, tmp_path):
    return save_model(small, tmp_path / "package")


def test_a_package_behind_a_url_opens_and_is_fetched_once(memory, package, small, fetched, home):
    url = memory(package, "/models/mine")
    opened = load_model(f"{url}/")
    assert all(torch.equal(a, b) for a, b in zip(opened.parameters(), small.parameters(), strict=True))
    assert opened.card.path.is_relative_to(home / ".cache" / "olmoearth" / "models")
    assert fetched() == sorted(file.name for file in package.iterdir())
    load_model(url)
    assert fetched() == []


def test_a_changed_original_is_fetched_again(memory, package, small, tmp_path):
    url = memory(package, "/models/mine")
    load_model(url)
    with torch.no_grad():
        small.encoder.norm.weight += 1
    memory(save_model(small, tmp_path / "second"), "/models/mine")
    assert torch.equal(load_model(url).encoder.norm.weight, small.encoder.norm.weight)


def test_large_files_stay_where_they_are_when_no_weights_are_asked_for(memory, package, fetched, monkeypatch):
    monkeypatch.setattr(distant, "_SMALL", 20_000)
    url = memory(package, "/models/mine")
    load_model(url, load_weights=False)
    assert "model.safetensors" not in fetched()
    load_model(url)
    assert fetched() == ["model.safetensors"]


def test_large_files_of_an_unknown_folder_are_not_fetched(memory, tmp_path, fetched, monkeypatch):
    monkeypatch.setattr(distant, "_SMALL", 3)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "summer.jpg").write_bytes(bytes(10))
    with pytest.raises(CheckpointError, match=r"(?s)^memory:///photos: found summer.jpg, expected one of.*package"):
        load_model(memory(tmp_path / "photos", "/photos"))
    assert fetched() == []


def test_of_a_run_the_last_complete_step_is_fetched(memory, tmp_path, monkeypatch):
    monkeypatch.setattr(distant, "_SMALL", 3)
    for step, files in ((1, ["COMMIT.json", "tensors"]), (2, ["COMMIT.json", "tensors"]), (3, ["tensors"])):
        (tmp_path / "run" / f"step0000000{step}").mkdir(parents=True)
        for file in files:
            (tmp_path / "run" / f"step0000000{step}" / file).write_text("{}" if file == "COMMIT.json" else "weights")
    folder = distant.fetch(memory(tmp_path / "run", "/run"), load_weights=True)
    assert [str(f.relative_to(folder).parent) for f in folder.rglob("tensors")] == ["step00000002"]


def test_the_card_names_the_url_and_not_the_copy(memory, package, home):
    card = load_model(memory(package, "/models/mine")).card
    found = distant.origin(card, Path("/x/y"), "s3://b/y/")
    assert (found.source, found.licence) == (card.source, card.licence)
    named = distant.origin(distant.replace(card, source="/x/y/step1", licence="from /x/y."), Path("/x/y"), "s3://b/y/")
    assert (named.source, named.licence) == ("s3://b/y/step1", "from s3://b/y.")


def test_a_fetch_that_breaks_off_leaves_no_torn_file(memory, package, home, monkeypatch):
    url = memory(package, "/models/mine")

    def breaks(source, out, length):
        out.write(source.read(10))
        raise ConnectionResetError("the cable was pulled")

    with monkeypatch.context() as broken:
        broken.setattr("shutil.copyfileobj", breaks)
        with pytest.raises(CheckpointError, match=r"^memory:///models/mine: cannot be fetched \(ConnectionResetError"):
            load_model(url)
    assert [file for file in home.rglob("*") if file.is_file()] == []
    assert load_model(url).card.title == "small"


def test_names_that_climb_out_of_the_folder_are_refused(memory, package, monkeypatch):
    url = memory(package, "/models/mine")
    system = fsspec.filesystem("memory")
    listing = {"/models/mine/../../evil": {"name": "/models/mine/../../evil", "size": 1}}
    monkeypatch.setattr(type(system), "find", lambda *_, **__: listing)
    with pytest.raises(CheckpointError, match=r"found a file named \.\./\.\./evil, expected names below"):
        load_model(url)


def test_what_is_not_there_is_said(memory, package):
    url = memory(package, "/models/mine")
    with pytest.raises(CheckpointError, match=r"^memory:///models/none: found no such folder"):
        load_model("memory:///models/none")
    with pytest.raises(CheckpointError, match=r"found a file, expected the folder it lies in: memory:///models/mine$"):
        load_model(f"{url}/package.json")
    with pytest.raises(CheckpointError, match='found the protocol "tape", which nothing here can open'):
        load_model("tape://models/mine")


def test_a_missing_package_of_a_protocol_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(CheckpointError, match=r'(?i)the protocol "gs" needs a package that is not installed .*gcsfs'):
        load_model("gs://bucket/model")


def test_more_files_than_a_model_has_are_refused(memory, package, monkeypatch):
    monkeypatch.setattr(distant, "_MOST", 3)
    with pytest.raises(CheckpointError, match="found over 3 files, expected the folder of one model"):
        load_model(memory(package, "/models/mine"))


def test_a_url_to_save_to_is_refused(small):
    with pytest.raises(CheckpointError, match=r"^s3://bucket/mine: found a URL, expected a folder of this machine"):
        save_model(small, "s3://bucket/mine")


def test_a_file_url_is_a_folder_of_this_machine(package):
    assert load_model(f"file://{package}").card.path == package


def test_a_training_run_is_not_begun_with_weights_alone_of_a_run_behind_a_url(memory, small, monkeypatch):
    from olmoearth_core.models import training
    from olmoearth_core.train.beginning import take_weights

    card = distant.replace(small.card, format=training.NAME)
    monkeypatch.setattr("olmoearth_core.models.open.opened", lambda *_, **__: (small, card))
    with pytest.raises(CheckpointError, match=r"load_path = memory://run: found a training run behind a URL"):
        take_weights("memory://run", small, card.specs, card.tokenization)


@pytest.fixture
def site(tmp_path):
    """Serve the test's folder on this machine; return its address."""

    class Quiet(SimpleHTTPRequestHandler):
        def __init__(self, *given):
            super().__init__(*given, directory=str(tmp_path))

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_web_server_is_asked_for_the_files_that_formats_know(site, package):
    assert load_model(f"{site}/package").card.title == "small"
    with pytest.raises(CheckpointError, match=r"/nothing: sought .*package.json.* and got none of them"):
        load_model(f"{site}/nothing")
