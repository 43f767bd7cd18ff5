"""check-once against a name server."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from monitor.cli.main import monitor


@pytest.fixture
def name_server() -> Iterator[int]:
    """Knows www.example.com, and of everything else that there is no such name."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    over = threading.Event()

    def serve() -> None:
        made.settimeout(0.1)
        while not over.is_set():
            with suppress(TimeoutError, ConnectionError):
                query, peer = made.recvfrom(4096)
                known = query[12:].startswith(b"\3www\7example\3com\0")
                record = b"\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\1" if known else b""
                header = query[:2] + struct.pack("!5H", 0x8580 | (0 if known else 3), 1, int(known), 0, 0)
                made.sendto(header + query[12:] + record, peer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield int(made.getsockname()[1])
    over.set()
    thread.join()
    made.close()


def check_once(folder: Path, dns: str, *arguments: str) -> Result:
    config = folder / "config.yaml"
    config.write_text(
        f"monitor: {{state: {folder}/state}}\nservices:\n  zone:\n    checks:\n      it: {{dns: {{{dns}}}}}\n"
    )
    return CliRunner().invoke(monitor, ["check-once", "-c", str(config), *arguments])


def test_a_name_that_is_known_is_ok_and_one_that_is_not_fails(name_server: int, tmp_path: Path) -> None:
    server = f"server: '127.0.0.1:{name_server}'"

    well = check_once(tmp_path, f"{server}, name: www.example.com, answer: '192[.]0[.]2[.]1$', authoritative: true")
    gone = check_once(tmp_path, f"{server}, name: old.example.com, rcode: NXDOMAIN")
    badly = check_once(tmp_path, f"{server}, name: old.example.com", "--format", "json")

    assert (well.exit_code, gone.exit_code) == (0, 0), well.output + gone.output
    assert badly.exit_code == 2, badly.output
    (found,) = json.loads(badly.stdout)["checks"]
    assert (found["status"], found["reason"]) == ("failed", "status")
    assert found["detail"] == (
        f"127.0.0.1:{name_server} answered old.example.com A with NXDOMAIN, wanted NOERROR"
    )  # fmt: skip
