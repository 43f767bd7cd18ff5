"""Where `monitor backtest` finds the past, Prometheus or what the daemon kept, and what to do where there is none."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli.output import Trouble, printable

if TYPE_CHECKING:
    from monitor.backtest.history import CheckPast
    from monitor.backtest.replay import Reading
    from monitor.config import Config


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """
    Attributes:
        source: `prometheus` or `history`.
        checks: At least one, by its identity.
        notes: What the past rests on and cannot say, a line each.
    """

    source: str
    checks: Mapping[str, CheckPast]
    traffic: list[list[Reading]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def unsharp_at(self, services: Iterable[str], at: datetime) -> float:
        """By how many seconds what happened to these services at that instant may be off."""
        named = set(services)
        return max(
            (one.unsharp_at(at.timestamp()) for one in self.checks.values() if one.check.service in named), default=0.0
        )


@dataclass(slots=True)
class Progress:
    """One line on the terminal that is written over; nothing where nobody watches."""

    start: datetime
    span: timedelta
    what: str = ""

    def tell(self, at: datetime) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r\x1b[K{printable(self.what)}: {(at - self.start) / self.span:.0%}", nl=False, err=True)

    def clear(self) -> None:
        if sys.stderr.isatty():
            click.echo("\r\x1b[K", nl=False, err=True)


def from_prometheus(config: Config, series: Mapping[str, str], start: datetime, end: datetime) -> Found:
    """Raises Trouble that says what was looked for."""
    from monitor.backtest.history import candidates, readings, recorded
    from monitor.sources.prometheus import Prometheus, QueryRefused, SourceAway

    address = config.sources.prometheus
    if address is None:
        raise Trouble("no Prometheus is configured: set sources: {prometheus: URL}, or replay with --from history")
    unknown = series.keys() - {check.id for check in config.all_checks()}
    if unknown:
        raise Trouble(f"--series names no check of the configuration: {printable(', '.join(sorted(unknown)))}")
    progress = Progress(start, end - start)
    client = Prometheus(address, timeout=30.0)
    found: dict[str, CheckPast] = {}
    traffic: list[list[Reading]] = []
    tried: list[str] = []
    try:
        for check in config.all_checks():
            progress.what = check.id
            selectors = (series[check.id],) if check.id in series else candidates(check)
            one = recorded(client, check, selectors, start, end, progress.tell)
            if one is None:
                tried += [f"  {check.id}: {selector}" for selector in selectors]
            else:
                found[check.id] = one
        if not found:
            looked = "\n".join(tried)
            raise Trouble(
                f"Prometheus has no samples from {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC of any check. "
                f"Looked for:\n{printable_lines(looked)}\nName the series with --series SERVICE/CHECK=SELECTOR."
            )
        heard = {one.check.service for one in found.values()}
        asked = [s for name, s in config.services.items() if name in heard and s.traffic and s.traffic.requests]
        if asked:
            from monitor.sources.ranges import Ranges

            ranges = Ranges(address, timeout=30.0)
            for service in asked:
                progress.what = f"traffic of {service.name}"
                traffic.append(readings(ranges, service, start, end))
                progress.tell(end)
    except QueryRefused as refusal:
        raise Trouble(f"{printable(progress.what)}: {printable(str(refusal))}") from None
    except SourceAway as away:
        raise Trouble(f"Prometheus (sources.prometheus): {printable(str(away))}; nothing was replayed") from None
    finally:
        progress.clear()
    return Found(source="prometheus", checks=found, traffic=traffic)


def from_history(config: Config, state: Path, series: Mapping[str, str], start: datetime, end: datetime) -> Found:
    """Raises Trouble."""
    from monitor.backtest.kept import kept_rows, notes_of, with_maintenance
    from monitor.ledger.database import LedgerError
    from monitor.ledger.history_reader import read_history
    from monitor.response.maintained import Maintained

    if series:
        raise Trouble("--series names series of Prometheus, and the history has each check under its own name")
    checks = {check.id: check for check in config.all_checks()}
    try:
        left_out = {name: Maintained.name_of(name, left_out=True) for name in checks}
        kept = read_history(state, {*left_out, *left_out.values()}, start, end)
    except LedgerError as error:
        raise Trouble(printable(str(error))) from None
    found = {}
    for name, check in checks.items():
        rows = with_maintenance(kept.rows.get(name, {}), kept.rows.get(left_out[name], {}))
        if (one := kept_rows(check, rows)) is not None:
            found[name] = one
    if not found:
        raise Trouble(
            f"the history in {printable(str(state))} has no results from {start:%Y-%m-%d %H:%M} to "
            f"{end:%Y-%m-%d %H:%M} UTC of any check of the configuration: give a longer --since, or name the "
            "configuration of the daemon that kept it with -c"
        )
    notes = notes_of(found.values())
    if kept.incomplete_since is not None and kept.incomplete_since > start:
        notes.append(f"rows before {kept.incomplete_since:%Y-%m-%d %H:%M} UTC are missing, all or some: they were lost")
    return Found(source="history", checks={name: found[name] for name in checks if name in found}, notes=notes)


def printable_lines(text: str) -> str:
    return "\n".join(map(printable, text.splitlines()))
