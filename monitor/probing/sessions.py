"""
TLS sessions that checks come back with, and what the last full handshake has shown of the certificate.

A handshake that resumes a session shows no certificate, and one over a connection that was kept does not happen at all.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from time import time

import pycurl

from checks.exchange import HttpRequest
from monitor.probing.certificates import Chain, earliest_expiry, own_expiry


class Session:
    """
    Attributes:
        begun: When its full handshake began, in the seconds of `Sessions`.
        share: libcurl's store of what the target gave us to resume by; None where nothing is to be resumed.
        is_new: Whether its full handshake is still to be made.
        is_broken: Whether something failed meanwhile: then who comes next comes as a newcomer.
        expires_at: When the first certificate of the chain expires, Unix time.
    """

    __slots__ = ("_own_expiry", "begun", "expires_at", "is_broken", "is_new", "share")

    def __init__(self, begun: float, share: pycurl.CurlShare | None) -> None:
        self.begun = begun
        self.share = share
        self.is_new = True
        self.is_broken = False
        self.expires_at: float | None = None
        self._own_expiry: float | None = None

    @property
    def certificate_left(self) -> float | None:
        """Seconds until the server's own certificate expires, which lessen though nobody looks at it."""
        return None if self._own_expiry is None else self._own_expiry - time()

    def see(self, chain: Chain) -> None:
        """*chain* is empty where a session was offered: libcurl tells of no certificate then, be it taken or not."""
        if chain:
            self._own_expiry, self.expires_at = own_expiry(chain), earliest_expiry(chain)


class Sessions:
    """One for each question, so that no check lives on another one's handshake."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._known: dict[Hashable, Session] = {}

    def of(self, request: HttpRequest) -> Session | None:
        """The one to come with; None for a request that comes as a newcomer each time."""
        resume = request.way.resume if request.way is not None else 0.0
        if not resume and not request.keep_alive:
            return None
        key = (request.url, request.verify, request.ca_file, request.certificate, request.keep_alive, request.way)
        session, now = self._known.get(key), self._seconds()
        if session is None or session.is_broken or (resume and now - session.begun >= resume):
            session = self._known[key] = Session(now, _store() if resume else None)
        return session

    def forget(self) -> None:
        """Whom we trust may have changed, and a session that is resumed is not judged anew."""
        self._known.clear()


def _store() -> pycurl.CurlShare:
    share = pycurl.CurlShare()
    share.setopt(pycurl.SH_SHARE, pycurl.LOCK_DATA_SSL_SESSION)
    return share
