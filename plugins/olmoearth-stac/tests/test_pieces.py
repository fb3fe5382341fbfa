"""Profiles, tables, folders and addresses: what is refused, what is kept, and what is never written down."""

import contextlib
import gzip
import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from olmoearth_stac.item import facts, kept
from olmoearth_stac.profile import Profile, named, open_profile
from olmoearth_stac.queries import Query
from olmoearth_stac.secrecy import plain, without_secrets
from olmoearth_stac.shelf import Shelf, file_names, safe_name
from olmoearth_stac.table import Table, read_table, write_table

from olmoearth_core.errors import DataError

GOOD = """
name = "x"
url = "https://example.org/stac"
[modalities.m]
collection = "c"
reader = "a.b.v1"
bands = { b = "asset" }
"""
QUERY = Query("c", (0.0, 0.0, 1.0, 1.0), "2021-01-01T00:00:00Z/2021-02-01T00:00:00Z")


def test_all_profiles_of_the_package_can_be_read():
    assert named() == ("cdse", "earth_search", "planetary_computer")
    assert all(open_profile(name).modalities for name in named())


def test_a_known_catalogue_can_be_asked_at_another_address():
    profile = open_profile("earth_search=http://localhost:8080/v1/")
    assert (profile.name, profile.url) == ("earth_search", "http://localhost:8080/v1")
    assert profile.modalities == open_profile("earth_search").modalities


def test_an_address_alone_gets_no_tokens_and_a_name_of_its_own():
    profile = open_profile("https://stac.example.org/api")
    assert profile.signing is None
    assert profile.name.startswith("stac.example.org_")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('url = "https://example.org/stac"', "", "url"),
        ('url = "https://example.org/stac"', 'url = "file:///etc"', "expected an address"),
        ('url = "https://example.org/stac"', 'url = "https://me:pw@example.org"', "expected an address"),
        ('name = "x"', 'name = "x"\nmethod = "PUT"', "expected GET or POST"),
        ('name = "x"', 'name = "x"\ncolour = 1', '"colour" is not known'),
        ('reader = "a.b.v1"', "reader = 7", "reader is 7"),
        ('bands = { b = "asset" }', "bands = {}", "bands must name"),
        ('bands = { b = "asset" }', "bands = { b = 1 }", "bands must name"),
        ('bands = { b = "asset" }', 'bands = { b = "asset" }\nclear = [1]', "clear is"),
        ('bands = { b = "asset" }', 'bands = { b = "asset" }\nopens = "map"', 'opens is "map"'),
        ("[modalities.m]", "[modalities]\nm = 3\n[modalities.n]", "expected a table"),
        ("[modalities.m]", "[modalities.m", "is no TOML"),
        ("[modalities.m]", '[signing]\nhosts = ["a"]\n[modalities.m]', "token_url"),
    ],
)
def test_a_malformed_profile_is_refused_with_the_key(tmp_path, old, new, said):
    file = tmp_path / "p.toml"
    file.write_text(GOOD)
    assert open_profile(str(file)).name == "x"
    file.write_text(GOOD.replace(old, new))
    with pytest.raises(DataError, match=r"p\.toml") as caught:
        open_profile(str(file))
    assert said in str(caught.value)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"= =", b"x" * (2**20 + 1)])
def test_a_file_that_is_no_profile_never_crashes(tmp_path, content):
    (tmp_path / "p.toml").write_bytes(content)
    with pytest.raises(DataError, match=r"p\.toml"):
        open_profile(str(tmp_path / "p.toml"))


def table(*ids, name="c"):
    items = tuple({"id": i, "collection": name, "assets": {}} for i in ids)
    return Table("x", "https://example.org", (QUERY,), {"c": ("asset",)}, items, "2026-11-23", ("c/bad: no",))


@pytest.mark.parametrize("name", ["items.jsonl", "items.jsonl.gz"])
def test_a_table_comes_back_as_it_was_in_order_and_with_the_same_bytes(tmp_path, name):
    write_table(tmp_path / name, table("b", "a"))
    first = (tmp_path / name).read_bytes()
    found = read_table(tmp_path / name)
    assert [item["id"] for item in found.items] == ["a", "b"]
    assert (found.queries, found.date, found.left_out) == ((QUERY,), "2026-11-23", ("c/bad: no",))
    write_table(tmp_path / name, table("a", "b"))
    assert (tmp_path / name).read_bytes() == first


def test_a_table_can_be_read_by_anybody_without_this_program(tmp_path):
    write_table(tmp_path / "t.gz", table("a"))
    head, item = gzip.decompress((tmp_path / "t.gz").read_bytes()).splitlines()
    assert json.loads(head)["type"] == "olmoearth.stac.items"
    assert json.loads(item)["id"] == "a"


@settings(deadline=None)
@given(data=st.data())
def test_a_damaged_table_never_crashes(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp()
    for name in ("d.jsonl", "d.jsonl.gz"):
        content = bytearray(write_table(folder / name, table("a", "b")).read_bytes())
        place = data.draw(st.integers(0, len(content) - 1))
        damaged = bytes(content[:place]) if data.draw(st.booleans()) else None
        content[place] ^= 1 << data.draw(st.integers(0, 7))
        (folder / name).write_bytes(bytes(content) if damaged is None else damaged)
        try:
            read_table(folder / name)
        except DataError as error:
            assert name in str(error)  # noqa: PT017


def test_a_table_of_another_catalogue_or_of_fewer_assets_is_refused(tmp_path):
    asked = table("a")
    same = Profile("x", "https://example.org", {})
    asked.check("t", same, [QUERY], {"c": {"asset"}})
    for profile, queries, assets, said in (
        (Profile("y", "https://example.org", {}), [QUERY], {}, "not of y"),
        (same, [Query("d", QUERY.bbox)], {}, "1 questions were not asked"),
        (same, [QUERY], {"c": {"other"}}, "without asset other"),
    ):
        with pytest.raises(DataError, match=said):
            asked.check("t", profile, queries, assets)


@settings(deadline=None)
@given(st.text(max_size=300))
def test_names_stay_in_their_folder_whatever_a_catalogue_calls_things(text):
    name = safe_name(text)
    assert name == os.path.basename(name)
    assert name not in ("", ".", "..")
    assert not name.startswith(".")
    assert len(name) < 200
    assert name.isascii()


@settings(deadline=None)
@given(st.lists(st.text(max_size=20), min_size=2, max_size=6, unique=True))
def test_different_names_stay_different(texts):
    assert len({safe_name(text) for text in texts}) == len(texts)


def test_files_of_one_name_in_different_folders_do_not_meet():
    item = {"assets": {"a": {"href": "s3://b/x/B02.tif"}, "b": {"href": "s3://b/y/B02.tif"}, "c": {"href": "../../e"}}}
    assert file_names(item) == {"a": "a_B02.tif", "b": "b_B02.tif", "c": "e"}


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=5), st.text("aA/._?i", max_size=8), max_size=6))
def test_files_of_an_item_never_share_a_name(hrefs):
    names = file_names({"assets": {key: {"href": href} for key, href in hrefs.items()}}).values()
    assert len({"item.json", *(name.lower() for name in names)}) == len(hrefs) + 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=8,
)  # fmt: skip


@settings(deadline=None)
@given(
    item=st.fixed_dictionaries(
        {},
        optional={
            "id": JSON,
            "bbox": JSON | st.lists(st.floats(), min_size=4, max_size=6),
            "assets": JSON,
            "properties": JSON | st.fixed_dictionaries({"datetime": JSON}, optional={"end_datetime": JSON}),
        },
    )
)
def test_an_item_of_nonsense_is_left_out_and_never_crashes(item):
    with contextlib.suppress(ValueError, TypeError, OverflowError, RecursionError):
        known = facts(item)
        assert known.start <= known.end
        json.dumps(kept(item, ["vv"]), allow_nan=False)


def fill(shelf, number, size=1000):
    place = shelf.folder("cat", {"collection": "c", "id": str(number)})
    (place / "a.tif").write_bytes(bytes(size))
    os.utime(place, (number, number))
    return place


def test_the_items_used_longest_ago_go_first_and_those_in_use_stay(tmp_path):
    shelf = Shelf(tmp_path, 3000)
    places = [fill(shelf, number) for number in range(1, 6)]
    shelf.clear()
    assert all(place.exists() for place in places), "all are in use by this process"
    shelf.release()
    assert [place.exists() for place in places] == [False, False, False, True, True]


def test_without_a_bound_nothing_goes(tmp_path):
    shelf = Shelf(tmp_path)
    places = [fill(shelf, number) for number in range(1, 4)]
    shelf.release()
    assert all(place.exists() for place in places)


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("https://a.b/c.tif?sv=2021&se=2026&sig=XYZ%3D", "https://a.b/c.tif"),
        ("https://me:pw@a.b/c.tif", "https://a.b/c.tif"),
        ("https://a.b/c?X-Amz-Signature=1&X-Amz-Credential=2", "https://a.b/c"),
        ("https://a.b/c?access_token=1", "https://a.b/c"),
        ("https://a.b/c?collections=x&bbox=1,2", "https://a.b/c?collections=x&bbox=1,2"),
        ("s3://bucket/key with space", "s3://bucket/key with space"),
        ("https://[broken?sig=1", "https://[broken"),
    ],
)
def test_addresses_lose_what_lets_their_owner_in(address, kept):
    assert plain(address) == kept


def test_secrets_are_found_however_deep_they_lie():
    found = without_secrets({"a": [{"alternate": {"href": "https://a.b/c?sig=1"}}], "n": 1, "t": "sig=not an address"})
    assert found == {"a": [{"alternate": {"href": "https://a.b/c"}}], "n": 1, "t": "sig=not an address"}
