"""`pages`: who is woken, and by which secret."""

from __future__ import annotations

import re
from typing import Final

from pydantic import SecretStr

from monitor.config import config
from monitor.config.problems import Path
from monitor.config.reading import Reading
from monitor.config.shape import Root
from monitor.config.shape.pages import Alertmanager, Apprise, Pagerduty

PATH: Path = ("pages",)
_APPRISE: Final = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)


def pages_of(root: Root, reading: Reading) -> config.Pages:
    """What comes back is only of use when nothing was told."""
    written = root.pages
    if written is None:
        return config.Pages()
    if not written.model_fields_set and not reading.is_wrong(PATH):
        fix = "Add pagerduty: {routing_key_file: FILE}, alertmanager: {url: URL}, or apprise: {urls_file: FILE}."
        reading.tell(PATH, "wakes nobody", fix)
    return config.Pages(
        pagerduty=_pagerduty(written.pagerduty, reading) if written.pagerduty else None,
        alertmanager=_alertmanager(written.alertmanager, reading) if written.alertmanager else None,
        apprise=_apprise(written.apprise, reading) if written.apprise else None,
    )


def page_secrets(root: Root) -> set[str]:
    """Those that stand in the file itself."""
    if root.pages is None:
        return set()
    pagerduty, alertmanager, apprise = root.pages.pagerduty, root.pages.alertmanager, root.pages.apprise
    found = [pagerduty and pagerduty.routing_key, alertmanager and alertmanager.token]
    found += (apprise and apprise.urls) or ()
    return {secret.get_secret_value() for secret in found if secret}


def _pagerduty(written: Pagerduty, reading: Reading) -> config.Pagerduty:
    path: Path = (*PATH, "pagerduty")
    key = secret_of(written.routing_key, written.routing_key_file, "routing_key", path, reading)
    if key is None and not reading.is_wrong(path):
        reading.tell(path, "there is no routing_key", "Add routing_key_file: FILE or routing_key: ${NAME}.")
    url = {} if written.url is None else {"url": written.url.rstrip("/")}
    return config.Pagerduty(routing_key=key or SecretStr(""), **url)


def _alertmanager(written: Alertmanager, reading: Reading) -> config.Alertmanager:
    path: Path = (*PATH, "alertmanager")
    if written.url is None and not reading.is_wrong(path):
        reading.tell(path, "there is no url", "Add url: http://HOST:9093.")
    token = secret_of(written.token, written.token_file, "token", path, reading)
    return config.Alertmanager(url=(written.url or "").rstrip("/"), token=token or SecretStr(""))


def _apprise(written: Apprise, reading: Reading) -> config.Apprise:
    path: Path = (*PATH, "apprise")
    urls = [url.get_secret_value() for url in written.urls or ()]
    place: Path = (*path, "urls")
    if written.urls_file is not None:
        place = (*path, "urls_file")
        if urls:
            reading.tell(place, "urls is set as well", "Keep one of them.")
        lines = map(str.strip, reading.file_content(written.urls_file, place).splitlines())
        urls = [line for line in lines if line and not line.startswith("#")]
    if not urls and not (reading.is_wrong(path) or reading.is_wrong(place)):
        reading.tell(path, "there is no address", "Add urls_file: FILE, or urls: [${NAME}].")
    for number, url in enumerate(urls, 1):
        if not _APPRISE.fullmatch(url):
            fix = "Write it as apprise does: mailto://USER:PASSWORD@HOST?to=ON-CALL, ntfy://TOPIC, ..."
            reading.tell(place, f"address {number} has no scheme in front", fix)  # not shown: addresses are credentials
    return config.Apprise(urls=tuple(map(SecretStr, dict.fromkeys(urls))))


def secret_of(value: SecretStr | None, file: str | None, key: str, path: Path, reading: Reading) -> SecretStr | None:
    """From the file or from the key, and never from both."""
    if file is None:
        return value
    if value is not None:
        reading.tell((*path, f"{key}_file"), f"{key} is set as well", "Keep one of them.")
    return SecretStr(reading.file_content(file, (*path, f"{key}_file")))
