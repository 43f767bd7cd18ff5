"""docs/telemetry.md knows every name, and every name of OpenTelemetry's is spelled as OpenTelemetry spells it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from opentelemetry.semconv._incubating.attributes import (
    host_attributes,
    process_attributes,
    service_attributes,
    user_agent_attributes,
)
from opentelemetry.semconv._incubating.attributes import (
    url_attributes as newer_url_attributes,
)
from opentelemetry.semconv.attributes import (
    error_attributes,
    http_attributes,
    network_attributes,
    server_attributes,
    url_attributes,
)
from opentelemetry.semconv.metrics import http_metrics
from opentelemetry.semconv.schemas import Schemas

from monitor.telemetry import names

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs" / "telemetry.md"
OURS = ("synthetic.", "incident.", "effect.", "event.", "watchkeeper.", "slo:", "sloth_")


def spelled() -> list[str]:
    constants = {key: value for key, value in vars(names).items() if key.isupper() and isinstance(value, str)}
    not_names = {"SCOPE", "SCHEMA_URL", "SYNTHETIC_TEST", "OTHER"}
    return sorted({value for key, value in constants.items() if key not in not_names} | {*names.EVENTS, *names.METRICS})


@pytest.mark.parametrize("name", [*spelled(), *names.PHASE_SPANS])
def test_the_name_is_in_the_documentation(name):
    assert f"`{name}`" in DOCS.read_text()


def test_the_documentation_has_no_name_that_does_not_exist():
    known = {*spelled(), *names.LEDGER_KEYS}
    told = set(re.findall(r"^\| `([a-z][a-z_.]*\.[a-z_.]+)` \|", DOCS.read_text(), re.MULTILINE))
    assert told
    assert told <= known


def test_the_names_that_are_not_ours_are_opentelemetrys():
    conventions = {
        value
        for module in (error_attributes, http_attributes, network_attributes, server_attributes, url_attributes,
                       newer_url_attributes,
                       host_attributes, process_attributes, service_attributes, user_agent_attributes, http_metrics)
        for value in vars(module).values()
        if isinstance(value, str)
    }  # fmt: skip
    conventions.add("deployment.environment.name")
    # An event's name is a whole of its own: ours begin with what they are about.
    theirs = [name for name in spelled() if not name.startswith(OURS) and name not in names.EVENTS]
    assert theirs
    assert set(theirs) <= conventions
    assert names.SCHEMA_URL in {schema.value for schema in Schemas}


def test_no_other_file_of_telemetry_spells_a_name():
    """The rest of the package goes through names.py; otherwise the documentation could not be trusted."""
    for path in sorted((ROOT / "monitor" / "telemetry").glob("*.py")):
        if path.name == "names.py":
            continue
        code = re.sub(r'"""[\s\S]*?"""', "", path.read_text())
        found = [name for name in spelled() if f'"{name}"' in code]
        assert found == [], path.name


def test_every_event_name_in_the_source_is_listed():
    """A name that only its author knows is one that nobody can alarm on."""
    pattern = re.compile(
        r'"((?:incident|postmortem|effect|slo|baseline|synthetic|clock|config)\.[a-z_]+(?:\.[a-z_]+)?)"'
    )
    emitted: set[str] = set()
    for package in ("response", "daemon"):
        for path in (ROOT / "monitor" / package).glob("*.py"):
            emitted |= set(pattern.findall(path.read_text()))
    assert emitted
    assert emitted <= set(names.EVENTS)
