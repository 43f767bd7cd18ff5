"""What people read in an e-mail or on a telephone: plain text, short, and nobody is called by it. Pure."""

from __future__ import annotations

import re
from typing import Final

from monitor.ledger.records import EffectKind
from monitor.outlets.markup.text import one_line
from monitor.outlets.outlet import Message

LONGEST_TITLE: Final = 250
LONGEST_BODY: Final = 1_900
"""Characters. Discord takes 2,000, and others more."""
AGAIN: Final = "Sent again: it is not known whether this arrived before."

_LINES: Final = 5
_LONGEST_LINE: Final = 300
_CALLS: Final = re.compile(r"[@<](?=\S)")
_UNSEEN: Final = "\u200b"


def title_of(kind: EffectKind, message: Message) -> str:
    over = "Over: " if kind is EffectKind.CLOSE else ""
    return _quiet(one_line(f"{over}{message.title}", LONGEST_TITLE))[:LONGEST_TITLE]


def body_of(message: Message, *, again: bool) -> str:
    symptoms = message.document.get("symptoms")
    lines = [AGAIN] if again else []
    lines += [message.degraded] if message.degraded else []
    lines.append(f"status: {message.document.get('status') or message.status}")
    lines += [f"symptom: {symptom}" for symptom in (symptoms if isinstance(symptoms, list | tuple) else ())[:_LINES]]
    lines.append(f"newest: {message.update}")
    return "\n".join(_quiet(one_line(line, _LONGEST_LINE)) for line in lines)[:LONGEST_BODY]


def _quiet(text: str) -> str:
    """`@channel` and `<!channel>` as words: some receivers read them in plain text too."""
    return _CALLS.sub(lambda found: found[0] + _UNSEEN, text)
