"""
What Slack's refusals mean. It answers 200 and `{"ok": false, "error": ...}`, so the word decides and not the status.

What a person mends for all incidents at once pauses the outlet, with an alarm, until it is mended. What is wrong with
one message gives up that message. The words are those of docs.slack.dev/reference/methods.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from monitor.outlets.outlet import DeliveryOutcome

_PAUSE, _RETRY, _UNKNOWN = DeliveryOutcome.UNAUTHORISED, DeliveryOutcome.RETRY, DeliveryOutcome.AMBIGUOUS

GONE: Final = frozenset({"message_not_found", "thread_not_found"})
UNCHANGEABLE: Final = frozenset({"cant_update_message", "edit_window_closed"})
"""The message stays as it is; its thread goes on."""


@dataclass(frozen=True, slots=True)
class Meaning:
    outcome: DeliveryOutcome
    remedy: str = ""


_NEW_TOKEN: Final = Meaning(_PAUSE, "install the app again and give its bot token, which begins with xoxb-")
_INVITE: Final = Meaning(_PAUSE, "invite the app into the channel: /invite @NAME")
_CHANNEL: Final = Meaning(_PAUSE, "see that chat.slack.channel is right, and invite the app there: /invite @NAME")
_ALLOW: Final = Meaning(_PAUSE, "let an administrator of the workspace allow it")
_LATER: Final = Meaning(_RETRY)
_NOBODY_KNOWS: Final = Meaning(_UNKNOWN)

MEANINGS: Final = {
    "invalid_auth": _NEW_TOKEN,
    "not_authed": _NEW_TOKEN,
    "account_inactive": _NEW_TOKEN,
    "token_expired": _NEW_TOKEN,
    "token_revoked": _NEW_TOKEN,
    "not_allowed_token_type": _NEW_TOKEN,
    "missing_scope": Meaning(_PAUSE, "add the scopes of docs/chat.md to the app, and install it again"),
    "not_in_channel": _INVITE,
    "channel_not_found": _CHANNEL,
    "is_archived": Meaning(_PAUSE, "unarchive the channel, or set chat.slack.channel to another"),
    "restricted_action": _ALLOW,
    "restricted_action_thread_only_channel": _ALLOW,
    "restricted_action_read_only_channel": _ALLOW,
    "no_permission": _ALLOW,
    "access_denied": _ALLOW,
    "team_access_not_granted": _ALLOW,
    "ekm_access_denied": _ALLOW,
    "ratelimited": _LATER,
    "rate_limited": _LATER,
    "message_limit_exceeded": _LATER,
    "service_unavailable": _LATER,
    "team_added_to_org": _LATER,
    "request_timeout": _LATER,  # our body came too slowly and was not read to its end
    "fatal_error": _NOBODY_KNOWS,
    "internal_error": _NOBODY_KNOWS,
}
"""Any other refuses this one message for good."""


def meaning_of(error: str, *, only_asks: bool) -> Meaning:
    found = MEANINGS.get(error, Meaning(DeliveryOutcome.REFUSED))
    return _LATER if only_asks and found.outcome is _UNKNOWN else found
