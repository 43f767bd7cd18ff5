"""`intake`: whose alerts are taken, by which secret, and whose service they are of."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr

from monitor.config import config
from monitor.config.problems import Path
from monitor.config.reading import Reading
from monitor.config.shape import Root
from monitor.config.shape.people import GrafanaHook, Hook
from monitor.config.values import meant

PATH: Path = ("intake",)


def enforce(root: Root, reading: Reading) -> None:
    """What no single value can tell."""
    written = root.intake
    if written is None or reading.is_wrong(PATH):
        return
    if written.alertmanager is None and written.grafana is None:
        wrong = any(reading.is_wrong((*PATH, key)) for key in ("alertmanager", "grafana"))
        if not wrong:
            reading.tell(PATH, "takes nothing", "Add alertmanager: or grafana:, each with secret_file: FILE.")
    known = reading.keys(("services",))
    if written.default_service is not None and written.default_service not in known:
        path: Path = (*PATH, "default_service")
        reading.tell(path, f"{reading.written(path)} is not a service here", meant(written.default_service, known))


def intake_of(root: Root, reading: Reading) -> config.Intake:
    written = root.intake
    if written is None:
        return config.Intake()
    given: dict[str, Any] = {"default_service": written.default_service or ""}
    if written.service_labels is not None:
        given["service_labels"] = written.service_labels
    for name in ("alertmanager", "grafana"):
        hook = getattr(written, name)
        given[name] = None if hook is None else _hook(hook, (*PATH, name), reading)
    return config.Intake(**given)


def hook_secrets(root: Root) -> set[str]:
    """Those that stand in the file itself."""
    hooks = (root.intake.alertmanager, root.intake.grafana) if root.intake else ()
    return {hook.secret.get_secret_value() for hook in hooks if hook is not None and hook.secret is not None}


def _hook(written: Hook, path: Path, reading: Reading) -> config.Hook:
    secret = written.secret
    if written.secret_file is not None:
        if secret is not None:
            reading.tell((*path, "secret_file"), "secret is set as well", "Keep one of them.")
        secret = SecretStr(reading.file_content(written.secret_file, (*path, "secret_file")))
    elif secret is None and not reading.is_wrong(path):
        fix = "Add secret_file: FILE or secret: ${NAME}, and let the sender show it."
        reading.tell(path, "there is no secret to know the sender by", fix)
    given: dict[str, Any] = {"secret": secret or SecretStr("")}
    if written.expires_after is not None:
        given["expires_after"] = written.expires_after
    if isinstance(written, GrafanaHook):
        given["timestamp_header"] = written.timestamp_header
    return config.Hook(**given)
