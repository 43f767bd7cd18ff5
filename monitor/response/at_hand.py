"""The playbook's table of tools, filled in for the service of an incident: commands at hand, to be copied."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from shlex import quote
from typing import Final

from monitor.response.excerpts import code

PLAYBOOK_COLLECTOR: Final = "http://localhost:13133/healthz"
MOST_SERVICES: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """
    Attributes:
        services: The incident's own first.
        logs: The command that shows its logs; None: the playbook's.
        log_query: LogQL for the service.
        loki, tempo, grafana: Base addresses; None where there is none.
        collectors: Addresses of collectors' health.
    """

    services: tuple[str, ...]
    logs: str | None = None
    log_query: str = ""
    loki: str | None = None
    tempo: str | None = None
    grafana: str | None = None
    collectors: tuple[str, ...] = ()


def commands_at_hand(tools: Tools) -> list[str]:
    """Lines of a list in Markdown."""
    return [f"- {task}: {command}" for task, command in _commands(tools)]


def _commands(tools: Tools) -> Iterator[tuple[str, str]]:
    service = tools.services[0]
    yield "tail logs", code(tools.logs or f"docker compose logs -f {quote(service)}")
    explore = f" (Grafana → Explore: {tools.grafana}/explore)" if tools.grafana else " (Grafana → Explore → Loki)"
    yield "query logs", code(tools.log_query) + explore
    if tools.loki:
        asked = f"curl -G {quote(tools.loki + '/loki/api/v1/query_range')}"
        yield "logs without Grafana", code(f"{asked} --data-urlencode {quote('query=' + tools.log_query)}")
    traces = f'{{resource.service.name="{service}"}}'
    yield "inspect traces", code(traces) + explore.replace("Loki", "Tempo")
    if tools.tempo:
        asked = f"curl -G {quote(tools.tempo + '/api/search')}"
        yield "traces without Grafana", code(f"{asked} --data-urlencode {quote('q=' + traces)}")
    for collector in tools.collectors or (PLAYBOOK_COLLECTOR,):
        yield "collector health", code(f"curl {quote(collector)}")
    yield "ask again", code(f"monitor check-once {' '.join(map(quote, tools.services[:MOST_SERVICES]))}")
