"""What gatus asks of a name server, with its conditions, as the key `dns` of a check of ours."""

from __future__ import annotations

import re

from checks.dns_message import RCODES
from monitor.config.foreign.gatus_endpoint import Check, Endpoint, address_of
from monitor.config.foreign.place import Refused, scalar
from monitor.config.foreign.plan import Written


def dns_check(endpoint: Endpoint) -> Check:
    place = endpoint.place
    asked = place.get("dns")
    assert asked is not None  # or it would be no dns endpoint
    name = asked.get("query-name")
    if name is None or not (text := (name.text() or "").strip()):
        raise Refused(asked, "has no query-name", "gatus would not start with it.")
    check: Check = {"server": address_of(endpoint, 53), "name": scalar(name, text)}
    rtype = asked.string("query-type").upper() or "A"
    check["type"] = scalar(asked.get("query-type") or asked, rtype)
    patterns: list[Written] = []
    rcodes: list[Written] = ["NOERROR"]  # said, so that no record is demanded: gatus does not either
    for at, placeholder, operator, value in endpoint.judge_plainly():
        if placeholder == "[DNS_RCODE]" and (found := _rcodes(operator, value)):
            rcodes = [scalar(at, rcode) for rcode in found]
        elif placeholder == "[BODY]" and operator == "==" and (pattern := _record(value, rtype)):
            patterns.append(scalar(at, pattern))
        else:
            at.leave_out("is not carried over", "Write it under dns: {rcode, answer}, with regular expressions.")
    check["rcode"] = rcodes if len(rcodes) > 1 else rcodes[0]
    if patterns:
        check["answer"] = {"any": patterns}
    return {"dns": check}


def _rcodes(operator: str, value: str) -> list[str]:
    any_of = re.fullmatch(r"any\((.*)\)", value)
    named = [word.strip().upper() for word in (any_of[1].split(",") if any_of else [value])]
    return named if operator == "==" and all(word in RCODES for word in named) else []


def _record(value: str, rtype: str) -> str:
    """
    The data of a record as a regular expression over the lines of a zone file; empty where it is not clear.

    Of MX records gatus shows the name alone, and here the preference stands before it.
    """
    pattern = re.fullmatch(r"pat\((.*)\)", value)
    if not pattern and not re.fullmatch(r"[^()\s]+", value):
        return ""
    text = pattern[1] if pattern else value
    inner = ".*".join(re.escape(part) for part in text.removesuffix(".").split("*"))
    # A dollar sign is doubled: our reader takes it for the beginning of a variable.
    return rf"\t{re.escape(rtype)}\t{'[0-9]+ ' if rtype == 'MX' else ''}{inner}\.?$".replace("$", "$$")
