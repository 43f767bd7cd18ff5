"""From the shape to the Config: paths made absolute, secrets read, defaults filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path as FilePath
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, SecretStr

from checks.check import Check, Retry
from monitor.config import config, push
from monitor.config.blackbox.modules import ProbeModules, read_modules
from monitor.config.chat import chat_of, chat_secrets
from monitor.config.check_rules import DEFAULT_RETRY_WITHIN, kinds_of
from monitor.config.contacts import contact_secrets, contacts_of
from monitor.config.evidence import source_secrets, sources_of
from monitor.config.fields import OnChange
from monitor.config.intake import hook_secrets, intake_of
from monitor.config.maintenance import windows_of
from monitor.config.mitigations import mitigations_of
from monitor.config.objectives import names_of, slo_of
from monitor.config.pages import page_secrets, pages_of
from monitor.config.places import url
from monitor.config.plugged import secrets_of
from monitor.config.problems import Path, Wrong
from monitor.config.public import status_page_of
from monitor.config.questions import question_of
from monitor.config.reading import Reading
from monitor.config.severity import table_of
from monitor.config.shape import Root
from monitor.config.shape.check import CheckShape
from monitor.config.shape.http import HttpShape
from monitor.config.shape.incidents import PolicyShape
from monitor.config.shape.itself import Heartbeat
from monitor.config.shape.journey import JourneyStep
from monitor.config.shape.people import Webhook
from monitor.config.shape.service import ServiceShape
from monitor.config.status_places import status_secrets, with_places
from monitor.config.times import DEFAULT_INTERVAL, default_timeout
from monitor.config.trackers import github_of, jira_of, notion_of, postmortems_of
from monitor.config.values import TELLING_NAME
from monitor.core.meeting import WorkingHours
from monitor.core.severity import POLICIES, Criticality, Policy, Severity
from monitor.whereabouts import default_state


def build(root: Root, reading: Reading, base: FilePath) -> config.Config:
    """
    Problems are told to *reading*; what comes back is only of use when there are none.

    Args:
        base: Folder of the config, for defaults that no file sets.
    """
    builder = _Builder(root, reading, base)
    built = builder.whole()
    push.enforce_apart(built.all_checks(), reading)
    return built.with_secrets(builder.secrets())


class _Builder:
    def __init__(self, root: Root, reading: Reading, base: FilePath) -> None:
        self.root = root
        self.reading = reading
        self.base = base
        self.modules: ProbeModules | None = None

    def whole(self) -> config.Config:
        root = self.root
        monitor = self.monitor()
        return config.Config(
            monitor=monitor,
            telemetry=config.Telemetry(**_given(root.telemetry)),
            sources=sources_of(root, self.reading),
            services={name: self.service(name, service) for name, service in (root.services or {}).items()},
            incidents=(incidents := config.Incidents(**_given(root.incidents) | {"meeting": self.meeting(monitor)})),
            evidence=config.Evidence(**_given(root.evidence)),
            severity=table_of(root),
            policy=_policies(root.policy or {}, incidents),
            tracker=self.tracker(monitor.state),
            chat=chat_of(root, self.reading),
            pages=pages_of(root, self.reading),
            status_page=with_places(status_page_of(root, self.reading), root, self.reading, self.folder),
            intake=intake_of(root, self.reading),
            contacts=contacts_of(root, self.reading),
            playbook=config.Playbook(**_given(root.playbook)),
        )

    def meeting(self, monitor: config.Monitor) -> WorkingHours:
        written = _given(self.root.incidents.meeting if self.root.incidents else None)
        if "weekly" in written:
            _, written["weekly"] = written["weekly"]
        if monitor.time_zone != "UTC":
            written["zone"] = ZoneInfo(monitor.time_zone)
        return WorkingHours(**written)

    def monitor(self) -> config.Monitor:
        written = self.root.monitor
        given = _given(written)
        given["retention"] = config.Retention(**_given(given.get("retention")))
        given["state"] = self.folder(given.get("state"), ("monitor", "state")) or default_state(
            self.base, self.reading.environ
        )
        given["heartbeat"] = self.heartbeat(written.heartbeat) if written and written.heartbeat else None
        if name := given.get("token_file"):
            path: Path = ("monitor", "token_file")
            given["token_file"] = self.reading.file_path(name, path)
            given["token"] = SecretStr(self.reading.file_content(name, path))
        if name := given.get("probe_modules"):
            given["probe_modules"] = read_modules(name, ("monitor", "probe_modules"), self.reading)
        self.modules = given.get("probe_modules")
        return config.Monitor(**given)

    def heartbeat(self, written: Heartbeat) -> config.HeartbeatTarget:
        path: Path = ("monitor", "heartbeat")
        url = written.url
        if written.url_file is not None:
            if url is not None:
                self.reading.tell((*path, "url_file"), "url is set as well", "Keep one of them.")
            url = self.url_of_file(written.url_file, (*path, "url_file"))
        elif url is None and not self.reading.is_wrong(path):
            self.reading.tell(path, "there is no address to ask", "Add url: ${NAME} or url_file: FILE.")
        every = {} if written.every is None else {"every": written.every}
        return config.HeartbeatTarget(url=url or SecretStr(""), **every)

    def url_of_file(self, name: str, path: Path) -> SecretStr:
        content = self.reading.file_content(name, path)
        try:
            return SecretStr(url(content) if content else "")
        except Wrong as wrong:
            self.reading.tell(path, f"what is in the file {wrong.found}", wrong.fix)
            return SecretStr("")

    def tracker(self, state: FilePath) -> config.Tracker:
        written = self.root.tracker
        if written is None or not (
            written.folder or written.webhook or written.jira or written.github or written.notion
        ):
            return config.Tracker(folder=state / "tickets")
        return config.Tracker(
            folder=self.folder(written.folder, ("tracker", "folder")),
            webhook=self.webhook(written.webhook) if written.webhook else None,
            jira=jira_of(written.jira, self.reading) if written.jira else None,
            github=github_of(written.github, self.reading) if written.github else None,
            notion=notion_of(written.notion, self.reading) if written.notion else None,
            postmortems=postmortems_of(written, self.reading),
        )

    def webhook(self, written: Webhook) -> config.Webhook:
        path: Path = ("tracker", "webhook")
        secret = written.secret
        if written.secret_file is not None:
            if secret is not None:
                self.reading.tell((*path, "secret_file"), "secret is set as well", "Keep one of them.")
            secret = SecretStr(self.reading.file_content(written.secret_file, (*path, "secret_file")))
        elif secret is None and not self.reading.is_wrong(path):
            fix = "Add secret_file: FILE or secret: ${NAME}, so that the receiver can tell us from others."
            self.reading.tell(path, "there is no secret to sign with", fix)
        return config.Webhook(url=written.url, secret=secret or SecretStr(""))

    def folder(self, name: str | None, path: Path) -> FilePath | None:
        if name is None:
            return None
        folder = self.reading.beside(name, path)
        fix = "Name a folder; it is made when it is not there."
        try:
            if folder.exists() and not folder.is_dir():
                self.reading.tell(path, "is a file, not a folder", fix)
        except OSError as error:  # no right to look, or too long for a name
            self.reading.tell(path, f"cannot be a folder: {(error.strerror or 'refused').lower()}", fix)
        return folder

    def service(self, name: str, written: ServiceShape) -> config.Service:
        checks = (written.checks or {}).items()
        slos = written.slos or ()
        named = list(zip(slos, names_of(slos), strict=True))
        return config.Service(
            name=name,
            checks=tuple(self.check(name, check_name, check) for check_name, check in checks),
            criticality=Criticality(written.criticality or Criticality.MEDIUM),
            tags=written.tags or (),
            depends_on=written.depends_on or (),
            slos=tuple(slo_of(name, slo, called) for slo, called in named if slo.sli is not None and slo.objective),
            composites=tuple(
                config.Composite(name=called, members=slo.composite) for slo, called in named if slo.composite
            ),
            traffic=config.Traffic(**_given(written.traffic)) if written.traffic else None,
            data_loss={name: query.promql for name, query in (written.queries or {}).items()},
            deploys=written.deploys,
            needs={check_name: check.needs for check_name, check in checks if check.needs is not None},
            alert_labels=written.alert_labels or {},
            logs=written.logs,
            maintenance=windows_of(name, written, self.root.maintenance or (), self.zone()),
            mitigations=mitigations_of(name, written, self.reading),
        )

    def zone(self) -> str:
        return (self.root.monitor and self.root.monitor.time_zone) or config.Monitor.model_fields["time_zone"].default

    def check(self, service: str, name: str, written: CheckShape) -> Check:
        interval = written.interval or DEFAULT_INTERVAL
        retry = None
        if written.retry is not None:
            within = written.retry.within or DEFAULT_RETRY_WITHIN
            retry = Retry(times=written.retry.times or 1, within=within.total_seconds())
        # What asks nothing, or two things, is told by the rules.
        kind = next(iter(kinds_of(written)), "http")
        prometheus = self.root.sources.prometheus if self.root.sources else None
        path: Path = ("services", service, "checks", name)
        timeout = written.timeout or default_timeout(interval)
        plugged = next(iter(self.reading.plugged.get(path, {}).values()), None)
        return Check(
            service=service,
            name=name,
            question=plugged or question_of(kind, written, path, self.reading, prometheus, self.zone()),
            interval=interval.total_seconds(),
            timeout=0.0 if kind == "push" else timeout.total_seconds(),  # nothing is waited for
            retry=retry,
            data_loss=bool(written.data_loss),
        )

    def secrets(self) -> frozenset[str]:
        """
        What to mask wherever it turns up: contents of secret files, keys that hold secrets, headers whose name says
        so (and the last word of their value: the token without `Bearer`), and variables that fill any of these, a
        body, or whose own name says so.
        """
        found = set(self.reading.files.values()) | secrets_of(self.reading.plugged, TELLING_NAME)
        for service in (self.root.services or {}).values():
            for check in (service.checks or {}).values():
                for request in (check, *(check.journey or ())):
                    found |= _secrets_of(request)
                found |= {v for name, v in (check.environment or {}).items() if TELLING_NAME.search(name)}
                if check.push and check.push.token:
                    found.add(check.push.token.get_secret_value())
        if self.modules is not None:
            found |= self.modules.secrets
        tracker = self.root.tracker
        if tracker and tracker.webhook and tracker.webhook.secret:
            found.add(tracker.webhook.secret.get_secret_value())
        if tracker:
            tokens = [place.token for place in (tracker.jira, tracker.github, tracker.notion) if place]
            found |= {token.get_secret_value() for token in tokens if token}
        found |= hook_secrets(self.root) | page_secrets(self.root) | contact_secrets(self.root)
        found |= source_secrets(self.root) | status_secrets(self.root) | chat_secrets(self.root)
        heartbeat = self.root.monitor.heartbeat if self.root.monitor else None
        if heartbeat and heartbeat.url:
            found.add(heartbeat.url.get_secret_value())
        for path, variables in self.reading.substituted.items():
            carrier = {"headers", "body", "send", "send_hex", "command", "environment", "secret"} & {
                str(step) for step in path[4:] + path[-1:]
            }
            carries = bool(carrier) or path in (("monitor", "heartbeat"), ("monitor", "heartbeat", "url"))
            found |= {value for name, value in variables.items() if carries or TELLING_NAME.search(name)}
        return frozenset(value for value in found if value)


def _secrets_of(written: HttpShape) -> set[str]:
    found = set()
    for header, value in (written.headers or {}).items():
        if TELLING_NAME.search(header):
            found |= {value, value.split()[-1]}
    parameters = (written.oauth2.parameters if written.oauth2 else None) or {}
    found |= {v for name, v in parameters.items() if TELLING_NAME.search(name)}
    for secret in (
        written.bearer,
        written.basic.password if written.basic else None,
        written.oauth2.client_secret if written.oauth2 else None,
    ):
        if secret:
            found.add(secret.get_secret_value())
    # The name of a value that an earlier step has taken is none.
    return {value for value in found if "{{" not in value} if isinstance(written, JourneyStep) else found


def _given(written: BaseModel | None) -> dict[str, Any]:
    """The keys that stand in the file; the others take the default of the part they belong to."""
    if written is None:
        return {}
    values = {key: getattr(written, key) for key in written.model_fields_set}
    return {key: value for key, value in values.items() if value is not None}


def _policies(written: Mapping[str, PolicyShape], incidents: config.Incidents) -> dict[Severity, Policy]:
    """The playbook's policy of each severity, on the grid of `incidents.update_every`, changed by what is written."""
    policies = {}
    for severity, policy in POLICIES.items():
        given = _given(written.get(severity.name))
        if policy.update_every is not None:
            given.setdefault("update_every", incidents.update_every)
        if isinstance(given.get("update_every"), OnChange):
            given["update_every"] = None
        policies[severity] = replace(policy, **given)
    return policies
