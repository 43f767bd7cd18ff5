"""Certificates are read as Go reads them, and what is none is refused."""

from __future__ import annotations

import ssl
from contextlib import suppress
from datetime import UTC, datetime

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from checks.x509 import Malformed, read

BEGIN, END = datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC), datetime(2050, 1, 1, tzinfo=UTC)
"""The last instant that is written with two digits of its year, and the first with four."""
CA = trustme.CA(organization_name='Big, "quoted" & Söhne')


def der_of(leaf: trustme.LeafCert) -> bytes:
    return ssl.PEM_cert_to_DER_cert(leaf.cert_chain_pems[0].bytes().decode())


LEAF = der_of(
    CA.issue_cert(
        "orders.example", "127.0.0.1", common_name=" #1 <a>", organization_name="O; P", not_before=BEGIN, not_after=END
    )
)


def test_what_go_would_say_of_it() -> None:
    found = read(LEAF)

    assert found.subject.startswith(r"CN=\ #1 \<a\>,OU=Testing cert #")
    assert found.subject.endswith(r",O=O\; P")
    assert found.issuer.endswith(r",O=Big\, \"quoted\" & Söhne")
    assert found.names == ("orders.example",), "names of DNS alone"
    assert (found.begins_at, found.expires_at) == (BEGIN.timestamp(), END.timestamp())


def test_one_without_other_names_has_none() -> None:
    assert read(ssl.PEM_cert_to_DER_cert(CA.cert_pem.bytes().decode())).names == ()


def test_one_that_ends_too_early_is_none() -> None:
    for length in range(len(LEAF)):
        with pytest.raises(Malformed):
            read(LEAF[:length])


@given(at=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255))
def test_whatever_the_bytes_are_it_is_read_or_refused(at: float, byte: int) -> None:
    place = int(at * len(LEAF))  # no two of them have the same length
    with suppress(Malformed):
        assert read(LEAF[:place] + bytes([byte]) + LEAF[place + 1 :]).names is not None


@given(st.binary(max_size=64))
def test_noise_is_no_certificate(noise: bytes) -> None:
    with pytest.raises(Malformed):
        read(noise)
