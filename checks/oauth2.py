"""Whom to ask for a token before a target is asked (OAuth 2.0, client credentials)."""

from __future__ import annotations

from dataclasses import dataclass, field

from checks.exchange import HttpRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuth2:
    """
    Attributes:
        auth: `basic` or `post`: whether the secret goes in a header or with the form (RFC 6749, 2.3.1).
        parameters: Sent besides what the standard wants.
    """

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scopes: tuple[str, ...] = ()
    auth: str = "basic"
    parameters: tuple[tuple[str, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizedRequest:
    """*request* with a token of *oauth2*. Its timeout is for both."""

    request: HttpRequest
    oauth2: OAuth2

    @property
    def url(self) -> str:
        return self.request.url
