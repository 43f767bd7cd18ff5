"""How a module secures its connections."""

from __future__ import annotations

from typing import Final

from checks.stream import Security
from monitor.config.blackbox.part import Part

_VERSIONS: Final = ("TLS10", "TLS11", "TLS12", "TLS13")


def tls_of(part: Part) -> Security:
    tls = part.part("tls_config")
    for key in ("ca", "cert", "key", "ca_ref", "cert_ref", "key_ref"):
        if tls.has(key):
            tls.refuse(key, "cannot be done here", f"Write it into a file, and the name under {key}_file:.")
    made = Security(
        name=tls.text("server_name"),
        verify=not tls.flag("insecure_skip_verify"),
        ca_file=tls.pem("ca_file", authorities=True),
        certificate=tls.pem("cert_file"),
        key=tls.pem("key_file"),
        version=_version(tls),
    )
    tls.end()
    if (made.certificate is None) != (made.key is None):
        tls.tell("", "has a certificate without its key, or a key alone", "Write both cert_file: and key_file:.")
    return made


def _version(tls: Part) -> str:
    """1.2 and 1.3 are what is spoken here, so bounds leave both or one of them."""
    oldest = tls.word("min_version", "TLS12", *_VERSIONS)
    newest = tls.word("max_version", "TLS13", *_VERSIONS)
    for key, version in (("min_version", oldest), ("max_version", newest)):
        if version in ("TLS10", "TLS11"):
            tls.refuse(key, f"{version} is not spoken here", "TLS12 is the oldest.")
    if oldest > newest:
        tls.tell("min_version", "is newer than max_version", "Turn them around.")
    if oldest == "TLS13":
        return "1.3"
    return "1.2" if newest == "TLS12" else ""
