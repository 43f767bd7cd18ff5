"""Whom evidence is asked of: what `sources` says of Loki, Tempo and Grafana, and what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydantic import SecretStr

from monitor.config import config
from monitor.config.problems import Path
from monitor.config.reading import Reading

if TYPE_CHECKING:
    from monitor.config.shape import Root
    from monitor.config.shape.evidence import Grafana, Loki, Tempo

QUERIES: Final = (
    '{traceId="{trace_id}"}',
    '{service_name="{service}"} | trace_id="{trace_id}"',
    '{service_name="{service}"} | json | traceId="{trace_id}"',
    '{service_name="{service}"} |= "{trace_id}"',
    '{service_name="{service}"}',
)
"""The playbook's own form first, though it holds only where the trace is a label of its own; then as OTLP brings it, as
JSON lines hold it, and wherever it stands in a line. The last is for the service as a whole."""


def sources_of(root: Root, reading: Reading) -> config.Sources:
    """What comes back is only of use when nothing was told."""
    written = root.sources
    if written is None:
        return config.Sources()
    return config.Sources(
        prometheus=written.prometheus,
        loki=_loki(written.loki, reading) if written.loki else None,
        tempo=_tempo(written.tempo, reading) if written.tempo else None,
        grafana=_grafana(written.grafana, reading) if written.grafana else None,
    )


def _loki(written: Loki, reading: Reading) -> config.Loki:
    token = _token(written, "loki", reading)
    return config.Loki(url=written.url, token=token, tenant=written.tenant, queries=written.queries or QUERIES)


def _tempo(written: Tempo, reading: Reading) -> config.Source:
    return config.Source(url=written.url, token=_token(written, "tempo", reading), tenant=written.tenant)


def _grafana(written: Grafana, reading: Reading) -> config.Grafana:
    token = _token(written, "grafana", reading)
    return config.Grafana(url=written.url, token=token, panels=written.panels or {})


def source_secrets(root: Root) -> set[str]:
    sources = root.sources
    places = [sources.loki, sources.tempo, sources.grafana] if sources else []
    return {place.token.get_secret_value() for place in places if place and place.token}


def _token(written: Loki | Tempo | Grafana, name: str, reading: Reading) -> SecretStr | None:
    """From the file or from the key, never from both; many have none."""
    if written.token_file is None:
        return written.token
    path: Path = ("sources", name, "token_file")
    if written.token is not None:
        reading.tell(path, "token is set as well", "Keep one of them.")
    return SecretStr(reading.file_content(written.token_file, path))
