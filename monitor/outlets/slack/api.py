"""One method of Slack's Web API: what it answers, or `Refused`, which says what that means for the effect."""

from __future__ import annotations

import re
from typing import Any, Final

from monitor.outlets.outlet import Delivery, DeliveryOutcome
from monitor.outlets.rest import Stopped, Talk
from monitor.outlets.slack.errors import GONE, meaning_of

LIMITED_FOR: Final = 30.0
"""Seconds, of a limit that does not say for how long."""
_NOT_FOUND: Final = 404
_WORD: Final = re.compile(r"[a-z0-9_.:,]{1,80}")


class Refused(Stopped):
    """
    Attributes:
        error: In Slack's word.
    """

    def __init__(self, delivery: Delivery, error: str) -> None:
        super().__init__(delivery, _NOT_FOUND if error in GONE else 200)
        self.error = error


class Api:
    """The methods over one connection. Raise `Stopped`."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk

    def ask(self, method: str, **values: str | int) -> Any:
        return self._checked(method, self._talk.get(f"/{method}", **values), only_asks=True)

    def tell(self, method: str, document: dict[str, object]) -> Any:
        return self._checked(method, self._talk.send("POST", f"/{method}", document), only_asks=False)

    def _checked(self, method: str, answer: Any, *, only_asks: bool) -> Any:
        if answer["ok"] is True:
            return answer
        error = _word(answer["error"])
        meaning = meaning_of(error, only_asks=only_asks)
        detail = f"{self._talk.host} refused {method}: {error}"
        if error == "missing_scope":
            detail += f" ({_word(answer.get('needed'))})"
        if meaning.remedy:
            detail += f": {meaning.remedy}"
        wait = LIMITED_FOR if meaning.outcome is DeliveryOutcome.RETRY else None
        raise Refused(Delivery(outcome=meaning.outcome, detail=detail, retry_after=wait), error)


def _word(value: object) -> str:
    """Of Slack's own; of anything else nothing is shown: a proxy in between may repeat our token."""
    return value if isinstance(value, str) and _WORD.fullmatch(value) else "in a word that is none of Slack's"
