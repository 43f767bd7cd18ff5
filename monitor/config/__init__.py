"""Text to Config, or every problem at once with its line. The order of reading: load.py."""

from __future__ import annotations

from monitor.config.changes import Changes, applicable, changes
from monitor.config.config import (
    Alertmanager,
    Apprise,
    Composite,
    Config,
    Contact,
    Github,
    Grafana,
    HeartbeatTarget,
    Incidents,
    Jira,
    Loki,
    Monitor,
    Notion,
    Pagerduty,
    Pages,
    Playbook,
    Retention,
    Service,
    Slo,
    Source,
    Sources,
    Statuspage,
    Telemetry,
    Tracker,
    Traffic,
    Webhook,
)
from monitor.config.load import load
from monitor.config.places import Listen
from monitor.config.problems import ConfigError, Problem
from monitor.config.stamps import Stamps, stamps
from monitor.whereabouts import default_paths

__all__ = [
    "Alertmanager",
    "Apprise",
    "Changes",
    "Composite",
    "Config",
    "ConfigError",
    "Contact",
    "Github",
    "Grafana",
    "HeartbeatTarget",
    "Incidents",
    "Jira",
    "Listen",
    "Loki",
    "Monitor",
    "Notion",
    "Pagerduty",
    "Pages",
    "Playbook",
    "Problem",
    "Retention",
    "Service",
    "Slo",
    "Source",
    "Sources",
    "Stamps",
    "Statuspage",
    "Telemetry",
    "Tracker",
    "Traffic",
    "Webhook",
    "applicable",
    "changes",
    "default_paths",
    "load",
    "stamps",
]
