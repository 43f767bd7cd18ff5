"""
The past of one number, out of Prometheus, in pieces that it agrees to. Only for the fitting process.

Prometheus refuses more than 11,000 points in one answer, others behind the same interface refuse earlier, and a heavy
query runs into a timeout: each time the piece is halved, and stays halved for the rest of the run.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd
import requests
from prometheus_api_client import PrometheusConnect
from prometheus_api_client.exceptions import PrometheusApiClientException
from urllib3.util.retry import Retry

from monitor.sources.authorities import trusted_authorities
from monitor.sources.prometheus import QueryRefused, SourceAway

FIRST_PIECE: Final = 10_000
"""Points per query, below the limit of 11,000 that Prometheus has fixed."""
LEAST_PIECE: Final = 500
"""After four halvings it is not the length that is wrong."""
_REFUSAL: Final = re.compile(r"HTTP Status Code (\d+) \((.*)\)$", re.DOTALL)


class TooMuch(Exception):
    """
    The piece was too long for Prometheus; the text is what it said.

    Attributes:
        healthy: It answered properly. When even the least piece is too much, it is then the query, and otherwise
            Prometheus, that is to blame.
    """

    def __init__(self, said: str, healthy: bool) -> None:
        super().__init__(said)
        self.healthy = healthy


class Ranges:
    def __init__(self, url: str, timeout: float) -> None:
        session = requests.Session()
        # Neither a proxy of the environment nor a redirect may take the questions elsewhere.
        session.trust_env = False
        session.max_redirects = 0
        session.verify = trusted_authorities()
        # Its own retries would ask for the same too long piece three times.
        self._client: Any = PrometheusConnect(
            url=url.rstrip("/"), session=session, timeout=timeout, retry=Retry(total=0, redirect=False)
        )
        self.piece = FIRST_PIECE

    def series(self, query: str, start: datetime, end: datetime, step: float) -> pd.Series[float]:
        """
        Values by their instants, in seconds since the Unix epoch; NaN and infinities left out; empty if there is none.

        Raises SourceAway or QueryRefused.
        """
        parts: list[pd.Series[float]] = []
        distance = timedelta(seconds=step)
        at = start
        while at <= end:
            until = min(end, at + distance * (self.piece - 1))
            try:
                parts.append(self._piece(query, at, until, step))
            except TooMuch as said:
                if self.piece // 2 < LEAST_PIECE:
                    blamed = QueryRefused if said.healthy else SourceAway
                    raise blamed(f"even {self.piece} points are too much: {said}") from None
                self.piece //= 2
                continue
            at = until + distance
        filled = [part for part in parts if len(part)]
        return pd.concat(filled) if filled else empty()

    def _piece(self, query: str, start: datetime, end: datetime, step: float) -> pd.Series[float]:
        try:
            result = self._client.custom_query_range(query, start, end, f"{step:g}")
        except PrometheusApiClientException as refusal:
            raise _reason(str(refusal)) from None
        except requests.Timeout:
            raise TooMuch("no answer in time", healthy=False) from None
        except (requests.RequestException, OSError) as problem:
            raise SourceAway(f"not reachable ({type(problem).__name__})") from None
        except (ValueError, KeyError, TypeError) as problem:
            raise SourceAway(f"answered with something that is not its JSON ({type(problem).__name__})") from None
        return _series(result)


def _reason(refusal: str) -> Exception:
    """What an answer other than 200 means: too long a piece, a wrong query, or a Prometheus in trouble."""
    found = _REFUSAL.search(refusal)
    status, said = (int(found[1]), found[2][:300]) if found else (0, refusal[:300])
    # 422: too many samples in memory, or the query timed out inside. 413, 5xx: something in front gave up.
    if "exceeded maximum resolution" in said or status in (413, 422) or status >= 500:
        return TooMuch(f"{status} {said}", healthy=status < 500)
    if status == 400:
        return QueryRefused(f"Prometheus refuses the query: {said}")
    return SourceAway(f"answered {status}: {said}")


def _series(result: Any) -> pd.Series[float]:
    if not isinstance(result, list):
        raise SourceAway("answered without a result")
    if len(result) > 1:
        raise QueryRefused(f"the query gives {len(result)} series; a traffic query must give one: wrap it in sum(...)")
    values = result[0].get("values", []) if result and isinstance(result[0], dict) else []
    try:
        # By columns, as numpy reads them: six weeks of minutes are sixty thousand pairs.
        instants = np.array([at for at, _ in values], dtype=float)
        numbers = np.array([text for _, text in values], dtype=float)
    except (TypeError, ValueError):
        raise SourceAway("answered with a value that is no number") from None
    usable = np.isfinite(numbers)
    return pd.Series(numbers[usable], index=instants[usable])


def empty() -> pd.Series[float]:
    """A series of numbers without any; without the slice pandas would not know that they are numbers."""
    return pd.Series([0.0])[:0]
