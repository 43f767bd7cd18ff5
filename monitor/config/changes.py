"""What a new configuration changes of the one before: pure, so that what a reload will do can be told and tested."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from checks import journey
from checks.check import Check, Question
from checks.stream import Security
from monitor.config.config import Config

STARTS_WITH = ("state", "listen")
"""Keys of `monitor` that a running daemon cannot leave: it holds the lock of the one and the socket of the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """
    Attributes:
        added, removed, changed: Checks, by identity.
        asked_anew: Those of `changed` whose target is another one, or is asked another question.
        services_added, services_removed: By name.
        keys: What else differs: `contacts`, `tracker`, `monitor.online`, `services.orders.slos`.
        at_next_start: What differs and is not applied.
        authorities: A file of certificates that checks trust holds something else.
    """

    added: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()
    changed: frozenset[str] = frozenset()
    asked_anew: frozenset[str] = frozenset()
    services_added: frozenset[str] = frozenset()
    services_removed: frozenset[str] = frozenset()
    keys: tuple[str, ...] = ()
    at_next_start: tuple[str, ...] = ()
    authorities: bool = False

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed or self.keys or self.authorities)

    @property
    def of_checks(self) -> bool:
        return bool(self.added or self.removed or self.changed)

    def touches(self, *prefixes: str) -> bool:
        """Whether a key is one of *prefixes* or below it."""
        return any(key == prefix or key.startswith(f"{prefix}.") for key in self.keys for prefix in prefixes)

    def touches_services(self, *names: str) -> bool:
        """Whether one of the keys *names* differs of any service that stays."""
        return any(key.startswith("services.") and key.rpartition(".")[2] in names for key in self.keys)

    @property
    def touched(self) -> frozenset[str]:
        """Services that are watched in another way: their checks or their objectives differ."""
        of_checks = {name.partition("/")[0] for name in self.added | self.removed | self.changed}
        of_slos = {key.split(".", 1)[1].removesuffix(".slos") for key in self.keys if key.endswith(".slos")}
        return frozenset(of_checks | of_slos)

    @property
    def text(self) -> str:
        """`+2 checks, -1, ~3; contacts, tracker`."""
        parts = []
        if self.of_checks:
            plural = "check" if len(self.added) == 1 else "checks"
            parts.append(f"+{len(self.added)} {plural}, -{len(self.removed)}, ~{len(self.changed)}")
        more = [*self.keys, *(["certificate authorities"] if self.authorities else [])]
        if more:
            parts.append(", ".join(more[:_SHOWN]) + (f" and {len(more) - _SHOWN} more" if len(more) > _SHOWN else ""))
        return "; ".join(parts) or "nothing changed"


_SHOWN = 8


def changes(old: Config, new: Config) -> Changes:
    before = {check.id: check for check in old.all_checks()}
    after = {check.id: check for check in new.all_checks()}
    both = before.keys() & after.keys()
    changed = frozenset(name for name in both if before[name] != after[name])
    return Changes(
        added=frozenset(after.keys() - before.keys()),
        removed=frozenset(before.keys() - after.keys()),
        changed=changed,
        asked_anew=frozenset(name for name in changed if before[name].question != after[name].question),
        services_added=frozenset(new.services.keys() - old.services.keys()),
        services_removed=frozenset(old.services.keys() - new.services.keys()),
        keys=(*_keys(old, new), *_keys_of_services(old, new)),
        at_next_start=tuple(
            f"monitor.{key}" for key in STARTS_WITH if getattr(old.monitor, key) != getattr(new.monitor, key)
        ),
        authorities=any(
            old.read_from().get(file) != new.read_from().get(file)
            for file in _authorities([after[name] for name in both]) | _authorities_of_modules(old, new)
        ),
    )


def applicable(old: Config, new: Config) -> Config:
    """*new*, but with what only a start can change as it is in *old*."""
    kept = {key: getattr(old.monitor, key) for key in STARTS_WITH}
    update: dict[str, object] = {"monitor": new.monitor.model_copy(update=kept)}
    if new.tracker.folder == new.monitor.state / "tickets":
        # The default lies in the state folder, which stays.
        update["tracker"] = new.tracker.model_copy(update={"folder": old.monitor.state / "tickets"})
    return new.model_copy(update=update)


def _keys(old: Config, new: Config) -> Iterator[str]:
    for key in type(new.monitor).model_fields:
        if key not in (*STARTS_WITH, "token_file") and getattr(old.monitor, key) != getattr(new.monitor, key):
            yield f"monitor.{key}"
    for part in (
        "telemetry",
        "sources",
        "incidents",
        "severity",
        "policy",
        "pages",
        "status_page",
        "intake",
        "contacts",
        "playbook",
    ):
        if getattr(old, part) != getattr(new, part):
            yield part
    if old.tracker != applicable(old, new).tracker:
        yield "tracker"
    if old.secrets() != new.secrets():
        yield "secrets"


def _keys_of_services(old: Config, new: Config) -> Iterator[str]:
    for name, service in new.services.items():
        before = old.services.get(name)
        if before is None:
            continue
        if before.data_loss != service.data_loss:
            yield f"services.{name}.queries"
        for key in (
            "criticality",
            "tags",
            "depends_on",
            "slos",
            "traffic",
            "deploys",
            "needs",
            "alert_labels",
            "maintenance",
            "mitigations",
        ):
            if getattr(before, key) != getattr(service, key) or (
                key == "slos" and before.composites != service.composites
            ):
                yield f"services.{name}.{key}"


def _authorities(checks: list[Check]) -> set[Path]:
    questions = [question for check in checks for question in _questions(check.question)]
    return {Path(file) for question in questions if (file := _authority(question)) is not None}


def _questions(question: Question) -> list[Question]:
    """Itself, or those of its steps."""
    return [step.question for step in question.steps] if isinstance(question, journey.Question) else [question]


def _authorities_of_modules(old: Config, new: Config) -> set[Path]:
    """Those that they trust before and after."""
    before, after = old.monitor.probe_modules, new.monitor.probe_modules
    return set(map(Path, before.authorities & after.authorities)) if before and after else set()


def _authority(question: Question) -> str | None:
    """By whatever it speaks TLS."""
    security = getattr(question, "security", None)
    found = security.ca_file if isinstance(security, Security) else getattr(question, "ca_file", None)
    return found if isinstance(found, str) else None
