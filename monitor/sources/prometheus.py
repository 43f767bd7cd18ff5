"""
One question to Prometheus at a time, for the daemon: an instant query that gives one number, no number, or a reason.

Only `requests` is needed, and only once the first question is asked. The library for ranges, and pandas behind it,
live in the fitting process (`monitor/sources/fit.py`), so that the daemon stays small.
"""

from __future__ import annotations

import json
import threading
import time
from datetime import datetime
from math import isfinite, nan
from typing import TYPE_CHECKING, Any, Final

from monitor.sources.authorities import NO_AUTHORITIES, lacks_authorities, trusted_authorities

if TYPE_CHECKING:
    import requests

MAX_BODY: Final = 1_000_000
"""One series is 200 bytes. A query that lost its `sum` may bring 100,000 of them; then nobody reads on."""
DEFAULT_TIMEOUT: Final = 5.0
MOST_NAMES: Final = 20
"""Versions of one service that run at a time, canaries included; more series are a query without its `by`."""
LONGEST_NAME: Final = 200
"""As long as a version may be that a person marks."""


class SourceAway(Exception):
    """Prometheus gave no usable answer; the text says why, and holds neither address nor credentials."""


class QueryRefused(SourceAway):
    """Prometheus is there, and the query is wrong: only a person who changes it helps."""


class AnswerTooLong(SourceAway):
    """It has more to say than is read: ask for less."""


class Prometheus:
    """
    Safe to share between threads: each has a session of its own, since one of `requests` is not made for several.

    Args:
        url: Base address, with a path prefix where there is one; user and password in it are used and never shown.
        timeout: Seconds for connecting and for each wait for bytes; a whole answer may take twice that.
    """

    def __init__(self, url: str, timeout: float = DEFAULT_TIMEOUT) -> None:
        self._base = f"{url.rstrip('/')}/api/v1"
        self._timeout = timeout
        self._own = threading.local()

    def instant(self, query: str) -> float | None:
        """
        The one value that *query* has now. None where Prometheus has nothing to say: no series, NaN, an infinity.

        Raises SourceAway when it could not be asked, and QueryRefused when the query is no question for one number.
        """
        return value_of(self.ask(query))

    def ask(self, query: str, at: datetime | None = None) -> dict[str, Any]:
        """The `data` of an instant query, evaluated now or *at* an instant. Raises as `instant`."""
        parameters = {"query": query} | ({"time": f"{at.timestamp():.3f}"} if at is not None else {})
        return answer_of(*self._get("query", parameters))

    def ask_range(self, query: str, start: datetime, end: datetime, step: float) -> dict[str, Any]:
        """The `data` of a range query, a value every *step* seconds. Raises as `instant`."""
        times = {"start": f"{start.timestamp():.3f}", "end": f"{end.timestamp():.3f}", "step": f"{step:g}"}
        return answer_of(*self._get("query_range", {"query": query} | times))

    def names(self, query: str) -> frozenset[str]:
        """What the series that *query* has now are called; see `names_of`. Raises as `instant` does."""
        return names_of(self.ask(query))

    def close(self) -> None:
        """Of the calling thread's session; those of other threads end with their thread."""
        if (session := getattr(self._own, "session", None)) is not None:
            session.close()
            del self._own.session

    def _session(self) -> requests.Session:
        if not hasattr(self._own, "session"):
            import requests

            self._own.session = requests.Session()
            # HTTP_PROXY of the environment would send the questions, and credentials in the address, elsewhere.
            self._own.session.trust_env = False
            self._own.session.verify = trusted_authorities()
            # Uncompressed: the bound on the body is then a bound on memory too.
            self._own.session.headers["Accept-Encoding"] = "identity"
        session: requests.Session = self._own.session
        return session

    def _get(self, endpoint: str, parameters: dict[str, str]) -> tuple[int, bytes]:
        session = self._session()
        import requests
        from urllib3.exceptions import HTTPError

        try:
            with session.get(
                f"{self._base}/{endpoint}",
                params=parameters,
                timeout=self._timeout,
                stream=True,
                allow_redirects=False,
            ) as response:
                return response.status_code, _read(response, self._timeout * 2)
        except (requests.RequestException, HTTPError, OSError, ValueError) as problem:
            # The exception's own text would hold the address; its kind is what a person needs.
            raise SourceAway(why(problem, self._timeout)) from None


def _read(response: requests.Response, seconds: float) -> bytes:
    """The whole body, or SourceAway when it is too long or drips: each byte in time, and the answer never complete."""
    until = time.monotonic() + seconds
    body = bytearray()
    while chunk := response.raw.read1(65_536, decode_content=False):
        body += chunk
        if len(body) > MAX_BODY:
            raise AnswerTooLong(f"the answer is longer than {MAX_BODY:,} bytes: a traffic query must give one series")
        if time.monotonic() > until:
            raise SourceAway(f"the answer was not complete after {seconds:g} s")
    return bytes(body)


def why(problem: Exception, timeout: float) -> str:
    """In words; the kinds overlap, so the more telling one comes first."""
    import requests
    from urllib3.exceptions import TimeoutError as UrllibTimeout

    text = str(problem).lower()
    if isinstance(problem, requests.Timeout | UrllibTimeout):
        return f"no answer within {timeout:g} s"
    if lacks_authorities(problem):
        return NO_AUTHORITIES
    if "refused" in text:
        return "connection refused"
    if any(hint in text for hint in ("resolve", "name or service not known", "getaddrinfo")):
        return "its name does not resolve"
    if isinstance(problem, requests.exceptions.SSLError):
        return "TLS failed"
    if isinstance(problem, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema | ValueError):
        return f"its address cannot be used ({type(problem).__name__})"
    return f"the connection broke ({type(problem).__name__})"


def answer_of(status: int, body: bytes) -> dict[str, Any]:
    """The `data` of a successful answer; pure, total, raises SourceAway or QueryRefused for everything else."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):  # RecursionError: ten thousand brackets are a megabyte of nothing
        answer = None
    if not isinstance(answer, dict):
        raise SourceAway(f"answered {status} with something that is not Prometheus' JSON")
    if status == 200 and answer.get("status") == "success" and isinstance(answer.get("data"), dict):
        data: dict[str, Any] = answer["data"]
        return data
    said = str(answer.get("error", ""))[:300] or "without a reason"
    if answer.get("errorType") in ("bad_data", "execution"):
        raise QueryRefused(f"Prometheus refuses the query: {said}")
    raise SourceAway(f"answered {status}: {said}")


def value_of(data: dict[str, Any]) -> float | None:
    """The one number of an instant answer; pure."""
    kind, result = data.get("resultType"), data.get("result")
    if not isinstance(result, list):
        raise SourceAway("answered without a result")
    if kind == "scalar":
        return _number(result)
    if kind != "vector":
        raise QueryRefused(f"the query gives a {kind}; a traffic query must give one number, like sum(rate(...[5m]))")
    if not result:
        return None
    if len(result) > 1:
        raise QueryRefused(f"the query gives {len(result)} series; a traffic query must give one: wrap it in sum(...)")
    if not isinstance(result[0], dict) or "value" not in result[0]:
        raise QueryRefused("the query gives a native histogram; take histogram_quantile(...) or histogram_count(...)")
    return _number(result[0]["value"])


def series_of(data: dict[str, Any], fix: str = "wrap it in sum(...)", keep_nan: bool = False) -> dict[float, float]:
    """
    The one series of a range answer: values by seconds since the Unix epoch, infinities left out; pure.

    Args:
        fix: What helps where there are several.
        keep_nan: Where it tells more than a sample that is not there.
    """
    result = data.get("result")
    if data.get("resultType") != "matrix" or not isinstance(result, list):
        raise SourceAway("answered without a series")
    if len(result) > 1:
        raise QueryRefused(f"the query gives {len(result)} series and must give one: {fix}")
    pairs = result[0].get("values") if result and isinstance(result[0], dict) else []
    if not isinstance(pairs, list):
        raise QueryRefused("the query gives a native histogram and must give numbers")
    found = {}
    for pair in pairs:
        number = _number(pair)
        if number is not None:
            found[float(pair[0])] = number
        elif keep_nan and str(pair[1]) == "NaN":
            found[float(pair[0])] = nan
    return found


def names_of(data: dict[str, Any]) -> frozenset[str]:
    """
    Of each series its label `version`, else all its labels, else, where it has none, its value; pure.

    So `count by (version) (app_info)` names the versions that run, and `max(app_started_seconds)` the last start.
    """
    kind, result = data.get("resultType"), data.get("result")
    if not isinstance(result, list):
        raise SourceAway("answered without a result")
    if kind == "scalar":
        result = [{"metric": {}, "value": result}]
    elif kind != "vector":
        raise QueryRefused(f"the query gives a {kind}; ask for what runs now, like count by (version) (app_info)")
    if len(result) > MOST_NAMES:
        raise QueryRefused(
            f"the query gives {len(result)} series; ask for one each, like count by (version) (app_info)"
        )
    names = (_name(series) for series in result if isinstance(series, dict))
    return frozenset(name for name in names if name)


def _name(series: dict[str, Any]) -> str:
    metric = series.get("metric")
    labels = {str(k): str(v) for k, v in metric.items() if k != "__name__"} if isinstance(metric, dict) else {}
    if not labels:
        number = _number(series.get("value"))
        return "" if number is None else f"{number:.15g}"
    name = labels.get("version") or ", ".join(f"{key}={value}" for key, value in sorted(labels.items()))
    return name[:LONGEST_NAME]


def _number(pair: Any) -> float | None:
    """Of `[timestamp, "value"]`; Prometheus writes NaN and +Inf as text that `float` reads."""
    try:
        number = float(pair[1])
    except (TypeError, ValueError, IndexError, KeyError, OverflowError):
        raise SourceAway("answered with a value that is no number") from None
    return number if isfinite(number) else None
