"""The file of certificate authorities is gone: that is our trouble, and no certificate of anybody else is refused."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import trustme


@pytest.fixture
def secure() -> Iterator[str]:
    """A server with a certificate that nobody here can judge."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's own parameter
            """Quiet."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"https://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("bundle", ["missing", "empty", "no certificates"])
def test_without_authorities_nobody_is_blamed_and_the_remedy_is_told(
    bundle: str,
    secure: str,
    tmp_path: Path,
    target: Any,
    write_config: Callable[..., Path],
    start: Callable[[Path], Any],
    wait_until: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "ca.crt"
    if bundle == "empty":
        file.touch()
    elif bundle == "no certificates":
        file.write_text("not a certificate\n")
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    config = write_config()
    document = json.loads(config.read_text())
    document["services"]["secure"] = {"checks": {"ready": {"http": secure, "interval": "1s", "timeout": "800ms"}}}
    document["tracker"] = {"webhook": {"url": f"{secure}/hook", "secret": "s3cret-s3cret"}}
    config.write_text(json.dumps(document))
    daemon = start(config)
    said = daemon.wait_for_line(r"checks cannot be asked.*no CA certificates.*install ca-certificates.*")[0]
    assert "secure/ready" in said
    target.status = 503
    daemon.wait_for_line(r"orders-service: pending => open")

    def detail() -> str:
        effects = daemon.ask("incident", "show", "1")["effects"]
        return next((e["detail"] for e in effects if e["outlet"] == "webhook" and e["attempts"]), "")

    found = wait_until(detail, "the webhook was tried")
    assert "install ca-certificates" in found
    secured = next(s for s in daemon.ask("status")["services"] if s["name"] == "secure")
    assert secured["state"] == "clear"
    assert [(c["outcome"], c["reason"]) for c in secured["checks"]] == [("unknown", "internal")]
    assert "Traceback" not in daemon.log()
