"""Which Host headers are ours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.web.hosts import host_allowed, host_of


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("localhost", "localhost"),
        ("LocalHost:8700", "localhost"),
        ("watch.example.:80", "watch.example"),
        ("127.0.0.1:8700", "127.0.0.1"),
        ("[::1]", "::1"),
        ("[::1]:8700", "::1"),
        ("::1", "::1"),
        ("[::1", None),
        ("[name]", None),
        ("[::1]8700", None),
        ("localhost:", None),
        ("localhost:80:80", None),
        ("user@localhost", None),
        ("", None),
        ("a b", None),
        ("\u0131ocalhost", None),
    ],
)
def test_a_header_is_a_name_with_or_without_a_port_or_nothing(header, name):
    assert host_of(header) == name


@pytest.mark.parametrize(
    "header", ["watchkeeper", "watchkeeper:8700", "10.1.2.3:8700", "[fd00::7]:8700", "watch.example"]
)
def test_beyond_loopback_addresses_plain_names_and_the_configured_name_are_ours(header):
    assert host_allowed(header, "watch.example")
    assert not host_allowed(header, "127.0.0.1")


@pytest.mark.parametrize("listen_host", ["0.0.0.0", "::", "10.1.2.3", "watch.example"])
def test_a_name_that_strangers_can_give_an_address_is_never_ours(listen_host):
    assert not host_allowed("evil.example", listen_host)
    assert not host_allowed("watch.example.evil", listen_host)


@given(st.text(), st.sampled_from(["127.0.0.1", "0.0.0.0", "::1", "localhost"]))
def test_no_header_makes_it_raise(header, listen_host):
    assert host_allowed(header, listen_host) in (True, False)
