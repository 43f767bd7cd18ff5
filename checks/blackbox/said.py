"""
What blackbox_exporter says of one probe: metrics by its names and labels, and a log for whoever looks closer.

Source: blackbox_exporter 0.23, `prober/`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from ipaddress import ip_address
from typing import Final

from checks import x509

Sample = tuple[str, tuple[tuple[str, str], ...], float]
"""Name, labels, value."""

MEANINGS: Final[Mapping[str, str]] = {
    "probe_dns_additional_rrs": "Records in the additional section.",
    "probe_dns_answer_rrs": "Records in the answer section.",
    "probe_dns_authority_rrs": "Records in the authority section.",
    "probe_dns_duration_seconds": "Duration of the DNS request by phase.",
    "probe_dns_lookup_time_seconds": "How long the lookup of the target's name took.",
    "probe_dns_query_succeeded": "Whether an answer came.",
    "probe_dns_serial": "Serial number of the zone.",
    "probe_duration_seconds": "How long the probe took.",
    "probe_failed_due_to_regex": "Whether the probe failed because of a regular expression.",
    "probe_grpc_duration_seconds": "Duration of the gRPC call by phase.",
    "probe_grpc_healthcheck_response": "1 for what the server says of its health, 0 for what it does not.",
    "probe_grpc_ssl": "Whether TLS was spoken.",
    "probe_grpc_status_code": "gRPC status of the answer.",
    "probe_http_content_length": "Content-Length of the answer; -1 where it is not known.",
    "probe_http_duration_seconds": "Duration of the HTTP request by phase, over all redirects.",
    "probe_http_last_modified_timestamp_seconds": "Last-Modified of the answer, Unix time.",
    "probe_http_redirects": "Redirects on the way.",
    "probe_http_ssl": "Whether the last answer came by TLS.",
    "probe_http_status_code": "Status of the last answer.",
    "probe_http_uncompressed_body_length": "Bytes of the body, uncompressed.",
    "probe_http_version": "HTTP version of the last answer.",
    "probe_icmp_duration_seconds": "Duration of the echo by phase.",
    "probe_icmp_reply_hop_limit": "Hop limit of the reply (TTL for IPv4).",
    "probe_ip_addr_hash": "A hash of the address, by which a change of it is noticed.",
    "probe_ip_protocol": "4 or 6: the IP protocol of the probe.",
    "probe_ssl_earliest_cert_expiry": "When a certificate that was shown expires first, Unix time.",
    "probe_ssl_last_chain_expiry_timestamp_seconds": "When the chain that was verified expires, Unix time.",
    "probe_ssl_last_chain_info": "The certificate that was shown.",
    "probe_success": "Whether the probe was a success.",
    "probe_tls_version_info": "The version of TLS that was spoken.",
}
NO_CHAIN: Final = -62135596800.0
"""What blackbox_exporter says of a chain that nobody verified: the year 1."""
FAMILIES: Final[Mapping[str, int]] = {"ip4": 4, "ip6": 6}
_TLS: Final[Mapping[str, str]] = {
    "TLSv1": "TLS 1.0", "TLSv1.0": "TLS 1.0", "TLSv1.1": "TLS 1.1", "TLSv1.2": "TLS 1.2", "TLSv1.3": "TLS 1.3",
}  # fmt: skip


@dataclass(slots=True)
class Said:
    """*log*: A line each, in the order of what happened."""

    success: bool = False
    log: list[str] = field(default_factory=list)
    _values: dict[tuple[str, tuple[tuple[str, str], ...]], float] = field(default_factory=dict)

    def put(self, name: str, value: float, **labels: str) -> None:
        """A later value of the same takes the place of an earlier one."""
        self._values[name, tuple(sorted(labels.items()))] = float(value)

    def phases(self, name: str, **seconds: float) -> None:
        for phase, spent in seconds.items():
            self.put(name, max(0.0, spent), phase=phase)

    def fail(self, why: str) -> None:
        self.log.append(why)
        self.success = False

    @property
    def samples(self) -> tuple[Sample, ...]:
        """In the order of their names."""
        return tuple((name, labels, value) for (name, labels), value in sorted(self._values.items()))


def address_hash(address: str) -> int:
    """FNV-1a, 32 bits, of the bytes of the address."""
    found = 2166136261
    for byte in ip_address(address.partition("%")[0]).packed:
        found = ((found ^ byte) * 16777619) & 0xFFFFFFFF
    return found


@dataclass(frozen=True, slots=True)
class Shown:
    """
    What a TLS handshake has shown.

    Attributes:
        protocol: `TLSv1.3`.
        chain: DER, its own certificate first.
        verified: Whether it had to be good.
    """

    protocol: str
    chain: tuple[bytes, ...]
    verified: bool


def put_shown(said: Said, shown: Shown) -> None:
    """The certificates that can be read are told of; what else was sent is the target's to explain."""
    put_expiry(said, shown)
    expiry = _expiry(shown)
    last = expiry if shown.verified and expiry is not None else NO_CHAIN
    said.put("probe_ssl_last_chain_expiry_timestamp_seconds", last)
    put_certificate(said, shown)


def put_expiry(said: Said, shown: Shown) -> None:
    said.put("probe_tls_version_info", 1, version=_TLS.get(shown.protocol, shown.protocol))
    if (expiry := _expiry(shown)) is not None:
        said.put("probe_ssl_earliest_cert_expiry", expiry)


def put_certificate(said: Said, shown: Shown) -> None:
    own = next(iter(_read(shown)), None)
    if own is not None:
        said.put(
            "probe_ssl_last_chain_info",
            1,
            fingerprint_sha256=sha256(shown.chain[0]).hexdigest(),
            subject=own.subject,
            issuer=own.issuer,
            subjectalternative=",".join(own.names),
        )


def _expiry(shown: Shown) -> float | None:
    return min((one.expires_at for one in _read(shown)), default=None)


def _read(shown: Shown) -> list[x509.Read]:
    """Nothing where a certificate is none."""
    try:
        return [x509.read(der) for der in shown.chain]
    except x509.Malformed:
        return []
