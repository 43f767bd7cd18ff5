"""Text to Config, or every problem at once with its line. The order of reading: load.py."""

from __future__ import annotations

from monitor.config.config import (
    Config,
    Contact,
    Incidents,
    Monitor,
    Playbook,
    Retention,
    Service,
    Slo,
    Sources,
    Telemetry,
    Tracker,
    Traffic,
    Webhook,
)
from monitor.config.load import default_paths, load
from monitor.config.problems import ConfigError, Problem
from monitor.config.values import Listen

__all__ = [
    "Config",
    "ConfigError",
    "Contact",
    "Incidents",
    "Listen",
    "Monitor",
    "Playbook",
    "Problem",
    "Retention",
    "Service",
    "Slo",
    "Sources",
    "Telemetry",
    "Tracker",
    "Traffic",
    "Webhook",
    "default_paths",
    "load",
]
