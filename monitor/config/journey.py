"""From the `journey` key of a check to its question, and the rules over its steps."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from pydantic import BaseModel, SecretStr

from checks import journey
from checks.check import HttpQuestion
from checks.steps import Step, Take
from checks.templates import Reference, TemplateError, is_json, literal, references, syntax_of
from checks.way import Way
from monitor.config.http_rules import enforce_request, enforce_trust, refuse_keys_of_tls_checks, refuse_name
from monitor.config.problems import Path
from monitor.config.reading import Reading
from monitor.config.shape.check import CheckShape
from monitor.config.shape.journey import JourneyStep
from monitor.config.times import DEFAULT_INTERVAL, default_timeout
from monitor.config.values import meant, show

MOST_STEPS: Final = 20
"""Each is a series of its own in /metrics."""
_NAMED: Final = re.compile(r"\{\{[A-Za-z][A-Za-z0-9_-]*\.[A-Za-z][A-Za-z0-9_-]*\}\}")
_FILLED: Final = ("http", "headers", "body", "bearer", "expect", "warn")
"""Keys in which a value may be named."""


def enforce(steps: Sequence[JourneyStep], check: CheckShape, path: Path, reading: Reading) -> None:
    path = (*path, "journey")
    if not 0 < len(steps) <= MOST_STEPS:
        found = f"has {len(steps)} steps, {MOST_STEPS} at most" if steps else "has no step"
        reading.tell(path, found, "Make several checks of it." if steps else "Write [{name: login, http: URL}, ...].")
    timeout = check.timeout or default_timeout(check.interval or DEFAULT_INTERVAL)
    known: dict[str, list[str]] = {}
    for place, step in enumerate(steps):
        here = (*path, place)
        if step.name in known:
            reading.tell((*here, "name"), "is the name of an earlier step", "Give each step a name of its own.")
        _request(step, here, reading)
        _time(step, timeout, here, reading)
        _Names(known, [later.name for later in steps[place:]], reading).enforce(step, here)
        known.setdefault(step.name, []).extend(step.take or {})


def question_of(steps: Sequence[tuple[JourneyStep, HttpQuestion]]) -> journey.Question:
    """*steps*: each with its question as that of an http check."""
    return journey.Question(steps=tuple(_step(written, question) for written, question in steps))


def _step(written: JourneyStep, question: HttpQuestion) -> Step:
    if written.bearer_file is not None:
        # What is in a file is meant as it stands there.
        *given, (name, token) = question.headers
        question = replace(question, headers=(*given, (name, literal(token))))
    return Step(
        name=written.name,
        question=replace(question, way=replace(question.way or Way(), cookies=True)),
        take=tuple(
            Take(name=name, of=take.of, regex=take.regex, hidden=take.secret is not False)
            for name, take in (written.take or {}).items()
        ),
        always=bool(written.always),
        timeout=written.timeout.total_seconds() if written.timeout else None,
    )


def _request(step: JourneyStep, path: Path, reading: Reading) -> None:
    enforce_request(step, path, reading)
    enforce_trust(step, path, reading)
    refuse_keys_of_tls_checks(step, path, reading)
    refuse_name(step, path, reading)
    for name in step.headers or {}:
        if name.lower() == "cookie":
            fix = "Remove it: what the answer to a step sets is sent along with the steps after it."
            reading.tell((*path, "headers", name), "is set by the journey itself", fix)


def _time(step: JourneyStep, timeout: timedelta, path: Path, reading: Reading) -> None:
    if step.timeout is not None and step.timeout >= timeout:
        found = f"{show(step.timeout)} is not shorter than the check's, {show(timeout)}"
        reading.tell((*path, "timeout"), found, "That one is for all steps together. Leave it out for what is left.")


class _Names:
    """
    Args:
        known: What each step before this one takes.
        later: Names of this step and of those after it.
    """

    def __init__(self, known: dict[str, list[str]], later: list[str], reading: Reading) -> None:
        self._known = known
        self._later = later
        self._reading = reading

    def enforce(self, step: JourneyStep, path: Path) -> None:
        self._address(step.http, (*path, "http"))
        # These may hold a secret, so nothing of them is shown.
        for name, value in (step.headers or {}).items():
            self._text(value, (*path, "headers", name), shown=False)
        if step.bearer is not None:
            self._text(step.bearer.get_secret_value(), (*path, "bearer"), shown=False)
        if step.body is not None and self._text(step.body, (*path, "body"), shown=False):
            self._body(step, (*path, "body"))
        for key, conditions in (("expect", step.expect or ()), ("warn", step.warn or ())):
            for place, condition in enumerate(conditions):
                self._condition(condition, (*path, key, place))
        for inner, text in _texts(step, path):
            # What a variable holds is meant as it is.
            if _NAMED.search(text) and "{{" in self._reading.written(inner):
                fix = f"Values can stand in {', '.join(_FILLED[:-1])} and {_FILLED[-1]}."
                self._reading.tell(inner, "no value of a step can stand here", fix)

    def _text(self, text: str, path: Path, shown: bool) -> bool:
        """Whether it names any, and nothing is wrong with that."""
        try:
            found = references(text)
        except TemplateError as error:
            self._reading.tell(path, error.found, error.fix, error.at if shown else None)
            return False
        unknown = [reference for reference in found if not self._is_known(reference, path, shown)]
        return bool(found) and not unknown

    def _address(self, text: str, path: Path) -> None:
        if not self._text(text, path, shown=True):
            return
        begins = re.search(r"[/?#]|$", text[text.index("://") + 3 :])
        assert begins is not None  # its last alternative takes anything
        first = references(text)[0]
        if first.at[0] < text.index("://") + 3 + begins.start():
            fix = "Let it stand in the path or the query: whom we ask is never a target's to say."
            self._reading.tell(path, "a value of a step names the host", fix, first.at)

    def _body(self, step: JourneyStep, path: Path) -> None:
        body = step.body or ""
        kind = next((value for name, value in (step.headers or {}).items() if name.lower() == "content-type"), "")
        if syntax_of(kind, body) == "json" and not is_json(body):
            found = "is no JSON, which Content-Type says that it is"
            fix = "Let a value stand between quotes, or alone where a number could: it is quoted there if it is text."
            self._reading.tell(path, found, fix)

    def _condition(self, text: str, path: Path) -> None:
        if "{{" not in text:
            return
        from checks.conditions import parse
        from checks.conditions.binding import named

        compared = [*named(parse(text))]
        for found in _NAMED.finditer(text):
            reference = Reference(found[0][2:-2], found.span())
            if reference.name not in compared:
                fix = "Write for example [BODY].id == {{order.id}}, without quotes or a function around it."
                self._reading.tell(path, "a value of a step does not stand alone on its side", fix, reference.at)
                return
            self._is_known(reference, path, shown=True)

    def _is_known(self, reference: Reference, path: Path, shown: bool) -> bool:
        step, _, value = reference.name.partition(".")
        if value in self._known.get(step, ()):
            return True
        if step in self._known:
            found = f"the step {step} takes no {value}"
            fix = meant(value, self._known[step]) if self._known[step] else f"Add take: to the step {step}."
        elif step in self._later:
            found = "a value of this step or of a later one"
            fix = "Name what a step before this one takes."
        else:
            found = "there is no such step before this one"
            fix = meant(step, list(self._known)) if self._known else "The first step can name nothing."
        self._reading.tell(path, found, fix, reference.at if shown else None)
        return False


def _texts(step: JourneyStep, path: Path) -> Iterator[tuple[Path, str]]:
    """Every text of the keys in which no value can be named."""
    for key in step.model_fields_set - {*_FILLED}:
        yield from _inside(getattr(step, key), (*path, key))


def _inside(value: object, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, SecretStr):
        yield path, value.get_secret_value()
    elif isinstance(value, str):
        yield path, value
    elif isinstance(value, BaseModel):
        for key in value.model_fields_set:
            yield from _inside(getattr(value, key), (*path, key))
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _inside(inner, (*path, key))
