"""Retries, waits and rates, with a clock that only sleeping moves."""

import itertools
import multiprocessing
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from olmoearth_stac.rate import Rate
from olmoearth_stac.waiting import Schedule, retry_after
from olmoearth_stac.web import Refused

from olmoearth_core.errors import DataError
from olmoearth_core.ingest.unreachable import Unreachable


def ask(client, server, path="/file"):
    return client.tried(server.url + path, lambda: client.text("GET", server.url + path))


def test_waits_double_and_hold_no_chance(web, server, clock):
    server.files["/file"] = b"here"
    server.faults["/file"] = [("status", 500), ("status", 502), ("status", 503)]
    assert ask(web(), server) == "here"
    assert clock.slept == [1.0, 2.0, 4.0]


def test_a_server_that_asks_for_patience_gets_it(web, server, clock):
    server.files["/file"] = b"here"
    server.faults["/file"] = [("status", 429, {"Retry-After": "17"}), ("status", 503, {"Retry-After": "0"})]
    assert ask(web(), server) == "here"
    assert clock.slept == [17.0, 2.0]


def test_tries_stop_at_the_limit_with_number_reason_and_advice(web, server, clock):
    server.faults["/file"] = [("status", 429)] * 9
    with pytest.raises(Unreachable, match=r"/file: HTTP 429\. Tried 4 times\..*lower --rate"):
        ask(web(retries=3), server)
    assert len(server.requests) == 4
    assert clock.slept == [1.0, 2.0, 4.0]


def test_a_wait_of_an_hour_is_taken_for_a_refusal(web, server, clock):
    server.faults["/file"] = [("status", 429, {"Retry-After": "3600"})]
    with pytest.raises(Unreachable, match="Tried once"):
        ask(web(), server)
    assert clock.slept == []


def test_what_will_not_change_is_not_asked_again(web, server):
    with pytest.raises(Refused, match="HTTP 404"):
        ask(web(), server)
    assert len(server.requests) == 1


def test_an_answer_that_does_not_come_in_time_is_asked_for_again(web, server):
    server.files["/file"] = b"here"
    server.faults["/file"] = [("slow", 30)]
    assert ask(web(timeout=0.2), server) == "here"
    assert len(server.requests) == 2


def test_a_torn_page_is_asked_for_again(web, server):
    server.files["/file"] = b"x" * 1000
    server.faults["/file"] = [("cut", 10)]
    assert ask(web(), server) == "x" * 1000


def test_errors_and_logs_hold_no_token(web, server, caplog):
    caplog.set_level("DEBUG")
    server.stop()
    address = f"{server.url}/file?sig=VERYSECRET&se=2030"
    client = web(retries=1)
    with pytest.raises(Unreachable) as caught:
        client.tried(address, lambda: client.text("GET", address))
    assert "VERYSECRET" not in str(caught.value) + caplog.text
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or "VERYSECRET" not in str(caught.value.__context__)


def test_requests_are_spaced_by_the_rate(web, server, clock):
    server.files["/file"] = b"here"
    client = web(rate=4.0)
    for _ in range(5):
        ask(client, server)
    assert clock.slept == [0.25, 0.25, 0.25, 0.25]


def test_retries_count_for_the_rate_too(web, server, clock):
    server.files["/file"] = b"here"
    server.faults["/file"] = [("status", 500)]
    ask(web(rate=0.1), server)
    assert clock.slept == [1.0, 9.0]


def _take(folder, count, queue):
    moments = []
    rate = Rate(1000.0, folder / ".rate", time.time, lambda _: None)
    for _ in range(count):
        moments.append(rate._reserve(0.001))
    queue.put(moments)


def test_processes_share_one_rate(tmp_path):
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    workers = [context.Process(target=_take, args=(tmp_path, 50, queue)) for _ in range(2)]
    for worker in workers:
        worker.start()
    moments = sorted(queue.get(timeout=60) + queue.get(timeout=60))
    for worker in workers:
        worker.join()
    assert len(moments) == 100
    assert min(b - a for a, b in itertools.pairwise(moments)) > 0.0009


def test_a_rate_file_of_nonsense_or_of_the_future_delays_nobody(tmp_path, clock):
    rate = Rate(2.0, tmp_path / ".rate", clock, clock.sleep)
    for text in ("nonsense", "99999999999.0", ""):
        (tmp_path / ".rate").write_text(text)
        rate.wait()
    assert clock.slept == []


@pytest.mark.parametrize("rate", [0.0, -1.0, 5000.0, float("nan")])
def test_a_rate_that_is_none_is_refused(tmp_path, rate):
    with pytest.raises(DataError, match="expected requests per second"):
        Rate(rate, tmp_path / ".rate")


@given(tries=st.integers(1, 100), said=st.none() | st.floats(0, 600))
def test_waits_are_bounded_and_never_shorter_than_asked_for(tries, said):
    wait = Schedule(retries=100).wait(tries, said)
    assert (said or 0.0) <= wait <= max(60.0, said or 0.0)


def test_retry_after_is_seconds_or_a_date():
    now = lambda: datetime(2026, 11, 23, 12, tzinfo=UTC)  # noqa: E731
    assert retry_after("120", now) == 120
    assert retry_after("Mon, 23 Nov 2026 12:00:30 GMT", now) == 30
    assert retry_after("Mon, 23 Nov 2026 11:00:00 GMT", now) == 0
    assert retry_after("soon", now) is None
    assert retry_after(None, now) is None
