"""
Chapter 2, stabilise: the state of a service as its incident opens, for whoever is called to it.

What was gathered becomes a bundle: text for the ticket, a short word for everybody, files beside them. What could not
be gathered stands in it as well, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from checks.result import Attempt, CheckResult
from monitor.outlets.outlet import Attachment
from monitor.response.case import Case
from monitor.response.excerpts import Hide, clipped, code, fenced
from monitor.response.measures import Measure, described, picture_of
from monitor.response.picture.drawing import svg
from monitor.response.picture.png import png
from monitor.response.triage import reference, utc, utc_time
from monitor.sources.loki import LogLine, LogLines
from monitor.sources.side_by_side import Found
from monitor.sources.tempo import Arrival, Span

GATHERED: Final = "incident.evidence"
BEFORE: Final = timedelta(hours=1)
"""How far back, from the first failure, what was measured is shown."""
LOGS_BEFORE: Final = timedelta(minutes=10)
STILL_OPENING: Final = timedelta(hours=1)
"""Later than that what is gathered is no evidence of how it began."""
CHECKS_SHOWN: Final = 10
LINES_SHOWN: Final = 15
"""Of each log in the ticket; the file beside it has them all."""
_BEGINNINGS: Final = ("incident.opened", "incident.reopened")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """
    What the daemon itself knows as it begins to gather. Instants are of the wall clock.

    Attributes:
        part: 1 for the opening, one more for each reopening.
        failed_at: Of the first failure; of the opening where nothing of ours failed.
        results: The last of each check.
        trace_id: Of the failing probe; empty where there is none.
        measured: What is asked of Prometheus, by name, without its answer.
        panels: What a panel of Grafana shows, and its link.
        shows_bodies: Whether what targets answered may be shown.
    """

    incident: str
    number: int
    part: int
    service: str
    at: datetime
    failed_at: datetime
    results: tuple[CheckResult, ...]
    trace_id: str
    measured: tuple[Measure, ...]
    panels: Mapping[str, str] = field(default_factory=dict)
    shows_bodies: bool = True

    @property
    def since(self) -> datetime:
        return self.failed_at - BEFORE


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """
    What the sources gave; None where one is not configured or there is nothing to ask it for.

    Attributes:
        measures: As in the scene, with their answers.
        panels: What it shows, its link and its image.
    """

    seconds: float
    measures: tuple[Found[Measure], ...] = ()
    trace_lines: Found[LogLines] | None = None
    service_lines: Found[LogLines] | None = None
    trace: Found[Arrival] | None = None
    panels: tuple[tuple[str, str, Found[bytes]], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """
    Attributes:
        lines: In Markdown, what others wrote in them escaped.
        block: What others wrote, shown as it is and as nothing but text.
        missing: Why it is not there, or not whole.
    """

    title: str
    lines: tuple[str, ...] = ()
    block: tuple[str, ...] = ()
    missing: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """
    Attributes:
        summary: A few lines for a channel, of our own words and numbers.
    """

    sections: tuple[Section, ...]
    summary: str
    attachments: tuple[Attachment, ...] = field(default=(), repr=False)

    @property
    def missing(self) -> dict[str, str]:
        """What is missing, and why."""
        return {section.title: section.missing for section in self.sections if section.missing}


def beginning_of(case: Case) -> datetime | None:
    """When it opened or was reopened, steady timeline, if no evidence was gathered since; None if there was."""
    for event in reversed(case.events):
        if event.name == GATHERED:
            return None
        if event.name in _BEGINNINGS:
            return event.at
    return None


def bundle(scene: Scene, gathered: Gathered, hide: Hide) -> Bundle:
    """*hide*: takes secrets out of a text."""
    stem = f"-evidence-{scene.part}" if scene.part > 1 else "-evidence"
    files: list[Attachment] = []
    sections = [
        _results(scene, hide),
        *([_bodies(scene, hide)] if scene.shows_bodies else []),
        _numbers(scene, gathered, stem, files, hide),
        _logs("Logs of the failing probe", scene, gathered.trace_lines, f"{stem}-trace.log", files, hide),
        _logs(f"Logs of {scene.service}", scene, gathered.service_lines, f"{stem}-service.log", files, hide),
        _trace(scene, gathered.trace, hide),
        _panels(gathered, stem, files, hide),
    ]
    told = [section for section in sections if section is not None]
    made = Bundle(sections=tuple(told), summary="", attachments=tuple(files))
    return replace(made, summary=_summary(made, scene, gathered))


def markdown(found: Bundle) -> str:
    """As a part of a ticket, headings of the third rank."""
    lines: list[str] = []
    for section in found.sections:
        lines += ["", f"### {clipped(section.title)}", ""]
        lines += [f"- {line}" for line in section.lines]
        if section.missing:
            lines.append(f"- **missing**: {clipped(section.missing)}")
        if section.block:
            lines += ["", *fenced(section.block)] if section.lines or section.missing else fenced(section.block)
    if found.attachments:
        names = ", ".join(f"`{attachment.name}`" for attachment in found.attachments)
        lines += ["", f"Files: {names}"]
    return "\n".join(lines).strip("\n") + "\n"


def _results(scene: Scene, hide: Hide) -> Section:
    lines: list[str] = []
    for result in scene.results[:CHECKS_SHOWN]:
        lines += _result_lines(result, hide)
    if (more := len(scene.results) - CHECKS_SHOWN) > 0:
        lines.append(f"and {more} more checks")
    missing = "" if lines else "no check has been asked yet"
    return Section(title="Last results", lines=tuple(lines), missing=missing)


def _result_lines(result: CheckResult, hide: Hide) -> Iterator[str]:
    for place, attempt in enumerate(result.attempts):
        again = f", asked again ({place})" if place else ""
        why = f": {attempt.reason}: {clipped(hide(attempt.detail))}" if attempt.reason else ""
        yield f"{clipped(result.check)}{again} {attempt.outcome}{why}{_status(attempt)}; {_phases(attempt)}"


def _status(attempt: Attempt) -> str:
    return f", status {attempt.status}" if attempt.status is not None else ""


def _phases(attempt: Attempt) -> str:
    """`name 1 ms, connect 2 ms, first byte 512 ms`, the phases that took any time."""
    timings = attempt.timings
    if timings is None:
        return "no timings" if attempt.latency is None else f"{attempt.latency * 1000:.0f} ms"
    named = {
        "name lookup": timings.name_lookup,
        "connect": timings.connect,
        "TLS": timings.tls,
        "first byte": timings.first_byte,
        "transfer": timings.transfer,
    }
    parts = [f"{name} {seconds * 1000:.3g} ms" for name, seconds in named.items() if seconds > 0]
    return ", ".join(parts) or "no time in any phase"


def _bodies(scene: Scene, hide: Hide) -> Section | None:
    """What checks answered that are not well: of the others no body is kept."""
    block: list[str] = []
    for result in scene.results[:CHECKS_SHOWN]:
        for attempt in result.attempts[-1:]:
            if attempt.body_excerpt:
                block += [f"{result.check}:", *hide(attempt.body_excerpt).splitlines()]
    return Section(title="What failing checks answered", block=tuple(block)) if block else None


def _numbers(scene: Scene, gathered: Gathered, stem: str, files: list[Attachment], hide: Hide) -> Section:
    if not scene.measured:
        why = "no Prometheus, or no traffic of the service, is configured"
        return Section(title="Traffic against its baseline", missing=why)
    pairs = list(zip(scene.measured, gathered.measures, strict=True))
    found = [answer.value for _, answer in pairs if answer.value is not None]
    problems = [f"{asked.name}: {hide(answer.problem)}" for asked, answer in pairs if answer.value is None]
    problems += [f"{measure.name}: Prometheus has no data" for measure in found if not measure.points]
    lines = [described(measure) for measure in found if measure.points]
    lines += [f"PromQL of {asked.name}: {code(query)}" for asked, _ in pairs for query in asked.queries]
    drawable = tuple(measure for measure in found if measure.points)
    if drawable:
        title = f"{reference(scene.number)} {scene.service}, first failure {utc(scene.failed_at)}"
        drawn = picture_of(title, drawable, scene.since, scene.at, scene.failed_at)
        files.append(Attachment(f"{stem}-traffic.svg", "image/svg+xml", svg(drawn)))
        files.append(Attachment(f"{stem}-traffic.png", "image/png", png(drawn)))
    return Section(title="Traffic against its baseline", lines=tuple(lines), missing="; ".join(problems))


def _logs(
    title: str, scene: Scene, found: Found[LogLines] | None, suffix: str, files: list[Attachment], hide: Hide
) -> Section | None:
    if found is None:
        return None
    if found.value is None:
        return Section(title=title, missing=f"Loki: {hide(found.problem)}")
    logs = found.value
    tried = tuple(f"{code(query)}: {clipped(hide(came))}" for query, came in logs.tried)
    window = f"{utc_time(scene.failed_at - LOGS_BEFORE)} to {utc_time(scene.at)}"
    if not logs.lines:
        return Section(
            title=title, lines=(*tried, f"{code(logs.query)}: no line, {window}"), missing="Loki has no line"
        )
    shown = [_log_line(line, hide) for line in logs.lines]
    files.append(Attachment(suffix, "text/plain", ("\n".join(shown) + "\n").encode("utf-8", "replace")))
    count = f"{code(logs.query)}: {len(shown)} lines, {window}"
    if len(shown) > LINES_SHOWN:
        count += f"; the newest {LINES_SHOWN} of them here"
    return Section(title=title, lines=(*tried, count), block=tuple(shown[-LINES_SHOWN:]))


def _log_line(line: LogLine, hide: Hide) -> str:
    text = hide(line.text)
    if line.cut:
        # A secret may have been cut in the middle, and half of one is not found.
        text = text[: max(0, len(text) - 1_000)] + "…"
    return f"{line.at:%H:%M:%S.%f}"[:-3] + f" {clipped(text, escaped=False)}"


def _trace(scene: Scene, found: Found[Arrival] | None, hide: Hide) -> Section | None:
    title = "Trace of the failing probe"
    if found is None:
        return None
    if found.value is None:
        return Section(title=title, missing=f"Tempo: {hide(found.problem)}")
    trace, asked = found.value.trace, found.value.asked
    if trace is None:
        why = f"trace {scene.trace_id} has not arrived in Tempo, asked {asked} times in {found.seconds:.1f} s"
        return Section(title=title, missing=why)
    services = ", ".join(f"{clipped(hide(name)) or 'unnamed'} {count}" for name, count in trace.services)
    line = f"trace {scene.trace_id} has arrived with {trace.count} spans: {services}"
    block = [hide(_span_line(span)) for span in trace.spans]
    return Section(title=title, lines=(line,), block=tuple(block))


def _span_line(span: Span) -> str:
    failed = "failed  " if span.failed else ""
    return f"{span.seconds * 1000:9.1f} ms  {failed}{span.service or 'unnamed'}  {span.name}"


def _panels(gathered: Gathered, stem: str, files: list[Attachment], hide: Hide) -> Section | None:
    if not gathered.panels:
        return None
    lines, problems = [], []
    for name, link, image in gathered.panels:
        lines.append(f"{name}: {link}")
        if image.value is not None:
            files.append(Attachment(f"{stem}-panel-{name}.png", "image/png", image.value))
        else:
            problems.append(f"image of {name}: {hide(image.problem)}")
    return Section(title="Grafana", lines=tuple(lines), missing="; ".join(problems))


def _summary(found: Bundle, scene: Scene, gathered: Gathered) -> str:
    """Without a word that a target or a source chose."""
    lines = [f"evidence gathered in {gathered.seconds:.2f} s"]
    lines += [described(answer.value) for answer in gathered.measures if answer.value and answer.value.points]
    for name, logs in (("probe", gathered.trace_lines), ("service", gathered.service_lines)):
        if logs is not None and logs.value is not None:
            lines.append(f"{len(logs.value.lines)} log lines of the {name}")
    if gathered.trace is not None and (arrival := gathered.trace.value) is not None:
        arrived = "has not arrived" if arrival.trace is None else f"has arrived with {arrival.trace.count} spans"
        lines.append(f"trace {scene.trace_id} {arrived} in Tempo")
    lines += [f"{name}: {link}" for name, link, _ in gathered.panels]
    if found.missing:
        lines.append(f"missing: {', '.join(found.missing)}")
    return "\n".join(lines)
