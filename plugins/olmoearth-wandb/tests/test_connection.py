"""Whether a server can be reached, found out without waiting for long."""

from __future__ import annotations

import socket

import pytest
from olmoearth_wandb.connection import decide, reachable


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_server_that_listens_is_reachable_and_one_that_is_gone_is_not(port):
    assert reachable({"WANDB_BASE_URL": f"http://127.0.0.1:{port}"})
    with socket.create_server(("127.0.0.1", 0)) as server:
        gone = server.getsockname()[1]
    assert not reachable({"WANDB_BASE_URL": f"http://127.0.0.1:{gone}"})


def test_behind_a_proxy_the_server_is_believed_to_be_there():
    assert reachable({"WANDB_BASE_URL": "http://127.0.0.1:1", "HTTPS_PROXY": "http://proxy:3128"})


def test_nobody_knocks_at_the_server_without_a_key():
    def knock(environ):
        raise AssertionError

    assert decide("auto", {}, knock).mode == "offline"
    assert decide("online", {}, knock).mode == "online"
