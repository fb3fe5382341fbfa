"""Extracts that are torn, flipped or built to harm are refused by name; none ends the process."""

from __future__ import annotations

import contextlib
import zlib
from pathlib import Path

import numpy as np
import pytest
from olmoearth_openstreetmap.pbf import read_features
from olmoearth_openstreetmap.pbf_file import header, is_pbf
from olmoearth_openstreetmap.select_places import find_cells

from olmoearth_core.errors import DataError

EVERY_WAY = (read_features, lambda path: read_features(path, published=True, boxes=[(24, 59, 26, 61)]), find_cells)


def varint(number):
    out = b""
    while number > 127:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])


def field(number, content):
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


def block(kind, blob, size=None):
    head = field(1, kind) + field(3, len(blob) if size is None else size)
    return len(head).to_bytes(4, "big") + head + blob


HEAD = block(b"OSMHeader", field(1, field(4, b"OsmSchema-V0.6")))


def data(table, group=b""):
    return block(b"OSMData", field(1, field(1, table) + group))


def strings(*texts):
    return b"".join(field(1, text) for text in texts)


@pytest.fixture
def damaged(tmp_path):
    def write(content, name="damaged.osm.pbf"):
        (tmp_path / name).write_bytes(content)
        return str(tmp_path / name)

    return write


def refusal(path):
    messages = []
    for read in EVERY_WAY:
        with pytest.raises(DataError) as error:
            read(path)
        messages.append(str(error.value))
    assert all(path in message for message in messages)
    return messages[0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "does not begin as an .osm.pbf does"),
        (b"<osm version='0.6'/>", "does not begin as an .osm.pbf does"),
        (HEAD[:9], "does not begin as an .osm.pbf does"),
        (HEAD[:-3], "the block at byte 0"),
        (HEAD + b"\xff\xff\xff\xff", "a header of 4,294,967,295 bytes"),
        (HEAD + b"\0\0\0\0", "a header of 0 bytes"),
        (HEAD + block(b"OSMData", b"", size=2**31 - 1), "a size of 2147483647"),
        (HEAD + block(b"OSMData", b"", size=1000), "it ends after 0 of 1,000 bytes"),
        (HEAD + block(b"OSMData", b"\x0b"), "a field of unknown kind 3"),
        (HEAD + block(b"OSMData", b"\x0a\x7f"), "a field that reaches beyond its end"),
        (HEAD + block(b"OSMData", b"\x80" * 20), "a number without an end"),
        (HEAD + block(b"OSMData", field(2, 10)), "it has no content"),
        (HEAD + block(b"OSMData", field(2, 10) + field(6, b"abc")), "it is packed by lz4"),
        (HEAD + block(b"OSMData", field(2, 10) + field(3, b"no zlib")), "incorrect header check"),
        (HEAD + data(strings(b"", b"highway\0path")), "a text with a zero byte"),
        (HEAD + data(strings(b"", b"", b"a\0b")), "a text with a zero byte"),
    ],
)  # fmt: skip
def test_what_is_malformed_is_refused_by_name_and_place(damaged, content, message):
    assert message in refusal(damaged(content))


def test_a_block_that_unpacks_to_more_than_it_says_is_not_unpacked(damaged):
    bomb = zlib.compress(bytes(2**26))
    said = block(b"OSMData", field(2, 1000) + field(3, bomb))
    assert "it unpacks to 1,001 bytes or more" in refusal(damaged(HEAD + said))
    openly = block(b"OSMData", field(2, 2**26) + field(3, bomb))
    assert "67,108,864 bytes when unpacked" in refusal(damaged(HEAD + openly))


def test_texts_that_are_no_utf8_are_refused(extract):
    path = Path(extract({1: (25.0, 60.0, {"man_made": "crane", "name": "PLACE"})}, packing="none"))
    path.write_bytes(path.read_bytes().replace(b"PLACE", b"\xff\xfe\xfd\xfc\xfb"))
    assert "'utf-8' codec can't decode" in refusal(str(path))


def test_a_missing_file_and_a_folder_are_refused_and_not_recognised(tmp_path):
    (tmp_path / "folder.osm.pbf").mkdir()
    for name in ("folder.osm.pbf", "nowhere.osm.pbf"):
        assert name in refusal(str(tmp_path / name))
        assert not is_pbf(str(tmp_path / name))
        with pytest.raises(DataError, match=name):
            header(str(tmp_path / name))


def test_an_extract_without_objects_has_no_features(damaged):
    path = damaged(HEAD)
    assert read_features(path).features == ()
    assert not any(find_cells(path).values())


@pytest.mark.parametrize("packing", ["none", "zlib"])
def test_flipped_and_cut_files_are_read_or_refused(town, extract, damaged, packing):
    from shutil import copyfile

    import osmium

    source = Path(town)
    if packing == "none":
        source = source.with_name("plain.osm.pbf")
        with osmium.SimpleWriter(osmium.io.File(str(source), "pbf,pbf_compression=none")) as out:
            for thing in osmium.FileProcessor(town):
                out.add(thing)
    else:
        copyfile(town, source.with_name("packed.osm.pbf"))
    sound, rng = source.read_bytes(), np.random.default_rng(7)
    outcomes = {"read": 0, "refused": 0}
    for trial in range(60):
        torn = np.frombuffer(sound, dtype=np.uint8).copy()
        if trial % 4 == 0:
            torn = torn[: rng.integers(16, len(torn))]
        else:
            places = rng.integers(16, len(torn), size=trial % 3 + 1)
            torn[places] = rng.choice([0, 255, 127]) if trial % 2 else torn[places] ^ (1 << rng.integers(0, 8))
        path = damaged(torn.tobytes(), f"trial_{trial}.osm.pbf")
        for read in EVERY_WAY:
            with contextlib.suppress(DataError):
                read(path)
                outcomes["read"] += 1
                continue
            outcomes["refused"] += 1
    assert outcomes["refused"] > 30
    assert sum(outcomes.values()) == 180
