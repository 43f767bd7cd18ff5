"""OAuth2 client credentials, which many tools have under keys of their own."""

from __future__ import annotations

from collections.abc import Mapping

from monitor.config.document import Listing
from monitor.config.foreign.place import Place, scalar
from monitor.config.foreign.plan import Written
from monitor.config.foreign.secret import Secrets


def oauth2(place: Place, secrets: Secrets, keys: Mapping[str, str], *words: str) -> dict[str, Written]:
    """
    The key `oauth2` of a check.

    Args:
        keys: Ours, and what they are called at *place*. Scopes may be a list, or words in one value.
    """
    made: dict[str, Written] = {}
    for ours, theirs in keys.items():
        part = place.get(theirs)
        if part is None:
            continue
        if ours == "scopes":
            listed = part.items() if isinstance(part.node, Listing) else ()
            texts = [(one, one.text() or "") for one in listed] or [(part, one) for one in (part.text() or "").split()]
            made[ours] = [scalar(at, text) for at, text in texts]
        elif ours == "client_secret":
            made[ours] = scalar(part, secrets.stand_in(part, part.text() or "", *words, ours))
        else:
            made[ours] = scalar(part, part.text() or "")
    return made
