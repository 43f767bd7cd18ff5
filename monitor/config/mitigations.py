"""Mitigations: what can be done about a service, checked against what could speak for it."""

from __future__ import annotations

import shutil

from monitor.config.problems import Path
from monitor.config.reading import Reading
from monitor.config.shape.service import MitigationShape, ServiceShape, When
from monitor.core.mitigations import Measure, Mitigation, RunBy


def enforce(service: ServiceShape, path: Path, reading: Reading) -> None:
    """
    Args:
        path: Of `mitigations`.
    """
    for name, written in (service.mitigations or {}).items():
        here: Path = (*path, name)
        run_rules(written, here, reading)
        _condition(service, written.when or When(), (*here, "when"), reading)


def run_rules(written: MitigationShape, here: Path, reading: Reading) -> None:
    """That there is a command, and what it must not hold."""
    path: Path = (*here, "run")
    if written.run is None and not reading.is_wrong(here):
        reading.tell(path, "is missing", "Add run: [PROGRAM, ARGUMENT].")
    if any(told[: len(path)] == path for told in reading.substituted):
        found = "is filled from the environment, which only the monitor has"
        reading.tell(path, found, "Write it out, as people copy it; let the program itself read what is secret.")
    for argument in (written.run or ())[1:]:
        if argument.startswith(("./", "../")):
            found = "has an argument that is relative to where it is run, which is nowhere in particular"
            reading.tell(path, found, "Write the whole path.")
            return


def _condition(service: ServiceShape, when: When, path: Path, reading: Reading) -> None:
    if when.deployed_within is not None and when.above_baseline is not None:
        reading.tell(path, "has two conditions", "Keep deployed_within or above_baseline.")
        return
    key = when.above_baseline
    if key is None or reading.is_wrong((*path[:2], "traffic")):
        return
    if service.traffic is None or getattr(service.traffic, key) is None:
        found = f"nothing measures {key} of this service"
        reading.tell((*path, "above_baseline"), found, f"Add traffic: {{{key}: PROMQL}} to it.")


def mitigations_of(service: str, written: ServiceShape, reading: Reading) -> tuple[Mitigation, ...]:
    """In the order of the file."""
    return tuple(
        mitigation_of(service, name, mitigation, ("services", service, "mitigations", name), reading)
        for name, mitigation in (written.mitigations or {}).items()
    )


def mitigation_of(service: str, name: str, written: MitigationShape, path: Path, reading: Reading) -> Mitigation:
    program, *arguments = written.run or ("",)
    if "/" in program:
        # Copied or run, it is the same from everywhere.
        program = str(reading.beside(program, (*path, "run")))
    run_by = RunBy(written.run_by or RunBy.COPY)
    # Of the others nothing is known here: people copy it to where they work, and the unit may see what we may not.
    if run_by is RunBy.DAEMON and program and shutil.which(program) is None:
        found = "names no program that we may run"
        reading.tell((*path, "run"), found, "Correct the name, or make it executable: chmod +x.")
    when = written.when or When()
    timeout = {} if written.timeout is None else {"timeout": written.timeout.total_seconds()}
    return Mitigation(
        service=service,
        name=name,
        run=(program, *arguments),
        deployed_within=when.deployed_within,
        above_baseline=Measure(when.above_baseline) if when.above_baseline is not None else None,
        run_by=run_by,
        description=written.description or "",
        **timeout,
    )
