"""A catalogue on this machine, small radar scenes in it, and a profile that knows them."""

import hashlib
import importlib
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from olmoearth_stac.rate import Rate
from olmoearth_stac.waiting import Schedule
from olmoearth_stac.web import Web

from olmoearth_core.ingest.windows import Window, write_windows
from olmoearth_core.testing.install import install

sys.path.insert(0, str(Path(__file__).parent))
server_module = importlib.import_module("stac_server")

__all__ = ["install"]
fixtures = importlib.import_module("stac_fixtures")
CELL, TIME, geotiff, radar_item = fixtures.CELL, fixtures.TIME, fixtures.geotiff, fixtures.radar_item
PROFILE = """
name = "local"
url = "{url}"
method = "{method}"

[modalities.sentinel1]
collection = "radar"
reader = "toystac.item.v1"
bands = {{ vv = "vv", vh = "vh" }}
also = ["note"]
[modalities.sentinel1.where]
"sar:polarizations" = ["VV", "VH"]

{more}
"""


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self):
        self.now, self.slept = 1000.0, []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(round(seconds, 6))
        self.now += seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def web(clock, tmp_path):
    def made(*, rate=None, retries=3, timeout=5.0):
        return Web(
            Rate(rate, tmp_path / "cache" / ".rate", clock, clock.sleep), Schedule(retries), timeout, clock.sleep, clock
        )

    return made


@pytest.fixture
def server():
    made = server_module.StacServer()
    yield made
    made.stop()


DAYS = tuple(f"{year}-{month:02d}-{day:02d}" for year, month in ((2021, m) for m in range(1, 12)) for day in (5,))


@pytest.fixture
def catalogue(server, tmp_path):
    """Eleven scenes of 2021, each of its own brightness, with checksums of every second one."""
    draw = np.random.Generator(np.random.PCG64(7))
    for number, day in enumerate(DAYS):
        item = radar_item(server.url, number, day, query="?sig=SECRET&se=2021" if number % 3 == 0 else "")
        for band, scale in (("vv", 0.2), ("vh", 0.04)):
            values = scale * (0.5 + draw.random((256, 256))) * (1 + number / 10)
            content = geotiff(values, tmp_path / "made.tif")
            server.files[f"/data/{item['id']}/{item['id']}_{band}.tif"] = content
            item["assets"][band]["file:size"] = len(content)
            if number % 2:
                item["assets"][band]["file:checksum"] = "1220" + hashlib.sha256(content).hexdigest()
        server.items.append(item)
    (tmp_path / "made.tif").unlink()
    return server


@pytest.fixture
def setting(catalogue, tmp_path, install):
    """What a user has: a profile, a list of windows, folders, and a reader installed."""
    install(
        "toystac", "toystac_reader", (Path(__file__).parent / "toy_reader.py").read_text(),
        olmoearth_readers={"toystac.item.v1": "toystac_reader:item"},
    )  # fmt: skip
    profile = tmp_path / "local.toml"
    profile.write_text(PROFILE.format(url=catalogue.url, method="POST", more=""))
    windows = write_windows(tmp_path / "windows.csv", [Window(CELL, TIME)])
    return SimpleNamespace(
        profile=profile, windows=windows, items=tmp_path / "items.jsonl", cache=tmp_path / "cache",
        store=tmp_path / "store", server=catalogue, folder=tmp_path,
    )  # fmt: skip
