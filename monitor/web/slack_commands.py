"""
What can be typed in Slack: `/incident ack 7`. Each command is carried out as the API does, by the name of whoever typed
it, and answered in words for them alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from monitor.core.reference import plain_reference
from monitor.web.bodies import BY, Field, check_fields
from monitor.web.desk import Desk, DeskRefusal
from monitor.web.documents import IncidentDocument
from monitor.web.problems import HttpProblem
from monitor.web.slack import Typed

LISTED: Final = 20
ROLES: Final = {"ic": "incident_commander"}
"""Short for a role; any other is named as in `contacts`."""
HELP: Final = "\n".join(
    (
        "list: the incidents that are open",
        "ack ID: you take it",
        "role ID ic|scribe|ROLE NAME: NAME has the role from now on",
        "note ID TEXT: a line in its timeline",
        "update ID TEXT: everybody is told this now, instead of the draft",
        "mitigated ID: the harm is over, and recovery is watched on",
        "resolve ID WHY: it is over",
        "help: this",
    )
)

_NOTE: Final = (*BY, Field(name="text", limit=4000, lines=True))
_WHY: Final = (*BY, Field(name="why", limit=4000, lines=True))
_ROLE: Final = (*BY, Field(name="role"), Field(name="holder"))


class _Wrong(Exception):
    """What was typed is no command, in words."""


@dataclass(frozen=True, slots=True)
class _Command:
    """
    Attributes:
        run: Gives the words to answer with, from what was typed behind the command's name.
    """

    usage: str
    run: Callable[[Desk, str, str], Awaitable[str]]


async def answer(desk: Desk, typed: Typed) -> str:
    name, _, rest = typed.text.partition(" ")
    command = COMMANDS.get(name.lower() or "list")
    if command is None:
        close = get_close_matches(name.lower(), COMMANDS, n=1)
        known = f"There is no {name[:40]}. Did you mean {close[0]}?" if close else f"There is no {name[:40]}."
        return f"{known}\n{HELP}"
    try:
        return await command.run(desk, typed.by, rest.strip())
    except _Wrong as wrong:
        return f"{wrong}\n{command.usage}"
    except DeskRefusal as refusal:
        return refusal.detail
    except HttpProblem as problem:
        return "; ".join([problem.detail, *(f"{error.field} is {error.found}" for error in problem.errors)])


async def _list(desk: Desk, _by: str, _rest: str) -> str:
    found = await asyncio.to_thread(desk.incidents, "live", LISTED + 1)
    if not found:
        return "No incident is open."
    lines = [_line(incident) for incident in found[:LISTED]]
    return "\n".join([*lines, "and more: monitor incident list"] if len(found) > LISTED else lines)


async def _acknowledge(desk: Desk, by: str, rest: str) -> str:
    ref, more = _reference(rest)
    if more:
        raise _Wrong("Behind the number there is too much.")
    return f"You have it: {_line(await desk.acknowledge(ref, _checked(BY, by=by)['by']))}"


async def _assign(desk: Desk, by: str, rest: str) -> str:
    ref, more = _reference(rest)
    role, _, holder = more.partition(" ")
    if not holder.strip():
        raise _Wrong("Who is to have which role?")
    values = _checked(_ROLE, by=by, role=ROLES.get(role.lower(), role), holder=holder)
    incident = await desk.assign(ref, values["by"], values["role"], values["holder"])
    return f"{values['holder']} is {values['role']}: {_line(incident)}"


async def _note(desk: Desk, by: str, rest: str) -> str:
    ref, more = _reference(rest)
    if not more:
        raise _Wrong("What is to be noted?")
    values = _checked(_NOTE, by=by, text=more)
    return f"Noted: {_line(await desk.note(ref, values['by'], values['text']))}"


async def _update(desk: Desk, by: str, rest: str) -> str:
    ref, more = _reference(rest)
    if not more:
        raise _Wrong("What is to be told?")
    values = _checked(_NOTE, by=by, text=more)
    return f"Told: {_line(await desk.send_update(ref, values['by'], values['text']))}"


async def _mitigated(desk: Desk, by: str, rest: str) -> str:
    ref, more = _reference(rest)
    if more:
        raise _Wrong("Behind the number there is too much.")
    return f"Mitigated: {_line(await desk.mitigated(ref, _checked(BY, by=by)['by']))}"


async def _resolve(desk: Desk, by: str, rest: str) -> str:
    ref, more = _reference(rest)
    if not more:
        raise _Wrong("Why is it over?")
    values = _checked(_WHY, by=by, why=more)
    return f"Resolved: {_line(await desk.resolve(ref, values['by'], values['why']))}"


async def _help(_desk: Desk, _by: str, _rest: str) -> str:
    return HELP


COMMANDS: Final = {
    "list": _Command("list", _list),
    "ack": _Command("ack ID", _acknowledge),
    "role": _Command("role ID ic|scribe|ROLE NAME", _assign),
    "note": _Command("note ID TEXT", _note),
    "update": _Command("update ID TEXT", _update),
    "mitigated": _Command("mitigated ID", _mitigated),
    "resolve": _Command("resolve ID WHY", _resolve),
    "help": _Command("help", _help),
}


def _reference(rest: str) -> tuple[str, str]:
    """Which incident, and what else was typed."""
    written, _, more = rest.partition(" ")
    ref = plain_reference(written)
    if len(ref) > 40 or not (ref.isascii() and ref.isalnum()):
        raise _Wrong("Which incident? Its number is in list.")
    return ref, more.strip()


def _checked(fields: tuple[Field, ...], **values: object) -> dict[str, str]:
    """As the API checks them."""
    return check_fields(values, fields)


def _line(incident: IncidentDocument) -> str:
    taken = f", acknowledged by {incident['acknowledged_by']}" if incident["acknowledged_by"] else ""
    severity = incident["severity"] or "no severity"
    return f"{incident['reference']} {severity} {incident['service']}: {incident['state']}{taken}: {incident['reason']}"
