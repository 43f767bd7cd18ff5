"""Servers from hell: real sockets on 127.0.0.1 that answer what a test wants said, and certificates to regret."""

from __future__ import annotations

import datetime
import fcntl
import ipaddress
import socket
import ssl
import struct
import termios
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Talk = Callable[[socket.socket, "Hell"], None]
HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"


class Hell:
    """Each connection is one *talk*, in a thread of its own; requests that were read whole are kept in `heard`."""

    def __init__(
        self,
        talk: Talk,
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
        listener: socket.socket | None = None,
    ) -> None:
        """*host* is how its URL calls it."""
        self._talk = talk
        self._tls = tls
        self.heard: list[bytes] = []
        self.over = threading.Event()
        self._listener = listener or socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://{host}:{self.port}/"
        self._accepting = threading.Thread(target=self._serve, daemon=True)
        self._accepting.start()

    def close(self) -> None:
        self.over.set()
        # shutdown wakes the accepting thread; close alone would leave it asleep in accept.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        # Not before it has left accept: the next listener may get this one's number, and would be accepted from here.
        self._accepting.join()
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while not self.over.is_set():
                peer, _ = self._listener.accept()
                threading.Thread(target=self._converse, args=(peer,), daemon=True).start()

    def _converse(self, peer: socket.socket) -> None:
        with suppress(OSError), peer:
            peer.settimeout(60)
            if self._tls is None:
                self._talk(peer, self)
            else:
                with self._tls.wrap_socket(peer, server_side=True) as secured:
                    self._talk(secured, self)

    def read_request(self, peer: socket.socket) -> bytes:
        request = b""
        while b"\r\n\r\n" not in request:
            more = peer.recv(65536)
            if not more:
                break
            request += more
        self.heard.append(request)
        return request


def say(*parts: bytes, pause: float = 0.0) -> Talk:
    """Read the request, send *parts* with *pause* seconds between them, close."""

    def talk(peer: socket.socket, hell: Hell) -> None:
        hell.read_request(peer)
        for part in parts:
            peer.sendall(part)
            hell.over.wait(pause)

    return talk


def say_when(told: threading.Event, *parts: bytes) -> Talk:
    """Read the request, send *parts* once *told* is set, close."""

    def talk(peer: socket.socket, hell: Hell) -> None:
        hell.read_request(peer)
        told.wait(60)
        for part in parts:
            peer.sendall(part)

    return talk


def say_and_hold(*parts: bytes) -> Talk:
    """Read the request, send *parts*, and never say anything again."""

    def talk(peer: socket.socket, hell: Hell) -> None:
        say(*parts)(peer, hell)
        hell.over.wait(60)

    return talk


def say_and_reset(*parts: bytes) -> Talk:
    """Read the request, send *parts*, and slam the door: RST instead of FIN."""

    def talk(peer: socket.socket, hell: Hell) -> None:
        say(*parts)(peer, hell)
        wait_until_read(peer, hell)
        slam(peer)

    return talk


def say_for_ever(start: bytes, again: bytes) -> Talk:
    def talk(peer: socket.socket, hell: Hell) -> None:
        say(start)(peer, hell)
        while not hell.over.is_set():
            peer.sendall(again)

    return talk


def drip(data: bytes, pause: float) -> Talk:
    """One byte at a time."""
    return say(*(data[i : i + 1] for i in range(len(data))), pause=pause)


def wait_until_read(peer: socket.socket, hell: Hell) -> None:
    """Until the other side has taken all that was sent to it: a reset overtakes what is left in the kernel."""
    while _is_unread(peer) and not hell.over.wait(0.002):
        pass


def _is_unread(peer: socket.socket) -> bool:
    if struct.unpack("i", fcntl.ioctl(peer, termios.TIOCOUTQ, b"\0\0\0\0"))[0]:
        return True  # not even on its side
    theirs, ours = (f"{socket.inet_aton(host)[::-1].hex().upper()}:{port:04X}" for host, port in _both_ends(peer))
    for line in Path("/proc/net/tcp").read_text().splitlines():
        _, local, remote, _, queues, *_ = line.split()
        if (local, remote) == (theirs, ours):
            return int(queues.partition(":")[2], 16) > 0
    return False  # it has hung up


def _both_ends(peer: socket.socket) -> tuple[tuple[str, int], tuple[str, int]]:
    return peer.getpeername(), peer.getsockname()


def slam(peer: socket.socket) -> None:
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


def closed_port() -> socket.socket:
    """A port that refuses: bound, so that nobody else takes it, and never listening."""
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    return taken


class Authority:
    """A private CA whose file can be given as `ca_file`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ca = trustme.CA()
        self.file = str(folder / "ca.pem")
        self._ca.cert_pem.write_to_path(self.file)

    def good(self) -> ssl.SSLContext:
        return self._context(self._ca.issue_cert("127.0.0.1", "localhost"))

    def until(self, end: datetime.datetime) -> ssl.SSLContext:
        return self._context(self._ca.issue_cert("127.0.0.1", organization_name="Grün & Söhne", not_after=end))

    def pem(
        self, *names: str, begins: datetime.datetime | None = None, ends: datetime.datetime | None = None
    ) -> tuple[bytes, bytes]:
        """Key and chain, for servers that are not Python's."""
        leaf = self._ca.issue_cert(*names, not_before=begins, not_after=ends)
        return leaf.private_key_pem.bytes(), b"".join(one.bytes() for one in leaf.cert_chain_pems)

    def knows(self, context: ssl.SSLContext) -> ssl.SSLContext:
        """*context*, which from now on wants a certificate of this CA from whoever asks."""
        context.verify_mode = ssl.CERT_REQUIRED
        self._ca.configure_trust(context)
        return context

    def expired(self) -> ssl.SSLContext:
        yesterday = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
        return self._context(self._ca.issue_cert("127.0.0.1", not_after=yesterday))

    def for_another_name(self) -> ssl.SSLContext:
        return self._context(self._ca.issue_cert("other.example"))

    def self_signed(self) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
            .sign(key, hashes.SHA256())
        )
        pem = self._folder / "self-signed.pem"
        pem.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        return context

    def old(self) -> ssl.SSLContext:
        """Speaks TLS 1.2 and nothing newer, with an ECDSA certificate, as many an old server does."""
        context = self.good()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        return context

    def _context(self, leaf: trustme.LeafCert) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        leaf.configure_cert(context)
        return context
