"""
Probes that somebody asks for now, of a target that no check has: blackbox_exporter's. They wait for no slot, are asked
once and for no excuse, and leave nothing behind.

A name is looked up first and one address of it is asked, as blackbox_exporter does: what is told of the address is
then true of the answer.
"""

from __future__ import annotations

import socket
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from time import monotonic
from typing import Any, Final

import msgspec

from checks.blackbox import dns, grpc, http, icmp, tcp
from checks.blackbox.modules import Module
from checks.blackbox.said import Said, address_hash
from checks.blackbox.targets import NoTarget, Target, target_of
from checks.urls import clip
from monitor.probing.alarms import Alarms
from monitor.probing.asking import USER_AGENT
from monitor.probing.engine import Engine
from monitor.probing.names import unresolved
from monitor.probing.resolver import Found, Resolver
from monitor.probing.wire import Asked, Demand

MOST_AT_ONCE: Final = 150
_LOOKUPS_AT_ONCE: Final = 64
"""Each is a thread, and one that hangs in the resolver outlives its probe. More names than this wait for their turn."""
_OURS: Final = (("User-Agent", USER_AGENT),)

_REQUESTS: Final[dict[str, Callable[[Module, Target, str, float], Any]]] = {
    "http": http.request, "tcp": tcp.request, "dns": dns.request, "icmp": icmp.request, "grpc": grpc.request,
}  # fmt: skip
_BEGIN: Final[dict[str, Callable[[Said], None]]] = {
    "http": http.begin, "tcp": tcp.begin, "dns": dns.begin, "icmp": icmp.begin, "grpc": grpc.begin,
}  # fmt: skip
_SAY: Final[dict[str, Callable[[Module, float, Any, Said], None]]] = {
    "http": http.say,
    "tcp": lambda module, _, answer, said: tcp.say(module, answer, said),
    "dns": dns.say,
    "icmp": lambda _, resolved, answer, said: icmp.say(resolved, answer, said),
    "grpc": grpc.say,
}


@dataclass(slots=True)
class _Probe:
    """Instants are monotonic seconds."""

    number: int
    module: Module
    target: Target
    said: Said
    begun: float
    deadline: float
    resolved: float = 0.0


class OnDemand:
    """
    Args:
        seconds: Of the steady timeline, which is what *alarms* go by.
        answer: Called once for each demand.
    """

    def __init__(
        self, engine: Engine, alarms: Alarms, seconds: Callable[[], float], answer: Callable[[Asked], None]
    ) -> None:
        self._engine = engine
        self._alarms = alarms
        self._seconds = seconds
        self._answer = answer
        self._resolver = Resolver(engine)
        self._under_way: dict[int, _Probe] = {}
        self._unnamed: deque[_Probe] = deque()

    def begin(self, demand: Demand) -> None:
        """Never raises: what goes wrong is answered."""
        now = monotonic()
        said = Said()
        try:
            module = msgspec.msgpack.decode(demand.module, type=Module)
            _BEGIN[module.prober](said)
            probe = _Probe(demand.number, module, Target("", None), said, now, now + demand.timeout)
            self._under_way[demand.number] = probe
            if len(self._under_way) > MOST_AT_ONCE:
                raise OverflowError
            probe.target = target_of(module, demand.target)
        except NoTarget as error:
            said.fail(str(error))
            self._end(demand.number)
        except OverflowError:
            self._end(demand.number, f"{MOST_AT_ONCE} probes are under way, and no more than that are made at once")
        except Exception as error:
            self._end(demand.number, _bug(error))
        else:
            self._guarded(demand.number, partial(self._look_up, probe))

    def _look_up(self, probe: _Probe) -> None:
        of = probe.module.http
        if of is not None and of.proxy and not of.resolve:
            self._ask(probe, "")
            return
        host = probe.target.host
        try:
            found = Found(None, ((_family(host), host),))
        except ValueError:
            self._unnamed.append(probe)
            late = self._seconds() + probe.deadline - monotonic()
            self._alarms.at(late, partial(self._found_by_name, probe, Found(socket.EAI_AGAIN)))
            self._look_up_next()
        else:
            self._found(probe, found)

    def _look_up_next(self) -> None:
        while self._unnamed and self._resolver.running < _LOOKUPS_AT_ONCE:
            probe = self._unnamed.popleft()
            if probe.number in self._under_way:
                self._resolver.ask(probe.target.host, partial(self._looked_up, probe))

    def _looked_up(self, probe: _Probe, found: Found) -> None:
        self._look_up_next()
        self._found_by_name(probe, found)

    def _found_by_name(self, probe: _Probe, found: Found) -> None:
        # What comes second is too late: the alarm, or the resolver.
        if probe.resolved == 0.0:
            self._guarded(probe.number, partial(self._found, probe, found))

    def _found(self, probe: _Probe, found: Found) -> None:
        module, said = probe.module, probe.said
        probe.resolved = max(monotonic() - probe.begun, 1e-9)
        said.put("probe_dns_lookup_time_seconds", probe.resolved)
        said.put("probe_ip_protocol", 0)
        said.put("probe_ip_addr_hash", 0)
        address = _chosen(found, module)
        if address is None:
            if module.http is not None:
                said.phases("probe_http_duration_seconds", resolve=probe.resolved)
            said.fail(_unfound(probe.target.host, found, module))
            self._end(probe.number)
            return
        said.put("probe_ip_protocol", 6 if ":" in address else 4)
        said.put("probe_ip_addr_hash", address_hash(address))
        said.log.append(f"{clip(probe.target.host)} is {address}")
        self._ask(probe, address)

    def _ask(self, probe: _Probe, address: str) -> None:
        left = max(0.001, probe.deadline - monotonic())
        request = _REQUESTS[probe.module.prober](probe.module, probe.target, address, left)
        done = partial(self._answered, probe)
        self._engine.submit(request, lambda answer: self._guarded(probe.number, partial(done, answer)), _OURS)

    def _answered(self, probe: _Probe, answer: Any) -> None:
        _SAY[probe.module.prober](probe.module, probe.resolved, answer, probe.said)
        self._end(probe.number)

    def _end(self, number: int, error: str = "") -> None:
        probe = self._under_way.pop(number, None)
        if probe is None:
            self._answer(Asked(number, False, 0.0, (), (), error))
            return
        said = probe.said
        self._answer(Asked(number, said.success, monotonic() - probe.begun, said.samples, tuple(said.log), error))

    def _guarded(self, number: int, act: Callable[[], None]) -> None:
        if number not in self._under_way:
            return
        try:
            act()
        except Exception as error:
            self._end(number, _bug(error))


def _family(host: str) -> socket.AddressFamily:
    """Of an address. Raises ValueError for a name."""
    return socket.AF_INET6 if ip_address(host).version == 6 else socket.AF_INET


def _chosen(found: Found, module: Module) -> str | None:
    wanted = socket.AF_INET6 if module.ip == 6 else socket.AF_INET
    of_wanted = [address for family, address in found.addresses if family == wanted]
    others = [address for _, address in found.addresses] if module.fallback else []
    return next(iter([*of_wanted, *others]), None)


def _unfound(host: str, found: Found, module: Module) -> str:
    if found.addresses:
        return f"{clip(host)} has no address of IPv{module.ip}"
    return unresolved(host, found.verdict).detail


def _bug(error: Exception) -> str:
    # The place and not the text: what an unforeseen error quotes could be a secret.
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"an error of our own, {type(error).__name__} at {Path(place.filename).name}:{place.lineno}"
