"""What is probed: servers of every kind and mood, on this machine, as a process of their own."""

from __future__ import annotations

import gzip
import json
import socket
import socketserver
import ssl
import sys
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
import trustme
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

TEXT = b"status: fine\nversion 1.4.2\n"
ECHOED = ("Authorization", "X-Probe", "Accept-Encoding", "Host")
NEVER = threading.Event()


class Site(BaseHTTPRequestHandler):
    """The path says how it answers."""

    protocol_version = "HTTP/1.1"
    other = ""  # HOST:PORT of another site

    def do_GET(self) -> None:
        kind, _, argument = self.path.strip("/").partition("/")
        getattr(self, f"_{kind}", self._status)(argument)

    def __getattr__(self, name: str) -> Any:
        """By any method."""
        if name.startswith("do_"):
            return self.do_GET
        raise AttributeError(name)

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, status: int, body: bytes = TEXT, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if not {"Content_Length", "Transfer_Encoding", "Connection"} & headers.keys() and status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and status not in (204, 304):
            self.wfile.write(body)

    def _ok(self, _: str) -> None:
        self._answer(200, X_Mode="debug", Last_Modified="Wed, 21 Oct 2015 07:28:00 GMT")

    def _status(self, argument: str) -> None:
        self._answer(int(argument or 404))

    def _echo(self, _: str) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        told = {name: self.headers[name] or "" for name in ECHOED}
        self._answer(200, f"{self.command} {json.dumps(told)} body={sent}".encode())

    def _agent(self, _: str) -> None:
        self._answer(200, (self.headers["User-Agent"] or "").encode())

    def _redirect(self, argument: str) -> None:
        """`STATUS/PATH`: there."""
        status, _, path = argument.partition("/")
        self._answer(int(status), b"moved", Location=f"/{path}")

    def _away(self, _: str) -> None:
        self._answer(302, b"", Location=f"http://{self.other}/echo/")

    def _away307(self, _: str) -> None:
        self._answer(307, b"", Location=f"http://{self.other}/echo/")

    def _nowhere(self, _: str) -> None:
        self._answer(302, b"", Location="http://127.0.0.1:1/")

    def _mail(self, _: str) -> None:
        self._answer(302, b"", Location="mailto:a@example.com")

    def _loop(self, _: str) -> None:
        self._answer(302, b"", Location="/loop/")

    def _hops(self, argument: str) -> None:
        left = int(argument)
        self._answer(302, b"", Location=f"/hops/{left - 1}" if left > 1 else "/ok/")

    def _cookie(self, argument: str) -> None:
        if argument == "wanted":
            self._answer(200 if "taste=sweet" in self.headers.get("Cookie", "") else 403)
        else:
            self._answer(302, b"", Location="/cookie/wanted", Set_Cookie="taste=sweet; Path=/")

    def _several(self, _: str) -> None:
        self.send_response(200)
        for value in ("one", "two"):
            self.send_header("X-Several", value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _gzip(self, _: str) -> None:
        self._answer(200, gzip.compress(TEXT * 200, mtime=0), Content_Encoding="gzip")

    def _deflate(self, _: str) -> None:
        coder = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        self._answer(200, coder.compress(TEXT * 200) + coder.flush(), Content_Encoding="deflate")

    def _cutgzip(self, _: str) -> None:
        self._answer(200, gzip.compress(TEXT * 200, mtime=0)[:-9], Content_Encoding="gzip")

    def _big(self, argument: str) -> None:
        self._answer(200, b"0123456789abcde\n" * (int(argument) // 16))

    def _chunked(self, _: str) -> None:
        self._answer(200, b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", Transfer_Encoding="chunked")

    def _untold(self, _: str) -> None:
        self._answer(200, TEXT, Connection="close")
        self.close_connection = True

    def _cut(self, _: str) -> None:
        self._answer(200, TEXT, Content_Length="1000")
        self.close_connection = True

    def _hang(self, _: str) -> None:
        NEVER.wait()

    def _dribble(self, _: str) -> None:
        self._answer(200, TEXT, Content_Length="1000")
        NEVER.wait()

    def _reset(self, _: str) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.connection.close()

    def _token(self, argument: str) -> None:
        """For who logs in as `us` with `hunter2`, by a header as the standard wants it."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        known = self.headers.get("Authorization") == "Basic dXM6aHVudGVyMg=="
        said = {"access_token": "t0ken", "token_type": "Bearer", "expires_in": 3600} if known else {"error": "invalid"}
        self._answer(200 if known else 401, json.dumps(said).encode(), Content_Type="application/json")

    def _guarded(self, _: str) -> None:
        self._answer(200 if self.headers.get("Authorization") == "Bearer t0ken" else 403)


class Proxy(BaseHTTPRequestHandler):
    """Says what it was asked for, and tunnels."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = f"{self.path} for {self.headers['Host']}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_CONNECT(self) -> None:
        host, _, port = self.path.rpartition(":")
        with suppress(OSError), socket.create_connection((host, int(port))) as there:
            self.send_response(200)
            self.end_headers()
            threading.Thread(target=self._pour, args=(there, self.connection), daemon=True).start()
            self._pour(self.connection, there)
        self.close_connection = True

    def _pour(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)

    def log_message(self, *_: object) -> None:
        pass


class Talker(socketserver.StreamRequestHandler):
    """Greets as mail servers do, and says of itself what a script may want."""

    secured: ssl.SSLContext

    def handle(self) -> None:
        with suppress(OSError, ValueError):  # who only connects is gone by then
            self._talk()

    def _talk(self) -> None:
        self._say("220-mx1 hello\r\n220 mx1 ready")
        while line := self.rfile.readline().decode().strip():
            word, _, rest = line.partition(" ")
            if word == "EHLO":
                self._say(f"250-{rest}\r\n250 STARTTLS")
            elif word == "STARTTLS":
                self._say("220 go on")
                self.connection = self.secured.wrap_socket(self.connection, server_side=True)
                self.rfile = self.connection.makefile("rb")
                self.wfile = self.connection.makefile("wb", 0)
            elif word == "WHO":
                self._say(f"250 {self.client_address[0]}")
            elif word == "QUIT":
                self._say("221 bye")
                return
            elif word == "RESET":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                self.connection.close()
                return
            elif word == "HANG":
                NEVER.wait()
            else:
                self._say(f"500 {line}")

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


class Quick(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 200

    def handle_error(self, *_: object) -> None:
        """Broken connections are what is wanted here."""


class Quick6(Quick):
    address_family = socket.AF_INET6


class Mail(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 200
    context: ssl.SSLContext | None = None

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        if self.context is not None:
            connection = self.context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def handle_error(self, *_: object) -> None:
        """As above."""


def main(folder: Path) -> None:
    ca, stranger = trustme.CA(), trustme.CA()
    ca.cert_pem.write_to_path(folder / "ca.pem")
    now = datetime.now(UTC)
    past = now - timedelta(days=1)
    leaves = {
        "good": ca.issue_cert("localhost", "127.0.0.1", "ns.example.test", organization_name="A, B+C"),
        "wrong": ca.issue_cert("other.example"),
        "expired": ca.issue_cert("localhost", "127.0.0.1", not_before=past - timedelta(days=9), not_after=past),
        "soon": ca.issue_cert("localhost", "127.0.0.1", not_after=now + timedelta(days=5)),
        "stranger": stranger.issue_cert("localhost", "127.0.0.1"),
    }
    for name, leaf in {**leaves, "client": ca.issue_cert("client@example.com")}.items():
        leaf.private_key_pem.write_to_path(folder / f"{name}.key")
        (folder / f"{name}.cert").write_bytes(b"".join(pem.bytes() for pem in leaf.cert_chain_pems))
    places: dict[str, str] = {}
    other = serve(Quick(("127.0.0.1", 0), Site))
    Site.other = other
    try:
        places["http6"] = serve(Quick6(("::1", 0), Site))
    except OSError:
        places["http6"] = "[::1]:1"  # a machine without IPv6: then nobody is reached there, by either
    places["proxy"] = serve(Quick(("127.0.0.1", 0), Proxy))
    places |= {"other": other, "http": serve(Quick(("127.0.0.1", 0), Site))}
    for name in leaves:
        places[name] = serve(secured(folder, name))
    places["client"] = serve(secured(folder, "good", asks=True))
    places["tls12"] = serve(secured(folder, "good", only=ssl.TLSVersion.TLSv1_2))
    Talker.secured = context(folder, "good")
    places["tcp"] = serve(Mail(("127.0.0.1", 0), Talker))
    talks_tls = Mail(("127.0.0.1", 0), Talker)
    talks_tls.context = context(folder, "good")
    places["tcptls"] = serve(talks_tls)
    silent = socket.create_server(("127.0.0.1", 0), backlog=200)
    places["silent"] = f"127.0.0.1:{silent.getsockname()[1]}"
    deaf = socket.socket(type=socket.SOCK_DGRAM)
    deaf.bind(("127.0.0.1", 0))
    places["deaf"] = f"127.0.0.1:{deaf.getsockname()[1]}"
    good = [(folder / f"good.{end}").read_bytes() for end in ("key", "cert")]
    credentials = grpc.ssl_server_credentials([(good[0], good[1])])
    grpcs = [calls(None), calls(credentials), calls(None, healthy=False)]
    places |= {
        name: f"127.0.0.1:{port}" for name, (port, _) in zip(("grpc", "grpctls", "nohealth"), grpcs, strict=True)
    }
    (folder / "places.new").write_text(json.dumps(places))
    (folder / "places.new").rename(folder / "places.json")
    sys.stdin.read()


def context(folder: Path, name: str) -> ssl.SSLContext:
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.load_cert_chain(folder / f"{name}.cert", folder / f"{name}.key")
    return made


def secured(folder: Path, name: str, asks: bool = False, only: ssl.TLSVersion | None = None) -> Quick:
    server, of = Quick(("127.0.0.1", 0), Site), context(folder, name)
    if asks:
        of.load_verify_locations(folder / "ca.pem")
        of.verify_mode = ssl.CERT_REQUIRED
    if only is not None:
        of.minimum_version = of.maximum_version = only
    server.socket = of.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    return server


def serve(server: socketserver.BaseServer) -> str:
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    host, port = server.server_address[:2]
    return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"


def calls(credentials: Any, healthy: bool = True) -> tuple[int, Any]:
    server = grpc.server(ThreadPoolExecutor(8))
    if healthy:
        servicer = health.HealthServicer()
        statuses = health_pb2.HealthCheckResponse
        servicer.set("sick", statuses.NOT_SERVING)
        servicer.set("unsure", statuses.UNKNOWN)
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    place = "127.0.0.1:0"
    port = server.add_secure_port(place, credentials) if credentials else server.add_insecure_port(place)
    server.start()
    return port, server


if __name__ == "__main__":
    main(Path(sys.argv[1]))
