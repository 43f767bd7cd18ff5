"""`pages`: who is woken, and by which secret."""

from __future__ import annotations

from pydantic import SecretStr

from monitor.config import config
from monitor.config.problems import Path
from monitor.config.reading import Reading
from monitor.config.shape import Root
from monitor.config.shape.pages import Alertmanager, Pagerduty

PATH: Path = ("pages",)


def pages_of(root: Root, reading: Reading) -> config.Pages:
    """What comes back is only of use when nothing was told."""
    written = root.pages
    if written is None:
        return config.Pages()
    if not written.model_fields_set and not reading.is_wrong(PATH):
        reading.tell(PATH, "wakes nobody", "Add pagerduty: {routing_key_file: FILE}, or alertmanager: {url: URL}.")
    return config.Pages(
        pagerduty=_pagerduty(written.pagerduty, reading) if written.pagerduty else None,
        alertmanager=_alertmanager(written.alertmanager, reading) if written.alertmanager else None,
    )


def page_secrets(root: Root) -> set[str]:
    """Those that stand in the file itself."""
    if root.pages is None:
        return set()
    pagerduty, alertmanager = root.pages.pagerduty, root.pages.alertmanager
    found = (pagerduty and pagerduty.routing_key, alertmanager and alertmanager.token)
    return {secret.get_secret_value() for secret in found if secret}


def _pagerduty(written: Pagerduty, reading: Reading) -> config.Pagerduty:
    path: Path = (*PATH, "pagerduty")
    key = _secret(written.routing_key, written.routing_key_file, "routing_key", path, reading)
    if key is None and not reading.is_wrong(path):
        reading.tell(path, "there is no routing_key", "Add routing_key_file: FILE or routing_key: ${NAME}.")
    url = {} if written.url is None else {"url": written.url.rstrip("/")}
    return config.Pagerduty(routing_key=key or SecretStr(""), **url)


def _alertmanager(written: Alertmanager, reading: Reading) -> config.Alertmanager:
    path: Path = (*PATH, "alertmanager")
    if written.url is None and not reading.is_wrong(path):
        reading.tell(path, "there is no url", "Add url: http://HOST:9093.")
    token = _secret(written.token, written.token_file, "token", path, reading)
    return config.Alertmanager(url=(written.url or "").rstrip("/"), token=token or SecretStr(""))


def _secret(value: SecretStr | None, file: str | None, key: str, path: Path, reading: Reading) -> SecretStr | None:
    """From the file or from the key, and never from both."""
    if file is None:
        return value
    if value is not None:
        reading.tell((*path, f"{key}_file"), f"{key} is set as well", "Keep one of them.")
    return SecretStr(reading.file_content(file, (*path, f"{key}_file")))
