"""Streams are data: whatever they say, nothing is imported and nothing is called."""

import datetime
import pickle
import struct
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from olmoearth_benchmarks.geobench_v1 import pickled_values, safe_pickle
from olmoearth_benchmarks.geobench_v1.safe_pickle import Record, read

from olmoearth_core.errors import DataError

SEEN = []
WATCHED = ("pickle.find_class", "os.system", "subprocess.Popen", "exec", "open", "import", "os.posix_spawn")
watching = False


def watch(event, arguments):
    if watching and event in WATCHED:
        SEEN.append((event, arguments[:1]))


sys.addaudithook(watch)


def watched(stream):
    """Read a stream; return the value, or DataError. Anything that a loaded pickle would do fails the test."""
    global watching
    SEEN.clear()
    watching = True
    try:
        found = read(stream, where="stream")
    except DataError as error:
        found = error
    finally:
        watching = False
    assert SEEN == []
    return found


def text(value):
    return b"\x8c" + bytes([len(value)]) + value.encode()


def call(module, name, *arguments):
    """Return the pickle of a call of module.name with text arguments."""
    body = b"".join(map(text, arguments))
    return b"\x80\x04" + text(module) + text(name) + b"\x93(" + body + b"tR."


GADGETS = {
    "a shell": call("posix", "system", "touch /tmp/never"),
    "eval": call("builtins", "eval", "__import__('os').system('true')"),
    "exec by its old name": b"\x80\x02c__builtin__\nexec\n(" + text("1") + b"tR.",
    "a process": call("subprocess", "Popen", "true"),
    "getattr": call("builtins", "getattr", "x", "y"),
    "an attribute of an allowed class": call("geobench.dataset", "Sentinel2.__init__.__globals__", "x"),
    "numpy's loader": call("numpy", "load", "/etc/passwd"),
    "numpy's evaluator": call("numpy.testing._private.utils", "runstring", "1", "2"),
    "partial": call("functools", "partial", "x"),
    "an import": call("importlib", "import_module", "os"),
    "torch": call("torch.serialization", "load", "x"),
    "a persistent id": b"\x80\x04" + text("x") + b"Q.",
    "a text persistent id": b"Pabc\n.",
    "an extension": b"\x80\x02\x82\x01.",
    "inst": b"(S'true'\niposix\nsystem\n.",
    "obj": b"\x80\x02(cposix\nsystem\n" + text("true") + b"o.",
    "new with keywords": b"\x80\x04" + text("subprocess") + text("Popen") + b"\x93)}\x92.",
    "text that is escaped": b"S'\\q'\n.",
}


@pytest.mark.parametrize("gadget", GADGETS.values(), ids=GADGETS)
def test_a_stream_that_refers_to_anything_else_is_refused_before_anything_runs(gadget):
    """Acceptance check 34, second half."""
    found = watched(gadget)
    assert isinstance(found, DataError)
    assert "It may run code when it is loaded; do not use it" in str(found)


def test_a_real_gadget_is_refused_and_never_executed(tmp_path):
    class Gadget:
        def __reduce__(self):
            return subprocess.check_call, (["touch", str(tmp_path / "ran")],)

    for protocol in range(6):
        assert isinstance(watched(pickle.dumps(Gadget(), protocol=protocol)), DataError)
    assert not (tmp_path / "ran").exists()


def test_allowed_names_become_records_of_text(pickles):
    band = pickles.thing("geobench.dataset", "Sentinel2", name="02 - Blue", wavelength=0.49)
    found = watched(pickles.dumps({"label": 1, "02 - Blue": {"band_info": band, "date": None}}))
    record = found["02 - Blue"]["band_info"]
    assert (record.of, record.args, record.get("name")) == ("geobench.dataset.Sentinel2", (), "02 - Blue")
    assert found["label"] == 1
    assert "geobench" not in sys.modules


BOMBS = {
    "a deep list": b"\x80\x04" + b"]" * 90_000 + b"a" * 89_999 + b".",
    "deep tuples": b"\x80\x04)" + b"\x85" * 90_000 + b".",
    "a key of tuples of tuples": b"\x80\x04})"
    + b"\x94\x86" * 1
    + b"".join(b"\x94h\x00\x86" for _ in range(60))
    + b"Ns.",
    "doubled tuples as a key": b"\x80\x04})" + b"".join(b"q\x00h\x00\x86" for _ in range(64)) + b"Ns.",
    "doubled tuples": b"\x80\x04)" + b"".join(b"q\x00h\x00\x86" for _ in range(2000)) + b".",
    "a text of 2^62 bytes": b"\x80\x04\x8d" + struct.pack("<Q", 2**62) + b"x.",
    "bytes of 2^62 bytes": b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"x.",
    "a number of 2^31 bytes": b"\x80\x04\x8b" + struct.pack("<i", 2**31 - 1) + b"x.",
    "a negative length": b"\x80\x04\x8b" + struct.pack("<i", -5) + b"x.",
    "too many steps": b"\x80\x04" + b"]" * 300_000 + b".",
    "too many bytes": b"\x80\x04" + b"N" * safe_pickle.LARGEST + b".",
    "a mark without an end": b"\x80\x04((((.",
    "a note that was never made": b"\x80\x04h\x07.",
    "nothing at all": b"",
    "no end": b"\x80\x04N",
    "half a character": b"\x80\x04\x8c\x03\xed\xa0\x80.",
    "state for a list": b"\x80\x04]}b.",
    "a call of text": b"\x80\x04" + text("x") + b")R.",
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_a_stream_that_would_exhaust_the_reader_is_refused(bomb):
    found = watched(bomb)
    assert isinstance(found, DataError)


def test_a_list_that_holds_itself_is_no_label():
    found = watched(b"\x80\x04]\x94h\x00a.")
    assert found[0] is found
    assert pickled_values.whole_numbers(found) is None


def good_stream():
    band = {"name": "02 - Blue", "alt_names": ("2", "blue"), "wavelength": 0.49}
    return pickle.dumps({"label": [0, 1], "02 - Blue": {"date": datetime.date(2018, 3, 9), "i": band}, "o": [1] * 9}, 4)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_damaged_stream_is_read_or_refused_and_never_more_than_that(data):
    stream = bytearray(good_stream())
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(stream) - 1))
        piece = data.draw(st.binary(max_size=4))
        stream[place : place + data.draw(st.integers(0, 3))] = piece
        if not stream:
            break
    watched(bytes(stream))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60))
def test_noise_is_read_or_refused_and_never_more_than_that(noise):
    watched(b"\x80\x04" + noise + b".")


@given(st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(0, 255).map(np.uint8), st.booleans().map(np.bool_)))
def test_a_number_is_the_same_as_it_was(value):
    assert pickled_values.whole_numbers(read(pickle.dumps(value, 4), where="x")) == int(value)


@given(st.lists(st.integers(-5, 500), max_size=60), st.sampled_from([list, np.int64, np.int16, ">i4"]))
def test_a_list_or_array_of_numbers_is_the_same_as_it_was(values, kind):
    given = values if kind is list else np.array(values, dtype=kind)
    assert pickled_values.whole_numbers(read(pickle.dumps(given, 4), where="x")) == values


@given(st.dates(), st.booleans())
def test_a_date_is_the_same_as_it_was(day, with_time):
    value = datetime.datetime(day.year, day.month, day.day, 11, 33) if with_time else day
    assert pickled_values.date(read(pickle.dumps(value, 4), where="x")) == day


@pytest.mark.parametrize(
    "value",
    [
        None, 2.5, "1", b"1", {}, [1, "a"], [[1]], Record("numpy.dtype", ("O8",)),
        Record("numpy.core.multiarray.scalar", (Record("numpy.dtype", ("O8", False, True)), b"\0" * 8)),
        Record("numpy.core.multiarray.scalar", (Record("numpy.dtype", ("i8", False, True)), b"\0" * 7)),
    ],
)  # fmt: skip
def test_what_is_no_label_has_no_number(value):
    assert pickled_values.whole_numbers(value) is None


NO_DATES = [
    None, 3, "soon", Record("datetime.date", ()), Record("datetime.date", (b"\0\0\0\0",)),
    Record("datetime.date", (2018, "x", 1)), Record("affine.Affine", (1, 2, 3)),
]  # fmt: skip


@pytest.mark.parametrize("value", NO_DATES)
def test_what_is_no_date_is_none(value):
    assert pickled_values.date(value) is None
