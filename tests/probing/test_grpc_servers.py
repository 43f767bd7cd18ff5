"""The grpc check against a real gRPC server, in the clear and over TLS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from checks.check import Finding
from checks.exchange import HttpAnswer
from checks.grpc import Question, judge, requests
from checks.result import Outcome, Reason
from monitor.probing.engine import Engine

SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING


@dataclass
class Server:
    port: int
    health: Any
    heard: list[tuple[tuple[str, str], ...]]


class Listening(grpc.ServerInterceptor):  # type: ignore[misc]
    def __init__(self, heard: list[tuple[tuple[str, str], ...]]) -> None:
        self.heard = heard

    def intercept_service(self, continuation: Callable[..., Any], details: Any) -> Any:
        self.heard.append(tuple((key, value) for key, value in details.invocation_metadata))
        return continuation(details)


@pytest.fixture
def start() -> Iterator[Callable[..., Server]]:
    running = []

    def start(credentials: Any = None, with_health: bool = True) -> Server:
        heard: list[tuple[tuple[str, str], ...]] = []
        server = grpc.server(ThreadPoolExecutor(2), interceptors=[Listening(heard)])
        servicer = health.HealthServicer()
        if with_health:
            health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
        place = "127.0.0.1:0"
        port = server.add_secure_port(place, credentials) if credentials else server.add_insecure_port(place)
        server.start()
        running.append(server)
        return Server(port, servicer, heard)

    yield start
    for server in running:
        server.stop(None).wait(20)


@pytest.fixture
def ask(engine: Engine, turn_until: Callable[..., None]) -> Callable[[Question], Finding]:
    def ask(question: Question) -> Finding:
        answers: list[HttpAnswer] = []
        (request,) = requests(question, 20.0)
        engine.submit(request, answers.append)
        turn_until(engine, lambda: bool(answers), within=30.0)
        return judge(question, tuple(answers), {})

    return ask


def test_the_whole_server_and_each_of_its_services_speak_for_themselves(
    start: Callable[..., Server], ask: Callable[[Question], Finding]
) -> None:
    server = start()
    server.health.set("shop.v1.Orders", SERVING)
    server.health.set("shop.v1.Payments", NOT_SERVING)
    url = f"http://127.0.0.1:{server.port}"

    assert ask(Question(url=url)).outcome is Outcome.OK
    assert ask(Question(url=url, service="shop.v1.Orders", metadata=(("x-tenant", "a"),))).outcome is Outcome.OK
    assert ("x-tenant", "a") in server.heard[-1]
    failed = ask(Question(url=url, service="shop.v1.Payments"))
    assert (failed.reason, failed.detail) == (
        Reason.BODY,
        f"{url} (shop.v1.Payments) says NOT_SERVING, wanted SERVING",
    )
    unknown = ask(Question(url=url, service="shop.v1.Nobody"))
    assert unknown.reason is Reason.STATUS
    assert "gRPC 5 NOT_FOUND" in unknown.detail


def test_a_server_without_a_health_service_is_told_apart(
    start: Callable[..., Server], ask: Callable[[Question], Finding]
) -> None:
    server = start(with_health=False)

    assert "gRPC 12 UNIMPLEMENTED" in ask(Question(url=f"http://127.0.0.1:{server.port}")).detail


def test_over_tls_its_certificate_is_verified(
    start: Callable[..., Server], ask: Callable[[Question], Finding], authority: Any
) -> None:
    key, chain = authority.pem("127.0.0.1")
    server = start(grpc.ssl_server_credentials([(key, chain)]))
    url = f"https://127.0.0.1:{server.port}"

    assert ask(Question(url=url, ca_file=authority.file)).outcome is Outcome.OK
    assert ask(Question(url=url)).reason is Reason.CERTIFICATE


def test_a_server_that_is_no_grpc_server_is_a_fault(
    serve: Callable[..., Any], hell: Any, ask: Callable[[Question], Finding]
) -> None:
    finding = ask(Question(url=serve(hell.say(hell.HELLO)).url.rstrip("/")))

    assert finding.outcome is Outcome.FAILED
    assert finding.reason in (Reason.PROTOCOL, Reason.RESET)
