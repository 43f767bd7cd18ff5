"""The trackers that people share with us: what `tracker` says of them, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from pydantic import SecretStr

from monitor.config import config
from monitor.config.problems import Path
from monitor.config.reading import Reading
from monitor.config.shape.people import Github, Jira, Notion, Tracker
from monitor.core.severity import Severity

GATEWAY = "api.atlassian.com"
"""Where Jira Cloud is behind OAuth 2; the site itself has another address."""


def jira_of(written: Jira, reading: Reading) -> config.Jira:
    """What comes back is only of use when nothing was told."""
    path: Path = ("tracker", "jira")
    host = urlsplit(written.url or "").hostname or ""
    for key, fix in (("url", "Add url: https://NAME.atlassian.net, or your own."), ("project", "Add project: KEY.")):
        if getattr(written, key) is None and not reading.is_wrong((*path, key)):
            reading.tell(path, f"there is no {key}", fix)
    by_url = "cloud" if host == GATEWAY or host.endswith(".atlassian.net") else "data center"
    api = written.api or by_url
    if api == "cloud" and written.user is None and host != GATEWAY and not reading.is_wrong((*path, "user")):
        fix = "Add user: the e-mail address whose API token it is."
        reading.tell(path, "there is no user, and Jira Cloud takes a token only of one", fix)
    transitions, priority = written.transitions, written.priority
    given = {"issue_type": written.issue_type, "labels": written.labels, "user": written.user}
    return config.Jira.model_validate(
        {
            "url": (written.url or "").rstrip("/"),
            "project": written.project or "",
            "token": token_of(written.token, written.token_file, path, reading),
            "api": api,
            "priority": _by_severity(priority.model_dump() if priority else {}),
            "close": transitions.close if transitions else None,
            "reopen": transitions.reopen if transitions else None,
            **{key: value for key, value in given.items() if value is not None},
        }
    )


def github_of(written: Github, reading: Reading) -> config.Github:
    """What comes back is only of use when nothing was told."""
    path: Path = ("tracker", "github")
    if written.repository is None and not reading.is_wrong((*path, "repository")):
        reading.tell(path, "there is no repository", "Add repository: OWNER/NAME.")
    given = {"url": written.url.rstrip("/") if written.url else None, "labels": written.labels}
    return config.Github.model_validate(
        {
            "repository": written.repository or "",
            "token": token_of(written.token, written.token_file, path, reading),
            **{key: value for key, value in given.items() if value is not None},
        }
    )


def notion_of(written: Notion, reading: Reading) -> config.Notion:
    """What comes back is only of use when nothing was told."""
    path: Path = ("tracker", "notion")
    if written.data_source is not None and written.database is not None:
        reading.tell((*path, "database"), "data_source is set as well", "Keep one of them.")
    wrong = any(reading.is_wrong((*path, key)) for key in ("data_source", "database"))
    if written.data_source is None and written.database is None and not wrong:
        reading.tell(path, "there is no data_source", "Add data_source: ID, or database: ID where it has one alone.")
    given: dict[str, object] = {name: getattr(written, name) for name in ("data_source", "database", "open", "closed")}
    given |= written.properties.model_dump() if written.properties else {}
    given["url"] = written.url.rstrip("/") if written.url else None
    return config.Notion.model_validate(
        {
            "token": token_of(written.token, written.token_file, path, reading),
            **{key: value for key, value in given.items() if value is not None},
        }
    )


def postmortems_of(written: Tracker, reading: Reading) -> tuple[str, ...]:
    """What comes back is only of use when nothing was told."""
    for place, name in enumerate(written.postmortems or ()):
        if getattr(written, name) is None and not reading.is_wrong(("tracker", name)):
            path: Path = ("tracker", "postmortems", place)
            reading.tell(path, f"there is no {name} under tracker", f"Add {name}: to tracker, or leave it out here.")
    return tuple(dict.fromkeys(written.postmortems or ()))


def token_of(token: SecretStr | None, token_file: str | None, path: Path, reading: Reading) -> SecretStr:
    """From the file or from the key, and never from both."""
    if token_file is not None:
        if token is not None:
            reading.tell((*path, "token_file"), "token is set as well", "Keep one of them.")
        return SecretStr(reading.file_content(token_file, (*path, "token_file")))
    if token is None and not reading.is_wrong(path):
        reading.tell(path, "there is no token", "Add token_file: FILE or token: ${NAME}.")
    return token or SecretStr("")


def _by_severity(names: Mapping[str, str | None]) -> dict[Severity, str]:
    return {Severity[severity]: name for severity, name in names.items() if name is not None}
