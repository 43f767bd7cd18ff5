"""
An embedded history that speaks Prometheus' query API, enough for three queries: a month with days and weeks in it.

It stands in for a Prometheus in the demo alone, so that the demo needs nothing installed. Tests use the real one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping

from monitor.demo.services import DemoService

POINTS_LIMIT = 11_000
"""As a real Prometheus has it; the fitting process asks in chunks."""


def shape(at: float) -> float:
    """Busy by day, quiet by night, quieter at weekends; around 1.0."""
    hour = at / 3600 % 24
    day = int(at / 86400 + 3) % 7
    return (1.0 + 0.5 * math.sin((hour - 9) / 24 * 2 * math.pi)) * (0.6 if day >= 5 else 1.0)


def ripple(at: float) -> float:
    """The same small deviation each time it is asked for: -1 to 1."""
    return math.sin(at * 12.9898) * 0.7 + math.sin(at * 0.0131) * 0.3


class History:
    def __init__(self, services: dict[str, DemoService], began_at: float) -> None:
        self._services = services
        self._began_at = began_at

    def value(self, query: str, at: float) -> float | None:
        """The series `demo_<signal>{service="<name>"}` at one instant; None for any other query."""
        signal, _, rest = query.partition("{service=")
        service = self._services.get(rest.strip('"}'))
        if service is None:
            return None
        live = at >= self._began_at
        ratio = service.traffic.error_ratio if live else 0.002
        latency = service.traffic.latency if live else 0.120
        requests = 40.0 * shape(at) * (1 + 0.05 * ripple(at))
        values: dict[str, Callable[[], float]] = {
            "demo_requests": lambda: requests,
            # The past is rougher than the minutes of the demo, so that chance does not add a relapse to the story.
            "demo_errors": lambda: requests * ratio * (1 + (0.1 if live else 0.3) * ripple(at + 1)),
            "demo_latency": lambda: latency * (1 + 0.08 * ripple(at + 2)),
        }
        return values[signal]() if signal in values else None


def answer(history: History, path: str, parameters: Mapping[str, str]) -> tuple[int, dict[str, object]]:
    """What Prometheus would say, as status and document."""
    query = parameters.get("query", "")
    if path == "/api/v1/query":
        at = float(parameters.get("time") or time.time())
        value = history.value(query, at)
        result = [] if value is None else [{"metric": {}, "value": [at, repr(value)]}]
        return 200, _success("vector", result)
    if path == "/api/v1/query_range":
        start, end = float(parameters["start"]), float(parameters["end"])
        step = float(parameters["step"].rstrip("s"))
        points = int((end - start) / step) + 1
        if points > POINTS_LIMIT:
            return 400, {"status": "error", "errorType": "bad_data", "error": "exceeded maximum resolution"}
        values = [
            [at, repr(value)]
            for at in (start + i * step for i in range(points))
            if (value := history.value(query, at)) is not None
        ]
        return 200, _success("matrix", [{"metric": {}, "values": values}] if values else [])
    return 404, {"status": "error", "errorType": "not_found", "error": path}


def _success(kind: str, result: object) -> dict[str, object]:
    return {"status": "success", "data": {"resultType": kind, "result": result}}
