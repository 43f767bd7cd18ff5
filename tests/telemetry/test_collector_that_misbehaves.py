"""Whatever the collector does, the caller never waits, memory is bounded, and the log says it once a minute."""

from __future__ import annotations

import socket
import ssl
import threading
import time

import pytest
import trustme

from monitor.telemetry.export import BATCH_BYTES, OVERHEAD, Lane, Sender
from monitor.telemetry.post import Poster, Verdict, headers_of


def wait_until(holds, within=60.0):
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.01)


@pytest.fixture
def nobody():
    """An address where nobody listens, kept from being given to somebody else."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


@pytest.fixture
def sender_to():
    started = []

    def start(url, limit=4 * 1024 * 1024, report_every=60.0, collect=lambda: ()):
        lane = Lane("traces", lambda joined: joined, limit)
        sender = Sender(Poster(url, {}), [lane], collect, metrics_every=3600, report_every=report_every)
        sender.start()
        started.append(sender)
        return sender, lane

    yield start
    for sender in started:
        sender.close(0.2)


def test_a_full_lane_drops_its_oldest_and_counts_them():
    lane = Lane("traces", lambda joined: joined, limit=10 * (100 + OVERHEAD))
    for number in range(25):
        lane.put(bytes([number]) * 100)
        assert lane.size <= lane.limit
    assert (lane.waiting, lane.dropped) == (10, 15)
    batch = lane.next()
    assert (batch.count, batch.body[0], batch.body[-1]) == (10, 15, 24)
    lane.settle(10)
    assert (lane.waiting, lane.size, lane.sent) == (0, 0, 10)


def test_an_item_larger_than_the_lane_is_dropped_and_the_lane_goes_on():
    lane = Lane("traces", lambda joined: joined, limit=1_000)
    lane.put(b"x" * 2_000)
    lane.put(b"y")
    assert (lane.waiting, lane.dropped, lane.next().body) == (1, 1, b"y")


def test_a_collector_that_is_down_costs_bounded_memory_a_counter_and_one_line(nobody, telemetry_to, build, log_lines):
    telemetry = telemetry_to(nobody)
    telemetry.probe(build.check, build.result())
    wait_until(lambda: telemetry.stats()["last_error"])
    limit, begun = 4 * 1024 * 1024 + BATCH_BYTES + 4096, time.monotonic()
    for _ in range(15_000):
        telemetry.probe(build.check, build.result())
    assert telemetry.stats()["queued_bytes"] <= limit
    assert telemetry.stats()["dropped"] > 3_000
    closing = time.monotonic()
    assert telemetry.close(300) is False
    assert time.monotonic() - closing < 150, "a collector that is not there is not waited for"
    stats = telemetry.stats()
    assert (stats["queued"], stats["dropped"], stats["sent"]) == (0, 15_001, 0)
    warnings = [line for line in log_lines if line.startswith("WARNING")]
    minutes = (time.monotonic() - begun) // 60
    assert 2 <= len(warnings) <= 2 + minutes, warnings
    assert "ConnectionRefusedError" in warnings[0]
    assert "closed with" in warnings[-1]


def test_it_says_so_once_a_minute_however_often_it_fails(nobody, sender_to, log_lines):
    sender, lane = sender_to(nobody, report_every=60)
    lane.put(b"x")
    wait_until(lambda: sender._failures >= 4)
    assert len(log_lines) == 1


def test_and_says_it_again_after_that_minute(nobody, sender_to, log_lines):
    _, lane = sender_to(nobody, report_every=0.2)
    lane.put(b"x")
    wait_until(lambda: len(log_lines) >= 3)
    assert log_lines[-1].startswith("WARNING telemetry: 0 items sent, 0 dropped, 1 waiting; traces to 127.0.0.1")


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        *((status, Verdict.LATER) for status in (408, 429, 500, 502, 503, 504, 599)),
        *((status, Verdict.REFUSED) for status in (301, 304, 400, 401, 403, 404, 407, 409, 413, 428, 499)),
    ],
)
def test_what_a_status_means(receiver, status, verdict):
    receiver.behaviour.status = status
    assert Poster(receiver.url, {}).post("traces", b"").verdict is verdict


def test_a_busy_collector_gets_everything_later(receiver, telemetry_to, build):
    receiver.behaviour.status = 503
    telemetry = telemetry_to(receiver.url)
    telemetry.probe(build.check, build.result())
    assert receiver.wait_for(lambda received: received.requests >= 1)
    receiver.behaviour.status = 200
    assert receiver.wait_for(lambda received: len(received.spans) == 1)
    assert telemetry.stats()["dropped"] == 0


def test_retry_after_is_obeyed(receiver, sender_to):
    receiver.behaviour.status, receiver.behaviour.retry_after = 429, "2"
    _, lane = sender_to(receiver.url)
    begun = time.monotonic()
    lane.put(b"")
    assert receiver.wait_for(lambda received: received.requests >= 1)
    receiver.behaviour.status = 200
    assert receiver.wait_for(lambda received: received.requests >= 2)
    assert time.monotonic() - begun >= 2.0


def test_retry_after_is_obeyed_within_reason(receiver, sender_to):
    receiver.behaviour.status, receiver.behaviour.retry_after = 503, "999999999999"
    sender, lane = sender_to(receiver.url)
    lane.put(b"")
    wait_until(lambda: sender._try_at > 0)
    assert sender._try_at - time.monotonic() <= 30


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [("7", 7, 7), ("Sun, 06 Nov 1994 08:49:37 GMT", -1e12, 0), ("Fri, 01 Jan 2100 00:00:00 GMT", 1, 1e10)],
)
def test_both_forms_of_retry_after_are_read(receiver, text, low, high):
    receiver.behaviour.status, receiver.behaviour.retry_after = 429, text
    reply = Poster(receiver.url, {}).post("traces", b"")
    assert reply.verdict is Verdict.LATER
    assert low <= reply.retry_after <= high


@pytest.mark.parametrize("text", ["", "soon", "-1", "1e9", "٣"])
def test_a_retry_after_that_says_nothing_is_none(receiver, text):
    receiver.behaviour.status, receiver.behaviour.retry_after = 429, "soon" if not text.isascii() else text
    assert Poster(receiver.url, {}).post("traces", b"").retry_after is None


def test_what_is_refused_is_dropped_counted_and_not_sent_again(receiver, telemetry_to, build, log_lines):
    receiver.behaviour.status = 404
    telemetry = telemetry_to(receiver.url)
    telemetry.probe(build.check, build.result())
    wait_until(lambda: telemetry.stats()["dropped"] == 1)
    receiver.behaviour.status = 200
    telemetry.probe(build.check, build.result())
    assert receiver.wait_for(lambda received: len(received.spans) == 1)
    wait_until(lambda: telemetry.stats()["queued"] == 0)
    wait_until(lambda: len(log_lines) == 1)
    assert "traces answered 404" in log_lines[0]


def test_an_answer_that_is_no_protobuf_still_means_taken(receiver, telemetry_to, build):
    receiver.behaviour.garbage = True
    telemetry = telemetry_to(receiver.url)
    telemetry.probe(build.check, build.result())
    assert telemetry.close(60) is True
    assert (telemetry.stats()["dropped"], telemetry.stats()["last_error"]) == (0, "")


def test_a_partial_success_counts_what_was_rejected(receiver, telemetry_to, build):
    receiver.behaviour.rejected = 1
    telemetry = telemetry_to(receiver.url)
    telemetry.probe(build.check, build.result())
    telemetry.probe(build.check, build.result())
    wait_until(lambda: telemetry.stats()["sent"] + telemetry.stats()["dropped"] == 2)
    # They left together, but on a busy machine.
    assert telemetry.stats()["dropped"] == sum(path == "/v1/traces" for path, _ in receiver.received.bodies)
    assert telemetry.stats()["last_error"] == "traces answered partial success: 1 rejected: too old"


def test_a_slow_collector_holds_nobody_up_and_close_ends_in_time(receiver, telemetry_to, build):
    receiver.behaviour.delay = 300
    telemetry = telemetry_to(receiver.url)
    for _ in range(100):
        telemetry.probe(build.check, build.result())
    assert not receiver.wait_for(lambda received: received.requests > 0, within=1.5)
    begun = time.monotonic()
    assert telemetry.close(1.0) is False
    assert time.monotonic() - begun < 150
    assert telemetry.stats()["dropped"] == 100


def test_a_server_that_speaks_no_http_is_retried_like_one_that_is_away():
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet():
            peer, _ = server.accept()
            peer.sendall(b"220 mail.example ESMTP\r\n" * 50)
            peer.close()

        threading.Thread(target=greet, daemon=True).start()
        reply = Poster(f"http://127.0.0.1:{server.getsockname()[1]}", {}).post("traces", b"x")
    assert reply.verdict is Verdict.LATER


def test_an_endless_answer_is_not_read_to_its_end():
    with socket.create_server(("127.0.0.1", 0)) as server:

        def pour():
            peer, _ = server.accept()
            with peer:
                peer.recv(65536)
                peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
                try:
                    while True:
                        peer.sendall(b"x" * 65536)
                except OSError:
                    return

        thread = threading.Thread(target=pour, daemon=True)
        thread.start()
        reply = Poster(f"http://127.0.0.1:{server.getsockname()[1]}", {}).post("traces", b"x")
        assert reply.verdict is Verdict.TAKEN
        thread.join(60)
        assert not thread.is_alive()


def test_a_connection_closed_while_idle_is_opened_again_without_a_pause(receiver):
    poster = Poster(receiver.url, {})
    assert poster.post("traces", b"").verdict is Verdict.TAKEN
    poster._connection.sock.shutdown(socket.SHUT_RDWR)
    assert poster.post("traces", b"").verdict is Verdict.TAKEN
    assert receiver.received.requests == 2


def test_a_batch_that_nobody_took_for_a_minute_makes_room_for_the_next(nobody, sender_to):
    _, lane = sender_to(nobody)
    lane.put(b"old")
    wait_until(lambda: lane.pending is not None and lane.pending.first_try_at is not None)
    lane.put(b"new")
    lane.pending.first_try_at -= 60
    wait_until(lambda: lane.dropped == 1)
    wait_until(lambda: lane.pending is not None and lane.pending.body == b"new")


def test_https_is_verified_against_the_given_authority(receiver, tmp_path):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    receiver._server.socket = context.wrap_socket(receiver._server.socket, server_side=True)
    address = receiver.url.replace("http:", "https:")
    trusting = Poster(address, {}, str(tmp_path / "ca.pem"))
    assert trusting.post("traces", b"").verdict is Verdict.TAKEN
    trusting.close()
    strange = Poster(address, {}).post("traces", b"")
    assert strange.verdict is Verdict.LATER
    assert "CERTIFICATE_VERIFY_FAILED" in strange.detail


def test_a_name_and_a_password_in_the_endpoint_become_a_header_and_are_not_shown(
    receiver, telemetry_to, build, log_lines
):
    receiver.behaviour.status = 401
    telemetry = telemetry_to(receiver.url.replace("http://", "http://me:hunter2@"))
    telemetry.probe(build.check, build.result())
    wait_until(lambda: log_lines)
    assert receiver.received.headers[0]["Authorization"] == "Basic bWU6aHVudGVyMg=="
    assert "hunter2" not in "".join(log_lines) + repr(telemetry.stats())


def test_metrics_wait_nowhere_while_the_collector_is_away(nobody, sender_to):
    asked = []
    sender, lane = sender_to(nobody, collect=lambda: asked.append(1) or iter([(b"", 1)]))
    sender._metrics_at = 0.0
    lane.put(b"x")
    wait_until(lambda: sender._failures >= 3)
    assert asked == []


def test_our_own_bug_costs_a_line_and_not_the_thread(receiver, sender_to, log_lines):
    def broken():
        raise ZeroDivisionError("ours")

    sender, lane = sender_to(receiver.url, collect=broken)
    sender._metrics_at = 0.0
    sender._wake.set()
    wait_until(lambda: log_lines)
    assert "internal: ZeroDivisionError: ours" in log_lines[0]
    lane.put(b"")
    assert receiver.wait_for(lambda received: received.requests >= 1)


def test_headers_come_from_the_environment_and_are_never_shown(receiver, telemetry_to, build, log_lines):
    receiver.behaviour.status = 400
    telemetry = telemetry_to(receiver.url, OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer%20s3cret, x-org = 7 ,bad")
    telemetry.probe(build.check, build.result())
    wait_until(lambda: log_lines)
    headers = {key.lower(): value for key, value in receiver.received.headers[0].items()}
    assert (headers["authorization"], headers["x-org"]) == ("Bearer s3cret", "7")
    assert headers["content-encoding"] == "gzip"
    assert "s3cret" not in "".join(log_lines) + repr(telemetry.stats())


def test_a_line_break_in_a_header_is_not_a_second_header():
    assert headers_of({"OTEL_EXPORTER_OTLP_HEADERS": "a=b%0d%0aevil: 1,c=d"}) == {"c": "d"}


@pytest.mark.parametrize("endpoint", ["localhost:4318", "ftp://x", "http://", "http://h:notaport", "http://[x"])
def test_an_endpoint_that_is_no_address_turns_telemetry_off_and_says_so(endpoint, build, log_lines):
    from monitor.telemetry import Telemetry

    telemetry = Telemetry.start(endpoint, "test", "", "i", build.fixed_clock(), environ={})
    assert not telemetry.enabled
    telemetry.probe(build.check, build.result())
    assert len(log_lines) == 1
    assert log_lines[0].startswith("ERROR telemetry is off: ValueError")
