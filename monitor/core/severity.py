"""From evidence to SEV1..SEV4, with the row that fired and its inputs. The table is data; a decision shows its work."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Severity(IntEnum):
    """As the playbook defines them. Lower is worse, so that `min` is the worst."""

    SEV1 = 1  # complete outage or data loss
    SEV2 = 2  # major functionality degraded
    SEV3 = 3  # partial outage, workaround available
    SEV4 = 4  # minor issue, monitor only

    def __str__(self) -> str:
        return self.name


class Criticality(StrEnum):
    """How much depends on a service. OpenTelemetry's `service.criticality` vocabulary."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
