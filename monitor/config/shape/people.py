"""Whom an incident reaches, by what, and who answers."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict

from monitor.config.fields import (
    Day,
    Duration,
    HeaderName,
    Label,
    Line,
    Name,
    NotionId,
    Repository,
    SecondOrMore,
    Secret,
    SecretUrl,
    Switch,
    Url,
    word,
)
from monitor.config.shape.group import Shape
from monitor.config.shape.statuspage import Statuspage


class Webhook(Shape):
    url: Url
    """Where incidents are posted as JSON."""
    secret: Secret | None = None
    """Signs what is posted."""
    secret_file: Line | None = None
    """File that holds the secret."""


class JiraTransitions(Shape):
    close: Line | None = None
    """The transition, or the status it leads to, that closes a ticket. Default the first to a done status."""
    reopen: Line | None = None
    """The one that opens it again. Default the first to one in progress, else to one that is to be done."""


class JiraPriority(Shape):
    SEV1: Line | None = None
    """The priority's name in Jira. Default none: Jira sets its own."""
    SEV2: Line | None = None
    """As SEV1."""
    SEV3: Line | None = None
    """As SEV1."""
    SEV4: Line | None = None
    """As SEV1."""


class Jira(Shape):
    # As in SloShape: rules say what is missing.
    model_config = ConfigDict(json_schema_extra={"required": ["url", "project"]})

    url: Url | None = None
    """Where Jira is: https://NAME.atlassian.net, or your own."""
    project: Line | None = None
    """The key of the project that tickets are made in."""
    user: Line | None = None
    """Whose token it is: an e-mail address in Cloud. Without one the token is a personal access token."""
    token: Secret | None = None
    """API token, or personal access token."""
    token_file: Line | None = None
    """File that holds the token."""
    api: Annotated[str | None, *word("cloud", "data center")] = None
    """Which Jira it is. Default by the url: cloud at atlassian.net."""
    issue_type: Line | None = None
    """What kind of issue a ticket is. Default Task."""
    labels: tuple[Label, ...] | None = None
    """Labels besides our own two."""
    priority: JiraPriority | None = None
    """The priority of each severity."""
    transitions: JiraTransitions | None = None
    """How a ticket is closed and opened again, where the workflow offers several ways."""


class Github(Shape):
    # As in SloShape: rules say what is missing.
    model_config = ConfigDict(json_schema_extra={"required": ["repository"]})

    repository: Repository | None = None
    """OWNER/NAME of the repository whose issues are tickets."""
    token: Secret | None = None
    """Token that may read and write its issues."""
    token_file: Line | None = None
    """File that holds the token."""
    url: Url | None = None
    """Of the API: https://HOST/api/v3 of a server of your own. Default https://api.github.com."""
    labels: tuple[Line, ...] | None = None
    """Labels besides our own."""


class NotionProperties(Shape):
    mark: Line | None = None
    """A text property that is ours: by it a page is found again. Made when it is not there. Default Watchkeeper."""
    status: Line | None = None
    """The property, of the type status or select, that says whether a ticket is closed. Default Status."""
    severity: Line | None = None
    """One of the type select that holds the severity. Default none."""
    due: Line | None = None
    """One of the type date that holds the day by which an action item is to be done. Default none."""


class Notion(Shape):
    # As in SloShape: rules say what is missing.
    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["data_source"]}, {"required": ["database"]}]})

    data_source: NotionId | None = None
    """The data source whose pages are tickets: its id, or a link to it."""
    database: NotionId | None = None
    """Instead of it the database, where that has one data source alone."""
    token: Secret | None = None
    """Token of the integration."""
    token_file: Line | None = None
    """File that holds the token."""
    properties: NotionProperties | None = None
    """Which properties of the data source are used."""
    open: Line | None = None
    """The status of an open ticket. Default the first in the group In progress; of a select: In progress."""
    closed: Line | None = None
    """The status of a closed ticket. Default the first in the group Complete; of a select: Done."""
    url: Url | None = None
    """Of the API. Default https://api.notion.com."""


class Tracker(Shape):
    folder: Line | None = None
    """Folder of Markdown tickets. Relative to this file. Default STATE/tickets when there is no other tracker."""
    webhook: Webhook | None = None
    """A program of yours that takes incidents."""
    jira: Jira | None = None
    """A project in Jira Cloud or Jira Data Center."""
    github: Github | None = None
    """The issues of a repository on GitHub."""
    notion: Notion | None = None
    """A data source in Notion."""
    postmortems: tuple[Annotated[str, *word("jira", "github", "notion")], ...] | None = None
    """Trackers that get the draft of a postmortem too, beside its file."""


class StatusPage(Shape):
    folder: Line | None = None
    """Folder that a web server serves: a page, JSON and a feed are kept in it. Relative to this file."""
    url: Url | None = None
    """Where that folder is served, for the links in the feed."""
    statuspage: Statuspage | None = None
    """A page of Atlassian Statuspage."""
    template: Line | None = None
    """File with the text for the public, Jinja; relative to this file. Default: the one that comes with the program."""
    publish: Annotated[str | None, *word("on approval", "at once")] = None
    """Whether a person has to approve each text. Default on approval."""
    notify: Switch | None = None
    """Whether subscribers of the page are sent a message, unless whoever approves says otherwise. Default false."""


class Hook(Shape):
    secret: Secret | None = None
    """What whoever sends alerts must show."""
    secret_file: Line | None = None
    """File that holds the secret."""
    expires_after: SecondOrMore | None = None
    """A firing alert that nobody repeated for so long counts as over. Longer than its repeat_interval. Default 5h."""


class GrafanaHook(Hook):
    timestamp_header: HeaderName | None = None
    """The timestamp header of its HMAC signature, if one is set there: then the signature must be of these minutes."""


class Intake(Shape):
    service_labels: tuple[Line, ...] | None = None
    """Labels whose value is the name of a service, the first that fits. Default service, service_name, app, job."""
    default_service: Name | None = None
    """Whose an alert is that belongs to no other service. Without it, such an alert is counted and opens nothing."""
    alertmanager: Hook | None = None
    """Takes webhooks of Alertmanager at /api/v1/alerts/alertmanager."""
    grafana: GrafanaHook | None = None
    """Takes webhooks of Grafana's alerting at /api/v1/alerts/grafana."""


class Rotation(Shape):
    file: Line | None = None
    """iCalendar file, relative to this file."""
    url: SecretUrl | None = None
    """Address of an iCalendar file; a credential, as it often is one."""
    url_file: Line | None = None
    """File that holds the address."""


class Contact(Shape):
    primary: Line
    """Who is asked first."""
    backup: Line | None = None
    """Who is asked otherwise."""
    rotation: Rotation | None = None
    """Calendar of who is in the primary's place, and when."""
    backup_rotation: Rotation | None = None
    """Calendar of who is in the backup's place."""


class PlaybookShape(Shape):
    reviewed: Day | None = None
    """When your playbook was last reviewed, year-month-day."""
    review_every: Duration | None = None
    """How often it should be. Default 90d."""
