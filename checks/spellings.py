"""How one text looks in others: quoted for a URL, and escaped as in `repr` or JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import quote, quote_plus


def spellings_of(secret: str) -> Iterator[str]:
    """Its own first. With repetitions."""
    data = secret.encode("utf-8", "surrogatepass")
    yield secret
    for quoted in (quote(data, safe=""), quote(data), quote_plus(data)):
        yield quoted
        yield _lower_escapes(quoted)
    yield repr(secret)[1:-1]
    yield repr(data)[2:-1]
    # Within a longer text that holds double quotes, single ones are escaped too.
    yield repr('"' + secret)[2:-1]
    yield repr(b'"' + data)[3:-1]
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]


def _lower_escapes(quoted: str) -> str:
    """`%2F` and `%2f` are the same, and both are written."""
    head, *rest = quoted.split("%")
    return "%".join([head, *(part[:2].lower() + part[2:] for part in rest)])
