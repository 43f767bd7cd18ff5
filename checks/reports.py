"""How programs say how it went: as a Nagios plugin does, as a JUnit report, or in the Test Anything Protocol. Total."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from checks.urls import clip

if TYPE_CHECKING:
    from xml.etree import ElementTree

_MOST_FACTS: Final = 32
_MOST_NAMED: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """
    Attributes:
        failed, unknown: Why it is not ok; both empty when it is.
        told: Whether that is in the program's own words.
        facts: Numbers that it gave.
    """

    failed: str = ""
    unknown: str = ""
    told: bool = False
    warnings: tuple[str, ...] = ()
    facts: Mapping[str, float] = field(default_factory=dict)


# -- Nagios plugins (monitoring-plugins.org, Development Guidelines) --------------------------------------------------

_PERFORMANCE: Final = re.compile(r"(?:'((?:[^']|'')+)'|([^\s'=]+))=(-?[0-9]+(?:\.[0-9]+)?)([a-zA-Z%]*)")


def nagios(output: str, status: int) -> Report:
    """0 is ok, 1 a warning, 2 a failure, and what else it ends with says that it could not tell."""
    said, _, performance = output.partition("|")
    text = clip(next((line.strip() for line in said.splitlines() if line.strip()), f"ended with status {status}"))
    facts = {}
    for quoted, bare, number, unit in _PERFORMANCE.findall(performance)[:_MOST_FACTS]:
        facts[clip(quoted or bare, 60) + (f"_{unit}" if unit else "")] = float(number)
    if status == 0:
        return Report(facts=facts)
    if status == 1:
        return Report(warnings=(text,), facts=facts)
    return Report(failed=text, told=True, facts=facts) if status == 2 else Report(unknown=text, told=True, facts=facts)


# -- JUnit ------------------------------------------------------------------------------------------------------------


def junit(output: str, status: int) -> Report:
    """A report on its standard output, whatever stands before and after it."""
    from xml.etree import ElementTree  # the config reads this module's names, and most configs have no such check

    begin, end = output.find("<testsuite"), output.rfind(">")
    try:
        root = ElementTree.fromstring(output[begin : end + 1]) if begin >= 0 else None  # noqa: S314 - expat bounds entities
    except ElementTree.ParseError as error:
        return Report(failed=f"wrote no JUnit report that can be read: {error}")
    if root is None:
        return Report(failed=f"ended with status {status} and wrote no JUnit report")
    cases = list(root.iter("testcase"))
    broken = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    skipped = sum(case.find("skipped") is not None for case in cases)
    facts = {"tests": float(len(cases)), "failures": float(len(broken)), "skipped": float(skipped)}
    if broken:
        return _broken([_case(case) for case in broken], len(cases), facts)
    return _sum_of(len(cases), status, facts)


def _case(case: ElementTree.Element) -> str:
    name = ".".join(filter(None, (case.get("classname"), case.get("name")))) or "a test without a name"
    found = case.find("failure")
    found = found if found is not None else case.find("error")
    why = (found.get("message") or found.text or "").strip() if found is not None else ""
    return clip(name, 80) + (f" ({clip(why.splitlines()[0], 80)})" if why else "")


# -- TAP (testanything.org, versions 12 to 14) ------------------------------------------------------------------------

_PLAN: Final = re.compile(r"^1\.\.(\d{1,9})(?:\s*#\s*(.*))?$")
_TEST: Final = re.compile(r"^(not )?ok\b(?:\s+(\d+))?\s*(?:-\s+)?(.*)$")
_DIRECTIVE: Final = re.compile(r"(?<!\\)#\s*(todo|skip)\b", re.IGNORECASE)
_BAIL: Final = re.compile(r"^Bail out!\s*(.*)$", re.IGNORECASE)


def tap(output: str, status: int) -> Report:
    """Tests of the outermost level count; one that is still to do may fail."""
    planned: int | None = None
    tests, broken, skipped = 0, [], 0
    for line in _lines(output):
        if bail := _BAIL.match(line):
            return Report(failed=f"bailed out: {clip(bail[1]) or 'without a reason'}", told=True)
        if plan := _PLAN.match(line):
            planned = int(plan[1])
        elif test := _TEST.match(line):
            tests += 1
            directive = _DIRECTIVE.search(test[3])
            if directive is not None:
                skipped += directive[1].lower() == "skip"
            elif test[1]:
                broken.append(clip(f"{test[2] or tests} {test[3]}".strip(), 80))
    facts = {"tests": float(tests), "failures": float(len(broken)), "skipped": float(skipped)}
    if broken:
        return _broken(broken, tests, facts)
    if planned is None and not tests:
        return Report(failed=f"ended with status {status} and wrote no TAP", facts=facts)
    if planned is None or planned != tests:
        wanted = "no plan" if planned is None else f"a plan of {planned}"
        return Report(failed=f"ran {tests} tests and had {wanted}", told=True, facts=facts)
    return _sum_of(tests, status, facts, may_be_none=True)


def _lines(output: str) -> Iterator[str]:
    for line in output.splitlines():
        if line[:1] not in (" ", "\t", "#"):  # what is indented belongs to a test within a test, or explains one
            yield line.rstrip()


# -- both -------------------------------------------------------------------------------------------------------------


def _broken(names: list[str], tests: int, facts: Mapping[str, float]) -> Report:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    text = f"{len(names)} of {tests} tests failed: {', '.join(names[:_MOST_NAMED])}{more}"
    return Report(failed=text, told=True, facts=facts)


def _sum_of(tests: int, status: int, facts: Mapping[str, float], may_be_none: bool = False) -> Report:
    """No test failed; that alone is not well."""
    if not tests and not may_be_none:
        return Report(failed="ran no test", told=True, facts=facts)
    if status:
        return Report(failed=f"ended with status {status}, though none of {tests} tests failed", facts=facts)
    return Report(facts=facts)
