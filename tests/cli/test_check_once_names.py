"""What the names on the command line mean."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.check import Check, HttpQuestion
from monitor.cli.selection import UnknownName, check_of_url, select

CHECKS = tuple(
    Check(service=service, name=name, question=HttpQuestion(url="http://127.0.0.1/"))
    for service, name in (("orders", "live"), ("payments", "live"), ("orders", "ready"))
)


@pytest.mark.parametrize(
    ("names", "ids"),
    [
        ((), ["orders/live", "payments/live", "orders/ready"]),
        (("orders",), ["orders/live", "orders/ready"]),
        (("orders/ready", "payments"), ["payments/live", "orders/ready"]),
        (("orders", "orders/live", "orders"), ["orders/live", "orders/ready"]),
        (("http://localhost/",), []),
    ],
)
def test_a_name_is_a_service_or_one_of_its_checks(names, ids):
    assert [check.id for check in select(CHECKS, names)] == ids


def test_every_name_that_means_nothing_is_told_with_what_was_probably_meant():
    with pytest.raises(UnknownName) as error:
        select(CHECKS, ("oders", "orders", "orders/redy", "zzz"))

    assert str(error.value).splitlines() == [
        "oders: no such service or check. Did you mean orders?",
        "orders/redy: no such service or check. Did you mean orders/ready?",
        "zzz: no such service or check. There are orders, payments, orders/live, payments/live, orders/ready.",
    ]


@pytest.mark.parametrize(
    ("url", "id_"),
    [
        ("http://localhost:8080/healthz", "localhost:8080/healthz"),
        ("https://Example.org/a/b/", "example.org/a/b"),
        ("http://example.org", "example.org/root"),
        ("http://[::1]:80/x?y=z", "[::1]:80/x"),
    ],
)
def test_a_url_is_a_check_named_after_it(url, id_):
    check = check_of_url(url)

    assert check.id == id_
    assert check.question == HttpQuestion(url=url)


def test_credentials_move_from_the_address_into_a_header_that_nobody_shows():
    check = check_of_url("https://user:hunter%32@example.org:8443/x?y=1")

    assert check.id == "example.org:8443/x"
    assert check.question == HttpQuestion(
        url="https://example.org:8443/x?y=1", headers=(("Authorization", "Basic dXNlcjpodW50ZXIy"),)
    )
    assert "hunter" not in repr(check)
    assert "dXNlc" not in repr(check)


@pytest.mark.parametrize(
    "url", ["ftp://x/", "http://", "http://a:99999/", "http://[::1/", "file:///etc/passwd", "http://a b/"]
)
def test_what_cannot_be_asked_is_said(url):
    with pytest.raises(UnknownName, match="asked"):
        check_of_url(url)


@given(st.text())
def test_no_url_makes_it_raise_anything_else(text):
    with suppress(UnknownName):
        check_of_url(f"http://{text}")
