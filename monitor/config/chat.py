"""`chat`: the channel that people talk in, and by which secrets."""

from __future__ import annotations

from pydantic import SecretStr

from monitor.config import config
from monitor.config.pages import secret_of
from monitor.config.problems import Path
from monitor.config.reading import Reading
from monitor.config.shape import Root
from monitor.config.shape.chat import Slack

PATH: Path = ("chat",)


def chat_of(root: Root, reading: Reading) -> config.Chat:
    """What comes back is only of use when nothing was told."""
    written = root.chat
    if written is None:
        return config.Chat()
    if not written.model_fields_set and not reading.is_wrong(PATH):
        reading.tell(PATH, "tells nobody", 'Add slack: {channel: "#incidents", token_file: FILE}.')
    return config.Chat(slack=_slack(written.slack, reading) if written.slack else None)


def chat_secrets(root: Root) -> set[str]:
    """Those that stand in the file itself."""
    slack = root.chat.slack if root.chat else None
    found = (slack.token, slack.signing_secret) if slack else ()
    return {secret.get_secret_value() for secret in found if secret}


def _slack(written: Slack, reading: Reading) -> config.Slack:
    path: Path = (*PATH, "slack")
    if written.channel is None and not reading.is_wrong(path):
        reading.tell(path, "there is no channel", 'Add channel: "#incidents"; without the quotes # begins a comment.')
    token = secret_of(written.token, written.token_file, "token", path, reading)
    if token is None and not reading.is_wrong(path):
        reading.tell(path, "there is no token", "Add token_file: FILE or token: ${NAME}.")
    signing = secret_of(written.signing_secret, written.signing_secret_file, "signing_secret", path, reading)
    url = {} if written.url is None else {"url": written.url.rstrip("/")}
    return config.Slack(channel=written.channel or "", token=token or SecretStr(""), signing_secret=signing, **url)
