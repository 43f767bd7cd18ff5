"""How a token endpoint is asked, and whatever it may answer."""

from __future__ import annotations

import json
from base64 import b64decode
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.exchange import HttpAnswer, HttpRequest, TransportError
from checks.family import Family
from checks.oauth2 import OAuth2
from checks.result import Reason
from checks.tokens import NoToken, Token, token_of, token_request
from checks.way import Way

URL = "https://login.example/token?tenant=7"
WHOM = OAuth2(token_url=URL, client_id="watch:keeper", client_secret="hunter 2", scopes=("read", "write"))
TARGET = HttpRequest(
    url="https://shop.example/", verify=False, ca_file=None, way=Way(ip=Family(version=4), certificate="ours.pem")
)


def test_the_secret_goes_in_a_header_as_the_standard_encodes_it() -> None:
    asked = token_request(WHOM, TARGET, 3.0)

    assert (asked.url, asked.method, asked.timeout, asked.max_redirects) == (URL, "POST", 3.0, 0)
    login = dict(asked.headers)["Authorization"].removeprefix("Basic ")
    assert b64decode(login) == b"watch%3Akeeper:hunter+2"
    assert parse_qs((asked.body or b"").decode()) == {"grant_type": ["client_credentials"], "scope": ["read write"]}


def test_or_with_the_form_and_whatever_else_is_wanted() -> None:
    whom = OAuth2(
        token_url=URL, client_id="a", client_secret="b", auth="post", parameters=(("audience", "https://shop.example"),)
    )
    asked = token_request(whom, TARGET, 3.0)

    assert "Authorization" not in dict(asked.headers)
    assert parse_qs((asked.body or b"").decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": ["a"],
        "client_secret": ["b"],
        "audience": ["https://shop.example"],
    }


def test_our_secret_is_shown_to_nobody_who_cannot_prove_who_he_is() -> None:
    assert token_request(WHOM, TARGET, 3.0).verify is True
    assert token_request(WHOM, TARGET, 3.0).way is None
    behind = HttpRequest(
        url="https://shop.example/", ca_file="ca.pem", way=Way(proxy="http://proxy:3128", ip=Family(version=6))
    )

    asked = token_request(WHOM, behind, 3.0)

    assert (asked.ca_file, asked.way) == ("ca.pem", Way(proxy="http://proxy:3128"))


def test_secrets_are_in_no_ones_repr() -> None:
    shown = repr(WHOM) + repr(token_request(WHOM, TARGET, 3.0)) + repr(Token("hunter3", 1.0))

    assert "hunter" not in shown


@pytest.mark.parametrize(
    ("more", "lasts"),
    [
        ({}, None),
        ({"expires_in": 3600}, 3600.0),
        ({"expires_in": "3600", "token_type": "bearer"}, 3600.0),
        ({"expires_in": 0}, 0.0),
        ({"expires_in": -5}, 0.0),
        ({"expires_in": "soon"}, None),
        ({"expires_in": True}, None),
        ({"expires_in": float("inf")}, None),
        ({"expires_in": 10**400}, None),
    ],
)
def test_a_token_tells_how_long_it_lasts_or_nobody_knows(more: dict[str, object], lasts: float | None) -> None:
    said = json.dumps({"access_token": "abc", **more}).encode()

    assert token_of(HttpAnswer(status=200, body=said, url=URL)) == Token("abc", lasts)


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (401, b'{"error": "invalid_client"}', "answered 401 Unauthorized: invalid_client"),
        (
            400,
            b'{"error": "invalid_scope", "error_description": "no\\nsuch scope"}',
            "answered 400 Bad Request: invalid_scope: no?such scope",
        ),
        (503, b"<html>", "answered 503 Service Unavailable"),
        (302, b"", "answered 302 Found"),
        (200, b"", "answered without an access_token that could be sent"),
        (200, b"[" * 100_000, "answered without an access_token that could be sent"),
        (200, b'["access_token"]', "answered without an access_token that could be sent"),
        (200, b'{"access_token": 7}', "answered without an access_token that could be sent"),
        (200, b'{"access_token": "a\\r\\nX: b"}', "answered without an access_token that could be sent"),
        (
            200,
            b'{"access_token": "a", "token_type": "mac"}',
            "answered with a token of the type mac, wanted Bearer",
        ),
    ],
)
def test_why_there_is_none(status: int, body: bytes, words: str) -> None:
    with pytest.raises(NoToken) as caught:
        token_of(HttpAnswer(status=status, body=body, url=URL))

    assert str(caught.value) == f"https://login.example/token?... {words}"


def test_an_endpoint_that_is_away_is_told_in_the_words_of_any_target() -> None:
    error = TransportError(reason=Reason.REFUSED, detail="connect to login.example:443 refused: nothing listens there")

    with pytest.raises(NoToken, match=r"^connect to login\.example:443 refused"):
        token_of(HttpAnswer(url=URL, error=error))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(
    status=st.sampled_from([200, 400, 500]),
    said=st.binary(max_size=50)
    | st.dictionaries(
        st.sampled_from(["access_token", "token_type", "expires_in", "error", "error_description"]), JSON
    ).map(lambda said: json.dumps(said).encode()),
)
def test_whatever_comes_is_a_token_or_a_reason(status: int, said: bytes) -> None:
    try:
        token = token_of(HttpAnswer(status=status, body=said, url=URL))
    except NoToken as why:
        told = str(why)
    else:
        told = token.value
        assert token.lasts is None or token.lasts >= 0
    assert told.isprintable()
    assert told
