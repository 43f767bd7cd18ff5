"""What a configuration means for the parts: the rules that incidents live by, the outlets that effects go to."""

from __future__ import annotations

from checks.check import CollectorQuestion
from monitor.config import Config
from monitor.core.alerts import Routing
from monitor.core.incident import Timing
from monitor.daemon.judge import ITSELF
from monitor.outlets.alertmanager.outlet import AlertmanagerOutlet
from monitor.outlets.apprise.outlet import AppriseOutlet
from monitor.outlets.aside import Aside
from monitor.outlets.folder import FolderOutlet
from monitor.outlets.github.site import GithubSite
from monitor.outlets.jira.site import JiraSite
from monitor.outlets.notion.site import NotionSite
from monitor.outlets.outlet import Outlet
from monitor.outlets.pagerduty.outlet import PagerdutyOutlet
from monitor.outlets.slack.site import PATIENCE, SlackSite
from monitor.outlets.status.outlet import StatusFilesOutlet
from monitor.outlets.statuspage.outlet import StatuspageOutlet
from monitor.outlets.ticket import Site
from monitor.outlets.tickets import TicketOutlet
from monitor.outlets.webhook import WebhookOutlet
from monitor.response.entries import POSTMORTEMS
from monitor.response.rules import PublicRules, Rules
from monitor.response.triage import contact_roles, roles
from monitor.web.hooks import HookKey


def rules_of(config: Config) -> Rules:
    incidents = config.incidents
    timing = Timing(
        open_after=incidents.open_after,
        stable_for=incidents.stable_for,
        reopen_within=incidents.reopen_within,
        open_mode=incidents.open,
    )
    collectors = {c.service for c in config.all_checks() if isinstance(c.question, CollectorQuestion)}
    return Rules(
        timing=timing,
        policies=config.policy,
        roles=roles(config.contacts),
        outlets=tuple(outlets_of(config)),
        depends_on={name: service.depends_on for name, service in config.services.items()},
        telemetry=frozenset(collectors | {ITSELF}),
        total_services=len(config.services),
        postmortem_within=incidents.postmortem_within,
        meetings=incidents.meeting,
        evidence_wait=incidents.evidence_wait,
        ack_within=incidents.ack_within,
        auto_send_after=incidents.auto_send_after,
        public=_public(config),
        contacts=contact_roles(config.contacts),
        needs={name: service.needs for name, service in config.services.items() if service.needs},
        mitigations={name: service.mitigations for name, service in config.services.items() if service.mitigations},
        routing=_routing(config),
    )


def _public(config: Config) -> PublicRules | None:
    page = config.status_page
    if page is None:
        return None
    return PublicRules(template=page.template, at_once=page.publish == "at once", notify=page.notify)


def _routing(config: Config) -> Routing:
    intake = config.intake
    hooks = {"alertmanager": intake.alertmanager, "grafana": intake.grafana}
    return Routing(
        services={name: service.criticality for name, service in config.services.items()},
        service_labels=intake.service_labels,
        alert_labels={name: service.alert_labels for name, service in config.services.items() if service.alert_labels},
        default=intake.default_service,
        expires_after={source: hook.expires_after for source, hook in hooks.items() if hook is not None},
    )


def hooks_of(config: Config) -> dict[str, HookKey]:
    """By what whoever sends alerts is known, by source."""
    hooks = {"alertmanager": config.intake.alertmanager, "grafana": config.intake.grafana}
    return {
        source: HookKey(
            secret=hook.secret.get_secret_value(),
            timestamp_header=hook.timestamp_header,
            takes_signature=source == "grafana",
        )
        for source, hook in hooks.items()
        if hook is not None
    }


def slack_secret_of(config: Config) -> str:
    """By what Slack signs; empty where no commands are taken."""
    slack = config.chat.slack
    secret = slack.signing_secret if slack is not None else None
    return secret.get_secret_value() if secret is not None else ""


def outlets_of(config: Config) -> dict[str, Outlet]:
    outlets: dict[str, Outlet] = {}
    tracker = config.tracker
    if tracker.folder is not None:
        outlets["folder"] = FolderOutlet(tracker.folder)
    # Whatever the tracker is, a draft is a file to be written on.
    beside = tracker.folder.parent if tracker.folder is not None else config.monitor.state
    outlets[POSTMORTEMS] = FolderOutlet(beside / POSTMORTEMS, name=POSTMORTEMS)
    if tracker.webhook is not None:
        outlets["webhook"] = WebhookOutlet(tracker.webhook.url, tracker.webhook.secret)
    sites: dict[str, Site] = {}
    if tracker.jira is not None:
        sites["jira"] = JiraSite(tracker.jira)
    if tracker.github is not None:
        sites["github"] = GithubSite(tracker.github)
    if tracker.notion is not None:
        sites["notion"] = NotionSite(tracker.notion)
    outlets |= {name: TicketOutlet(name, site) for name, site in sites.items()}
    for name in tracker.postmortems:
        beside_it = f"{name}.{POSTMORTEMS}"
        outlets[beside_it] = Aside(beside_it, "postmortem", TicketOutlet(beside_it, sites[name]))
    if config.chat.slack is not None:
        outlets["slack"] = TicketOutlet("slack", SlackSite(config.chat.slack), patience=PATIENCE)
    # The public is the last to hear that it is over.
    return outlets | _pages_of(config) | _public_places_of(config)


def _pages_of(config: Config) -> dict[str, Outlet]:
    outlets: dict[str, Outlet] = {}
    if config.pages.pagerduty is not None:
        outlets["pagerduty"] = PagerdutyOutlet(config.pages.pagerduty)
    if config.pages.alertmanager is not None:
        outlets["alertmanager"] = AlertmanagerOutlet(config.pages.alertmanager)
    if config.pages.apprise is not None:
        outlets["apprise"] = AppriseOutlet(config.pages.apprise)
    return outlets


def _public_places_of(config: Config) -> dict[str, Outlet]:
    outlets: dict[str, Outlet] = {}
    page = config.status_page
    if page is not None and page.statuspage is not None:
        outlets["statuspage"] = StatuspageOutlet(page.statuspage)
    if page is not None and page.folder is not None:
        outlets["status"] = StatusFilesOutlet(page.folder, page.url)
    return outlets
