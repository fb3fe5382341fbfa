"""From a catalogue to a tile store through the command line, with a server that misbehaves, and without one."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import rasterio

from olmoearth_core.cli.main import main


def run(setting, *more, store=None):
    """Run the command in this process and return its exit code."""
    try:
        return main(words(setting, *more, store=store))
    except SystemExit as end:
        return end.code or 0


def words(setting, *more, store=None):
    return [
        "dataset", "materialize", str(store or setting.store), "--windows", str(setting.windows), "--catalog",
        str(setting.profile), "--modalities", "sentinel1", "--items", str(setting.items), "--cache",
        str(setting.cache), "--workers", "0", "--rate", "1000", "--date", "2026-11-23", *more,
    ]  # fmt: skip


def content(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*")) if path.is_file()
    }  # fmt: skip


def test_a_catalogue_becomes_a_store_with_the_values_of_its_files(setting, capsys):
    assert run(setting) == 0, capsys.readouterr()
    (tile,) = (setting.store / "10_sentinel1_monthly").glob("*.tif")
    with rasterio.open(tile) as raster:
        stored = raster.read()
    # The year of 12 slots around 15 June 2021 begins on 10 December 2020; the 11 scenes fall into 11 of them.
    assert stored.shape == (11 * 2, 256, 256)
    for number in range(11):
        folder = setting.cache / "local" / "radar" / f"S1_{number:03d}"
        for band, name in enumerate(("vv", "vh")):
            with rasterio.open(folder / f"S1_{number:03d}_{name}.tif") as raster:
                np.testing.assert_array_equal(stored[2 * number + band], raster.read(1))


def test_the_same_command_without_a_server_gives_the_same_bytes_and_asks_nobody(setting):
    assert run(setting) == 0
    before, asked = content(setting.store), len(setting.server.requests)
    setting.server.stop()
    again = setting.folder / "again"
    assert run(setting, store=again) == 0
    assert content(again) == before
    assert len(setting.server.requests) == asked


def test_a_second_search_of_the_same_catalogue_freezes_the_same_bytes(setting):
    assert run(setting) == 0
    first = setting.items.read_bytes()
    setting.server.items.reverse()
    setting.server.page = 7
    assert run(setting, "--refresh") == 0
    assert setting.items.read_bytes() == first


def test_no_secret_reaches_the_table_the_cache_or_the_terminal(setting, capsys, caplog):
    caplog.set_level("DEBUG")
    assert run(setting) == 0
    said = "".join(capsys.readouterr()) + caplog.text
    written = b"".join(p.read_bytes() for p in (setting.items, *setting.cache.rglob("*.json")))
    assert "SECRET" not in said
    assert b"SECRET" not in written
    assert "S1_001_vv.tif" in caplog.text, "the library's log is there, only without secrets"


def test_the_store_is_the_same_whatever_the_network_did(setting, monkeypatch):
    assert run(setting) == 0
    before = content(setting.store)
    monkeypatch.setattr("olmoearth_stac.waiting.Schedule.wait", lambda *_: 0.0)
    paths = sorted(setting.server.files)
    for number, path in enumerate(paths):
        faults = [("status", 503), ("cut", 1000), ("status", 429, {"Retry-After": "1"}), ("cut", 100_000)]
        setting.server.faults[path] = faults[number % 4 :]
    setting.server.faults["/search"] = [("status", 500), ("text", "<html>busy</html>")]
    setting.items.unlink()
    setting.cache = setting.folder / "other cache"
    assert run(setting, store=setting.folder / "again") == 0
    assert content(setting.folder / "again") == before


def test_a_provider_that_stays_away_fails_the_tile_and_later_success_completes_it(setting, capsys, monkeypatch):
    monkeypatch.setattr("olmoearth_stac.waiting.Schedule.wait", lambda *_: 0.0)
    setting.server.faults["/data/S1_004/S1_004_vv.tif"] = [("status", 503)] * 3
    assert run(setting, "--retries", "2") == 1
    said = "".join(capsys.readouterr())
    assert "S1_004_vv.tif: HTTP 503. Tried 3 times." in said
    assert not list(setting.store.rglob("*.tif")), "no tile is made of other scenes"
    assert run(setting, "--retries", "0") == 0


def test_a_file_that_its_provider_removed_is_passed_over_the_same_way_offline(setting, capsys):
    path = "/data/S1_004/S1_004_vv.tif"
    setting.server.files.pop(path)
    assert run(setting) == 0
    assert "no longer has the file of asset vv" in "".join(capsys.readouterr())
    before = content(setting.store)
    setting.server.stop()
    assert run(setting, store=setting.folder / "again") == 0
    assert content(setting.folder / "again") == before


def test_a_table_of_other_windows_is_refused_and_says_how_to_go_on(setting, capsys):
    assert run(setting) == 0
    text = setting.windows.read_text()
    setting.windows.write_text(text.replace(",195,", ",196,"))
    assert run(setting) == 2
    said = capsys.readouterr().err
    assert "questions were not asked" in said
    assert "--refresh" in said


def test_a_changed_table_is_refused(setting, capsys):
    assert run(setting) == 0
    setting.items.write_bytes(setting.items.read_bytes().replace(b"S1_003", b"S1_033"))
    assert run(setting) == 2
    assert "checksum" in capsys.readouterr().err


def test_a_compressed_table_does_the_same(setting):
    assert run(setting) == 0
    before = content(setting.store)
    setting.items = setting.folder / "items.jsonl.gz"
    assert run(setting, store=setting.folder / "again") == 0
    first = setting.items.read_bytes()
    assert content(setting.folder / "again") == before
    assert run(setting, "--refresh") == 0
    assert setting.items.read_bytes() == first


def test_a_bounded_cache_gives_the_same_store(setting):
    assert run(setting) == 0
    before = content(setting.store)
    setting.cache = setting.folder / "small"
    for number in range(2):
        assert run(setting, "--cache-limit-gb", "0.001", store=setting.folder / f"again{number}") == 0
        assert content(setting.folder / f"again{number}") == before
    # The second run began by clearing what the first had left.
    asked = setting.server.paths("/data/S1_000")
    assert len(asked) == 6, "the oldest scene was cleared away and came once more"


def test_two_processes_make_the_same_store_as_one(setting):
    lines = setting.windows.read_text()
    setting.windows.write_text(lines + lines.splitlines()[1].replace(",195,", ",196,") + "\n")
    assert run(setting) == 0
    before = content(setting.store)
    setting.cache = setting.folder / "other cache"
    assert run(setting, "--workers", "2", "--overwrite", store=setting.folder / "again") == 0
    assert content(setting.folder / "again") == before
    fetched = setting.server.paths("/data")
    assert max(fetched.count(path) for path in fetched) == 2, "two processes that want one file fetch it once"


@pytest.mark.parametrize("asset", ["S1_000/S1_000_vv.tif", "S1_005/S1_005_vh.tif", "S1_010/S1_010_vh.tif"])
def test_killed_at_any_moment_the_next_run_makes_the_same_store(setting, asset):
    """kill -9 of the whole command while a file is on its way; then it is run again."""
    assert run(setting, store=setting.folder / "undisturbed") == 0
    setting.items.unlink()
    setting.cache = setting.folder / "other cache"
    setting.server.faults[f"/data/{asset}"] = [("hold", 100_000)]
    code = "import sys; from olmoearth_core.cli.main import main; sys.exit(main(sys.argv[1:]))"
    process = subprocess.Popen(
        [sys.executable, "-c", code, *words(setting)],
        env={**os.environ, "PYTHONPATH": str(setting.folder / "site")}, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    part = setting.cache / "local" / "radar" / asset.partition("/")[0] / f".{asset.partition('/')[2]}.part"
    until = time.monotonic() + 60
    while not (part.exists() and part.stat().st_size > 60_000) and time.monotonic() < until:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert part.exists()
    assert run(setting) == 0
    assert content(setting.store) == content(setting.folder / "undisturbed")


def test_missing_keys_fail_the_tile_and_name_the_variables(setting, capsys, monkeypatch):
    monkeypatch.delenv("TOY_KEY", raising=False)
    for item in setting.server.items:
        for asset in item["assets"].values():
            asset["href"] = asset["href"].partition("?")[0].replace(setting.server.url + "/data", "s3://data")
    more = f'[s3.data]\nendpoint = "{setting.server.url}"\nkey_variable = "TOY_KEY"\nsecret_variable = "TOY_SECRET"\n'
    setting.profile.write_text(setting.profile.read_text() + more)
    assert run(setting) == 1
    assert "$TOY_KEY and $TOY_SECRET not set" in "".join(capsys.readouterr())
    monkeypatch.setenv("TOY_KEY", "KEYID")
    monkeypatch.setenv("TOY_SECRET", "TOPSECRET")
    assert run(setting) == 0


def test_without_a_network_the_message_says_what_to_do(setting, capsys, monkeypatch):
    monkeypatch.setattr("olmoearth_stac.waiting.Schedule.wait", lambda *_: 0.0)
    setting.server.stop()
    assert run(setting) == 2
    said = capsys.readouterr().err
    assert "no connection" in said
    assert "With a frozen item table" in said


def test_the_table_says_who_was_asked_what_and_when(setting):
    assert run(setting) == 0
    head, *items = [json.loads(line) for line in setting.items.read_text().splitlines()]
    assert head["url"] == setting.server.url
    assert head["date"] == "2026-11-23"
    assert head["queries"][0][0] == "radar"
    assert head["items"] == len(items) == 11
    assert [item["id"] for item in items] == sorted(item["id"] for item in items)
    assert set(items[0]["assets"]) == {"vv", "vh"}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--catalog", "planetry_computer"), 'Did you mean "planetary_computer"'),
        (("--modalities", "srtm"), 'it has no "srtm", only sentinel1'),
        (("--rate", "0"), "expected requests per second above 0"),
        (("--retries", "-1"), "expected 0 to 100"),
        (("--source", "olmoearth-nothing.v1"), "no sources named"),
        (("--source", "simulate.landscape.v1"), "it is no catalogue"),
    ],
)
def test_mistakes_of_the_user_are_said(setting, capsys, options, expected):
    assert run(setting, *options) == 2
    assert expected in capsys.readouterr().err
