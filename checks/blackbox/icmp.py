"""The icmp prober of blackbox_exporter."""

from __future__ import annotations

from checks.blackbox.modules import Module
from checks.blackbox.said import Said
from checks.blackbox.targets import Target, bracketed
from checks.datagram import EchoAnswer, EchoRequest


def request(module: Module, _target: Target, ip: str, timeout: float) -> EchoRequest:
    icmp = module.icmp
    assert icmp is not None  # as the module is of this prober
    return EchoRequest(
        url=f"icmp://{bracketed(ip)}",
        timeout=timeout,
        payload=icmp.payload,
        hop_limit=icmp.ttl,
        fragment=not icmp.dont_fragment,
        source=icmp.source,
    )


def begin(said: Said) -> None:
    said.phases("probe_icmp_duration_seconds", resolve=0, setup=0, rtt=0)


def say(resolved: float, answer: EchoAnswer, said: Said) -> None:
    """What it takes to set up a socket is a part of the way there and back here."""
    spent = answer.timings
    came = answer.error is None and spent is not None
    rtt = spent.total - spent.name_lookup if came and spent is not None else 0
    said.phases("probe_icmp_duration_seconds", resolve=resolved, setup=0, rtt=rtt)
    if answer.error is not None:
        said.fail(answer.error.detail)
        return
    said.success = True
    said.log.append("its echo came")
    if answer.hop_limit is not None:
        said.put("probe_icmp_reply_hop_limit", answer.hop_limit)
