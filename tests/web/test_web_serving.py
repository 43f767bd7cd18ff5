"""Listening, and stopping to."""

from __future__ import annotations

import http.client
import signal
import socket

import pytest
from starlette.applications import Starlette

from monitor.web.serve import ListenError, WebServer, listen


def test_a_port_in_use_is_said_with_its_address_and_the_remedy():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(ListenError, match=rf"127.0.0.1:{port}: another program listens there; .*monitor.listen"):
            listen("127.0.0.1", port)


@pytest.mark.parametrize(
    ("host", "port", "said"),
    [
        ("192.0.2.1", 8700, "192.0.2.1:8700: no address of this machine"),
        ("no-such-name.invalid", 8700, "has no address here"),
        ("127.0.0.1", 99999, "cannot listen there"),
        ("::2", 8700, r"\[::2\]:8700"),
    ],
)
def test_an_address_that_cannot_be_ours_is_said_too(host, port, said):
    with pytest.raises(ListenError, match=said):
        listen(host, port)


def test_it_leaves_the_signals_to_the_daemon_and_frees_the_port_when_it_stops(loop_thread):
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    server = WebServer(Starlette(), "127.0.0.1", 0)

    loop_thread.run(server.start())
    port = server.port
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
    assert server.url == f"http://127.0.0.1:{port}/"
    loop_thread.run(server.stop())

    again = WebServer(Starlette(), "127.0.0.1", port)
    loop_thread.run(again.start())
    loop_thread.run(again.stop())
    loop_thread.run(again.stop())  # twice is no harm


def test_a_connection_that_is_left_open_does_not_hold_up_the_end(loop_thread, caplog):
    server = WebServer(Starlette(), "127.0.0.1", 0)
    loop_thread.run(server.start())
    idle = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    idle.request("GET", "/")
    assert idle.getresponse().read()

    loop_thread.run(server.stop())

    assert "timeout graceful shutdown exceeded" not in caplog.text
    idle.close()
