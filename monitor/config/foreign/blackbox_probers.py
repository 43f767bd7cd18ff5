"""The probers of blackbox_exporter besides http."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from monitor.config.foreign.module import Check, Module, nodes
from monitor.config.foreign.place import Place, Refused, scalar
from monitor.config.foreign.plan import Written

_GROUP: Final = re.compile(r"\$\$(?:\$\$|\{(\d)\}|(\d)(?!\w))?")
_SECTIONS: Final = {
    "validate_answer_rrs": "answer",
    "validate_authority_rrs": "authority",
    "validate_additional_rrs": "additional",
}
_RULES: Final = {
    "fail_if_matches_regexp": "none",
    "fail_if_not_matches_regexp": "all",
    "fail_if_none_matches_regexp": "any",
}


def _tcp(module: Module) -> Check:
    check: Check = {"tcp": module.target}
    script = [written for place in module.items("query_response") for written in _steps(place)]
    starts = any(isinstance(step, dict) and "starttls" in step for step in script)
    if script:
        check["script"] = script
    if module.flag("tls") or starts:
        check["tls"] = module.tls("name") or {"verify": "true"}
    _source(module)
    module.leave_out_others("query_response", "tls", "tls_config", "source_ip_address")
    return check


def _steps(place: Place) -> list[Written]:
    """One entry of theirs is up to three steps, in this order."""
    steps: list[Written] = []
    if (expect := place.get("expect")) and (pattern := expect.text()):
        steps.append({"expect": scalar(expect, pattern)})
    if (send := place.get("send")) and (text := send.text()) is not None:
        # Groups are of the expression of the same entry; without one a dollar sign is a dollar sign.
        line = _filled(text) if expect else text.replace("$$", "$$$$")
        steps.append({"send": scalar(send, f"{line}\n")})
    if place.flag("starttls"):
        steps.append({"starttls": "true"})
    place.tell_others(("expect", "send", "starttls"))
    return steps


def _filled(text: str) -> str:
    """`${1}` is `$1` in a script of ours, where `$$` is a dollar sign; and each is doubled for the reader."""

    def group(found: re.Match[str]) -> str:
        number = found[1] or found[2]
        return f"${number}" if number and number != "0" else "$$$$"

    return _GROUP.sub(group, text)


def _dns(module: Module) -> Check:
    name = module.get("query_name")
    if name is None:
        raise Refused(module.place, "has no query_name", "blackbox_exporter would not start with it.")
    asked: Check = {"server": module.target, "name": scalar(name, name.text() or "")}
    kind = module.get("query_type")
    asked["type"] = scalar(kind, (kind.text() or "ANY").upper()) if kind else "ANY"
    if module.string("query_class").upper() == "CH":
        asked["chaos"] = "true"
    elif module.string("query_class").upper() not in ("", "IN"):
        raise Refused(module.place, "asks in another class than IN and CH", "Leave it.")
    if module.string("recursion_desired") == "false":
        asked["recursion"] = "false"
    secured = module.flag("dns_over_tls")
    transport = module.get("transport_protocol")
    if transport is not None and module.string("transport_protocol").startswith("tcp") and not secured:
        asked["transport"] = "tcp"
    # Said also where it is the default: else a record would be demanded.
    asked["rcode"] = nodes((place, text.upper()) for place, text in module.texts("valid_rcodes")) or "NOERROR"
    for theirs, ours in _SECTIONS.items():
        if (section := module.get(theirs)) and (rules := _records(section)):
            asked[ours] = rules
    check: Check = {"dns": asked}
    if secured:
        check["tls"] = module.tls("name") or {"verify": "true"}
    _source(module)
    module.leave_out_others(
        "query_name", "query_type", "query_class", "recursion_desired", "dns_over_tls", "transport_protocol",
        "valid_rcodes", "tls_config", "source_ip_address", *_SECTIONS,
    )  # fmt: skip
    return check


def _records(section: Place) -> dict[str, Written]:
    rules: dict[str, Written] = {}
    for theirs, ours in _RULES.items():
        given = section.get(theirs)
        patterns = [(place, text) for place in given.items() if (text := place.text())] if given else []
        if patterns:
            rules[ours] = nodes(patterns)
    if together := section.get("fail_if_all_match_regexp"):
        together.leave_out("is not carried over", "Write what one record must be under any:.")
    section.tell_others((*_RULES, "fail_if_all_match_regexp"))
    return rules


def _icmp(module: Module) -> Check:
    for key in ("ttl", "dont_fragment", "payload_size"):
        if part := module.get(key):
            part.leave_out("is not carried over", "One echo of 56 bytes is sent.")
    _source(module)
    module.leave_out_others("ttl", "dont_fragment", "payload_size", "source_ip_address")
    return {"icmp": module.target}


def _grpc(module: Module) -> Check:
    asked: Check = {"target": module.target}
    if service := module.get("service"):
        asked["service"] = scalar(service, service.text() or "")
    check: Check = {"grpc": asked}
    if module.flag("tls"):
        check["tls"] = module.tls() or {"verify": "true"}
    module.leave_out_others("service", "tls", "tls_config")
    return check


def _source(module: Module) -> None:
    if source := module.get("source_ip_address"):
        source.leave_out("is not carried over", "Which address is ours is the system's to say.")


PROBERS: Final[Mapping[str, Callable[[Module], Check]]] = {"tcp": _tcp, "dns": _dns, "icmp": _icmp, "grpc": _grpc}
