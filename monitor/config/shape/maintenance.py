"""When work is planned, so that nobody is told."""

from __future__ import annotations

from pydantic import Field

from monitor.config.fields import CronText, Line, MinuteToYear, Moment, Name, Switch, TimeZone, WeeklySpan
from monitor.config.shape.group import Shape


class MaintenanceShape(Shape):
    weekly: WeeklySpan | None = None
    """Days and times: "Sun 02:00-04:00", "Mon-Fri 22:00-02:00"; without days each day."""
    cron: CronText | None = None
    """Instead of `weekly`: when it begins, as in a crontab. With `for`."""
    for_: MinuteToYear | None = Field(default=None, alias="for")
    """With `cron`: how long it lasts, for example 2h."""
    from_: Moment | None = Field(default=None, alias="from")
    """Instead of `weekly`: once, from this instant, for example 2026-12-01 22:00. With `until`."""
    until: Moment | None = None
    """With `from`: when it ends."""
    zone: TimeZone | None = None
    """Whose clock. Default `monitor.time_zone`."""
    counts: Switch | None = None
    """true: results in it count for the SLO. Default false."""


class MaintenanceOfSeveral(MaintenanceShape):
    services: tuple[Name, ...] | None = None
    """Of these services."""
    tags: tuple[Line, ...] | None = None
    """Of the services that have one of these tags."""
