"""What libcurl tells of the certificates that a server has shown. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

Chain = Sequence[Sequence[tuple[bytes, bytes]]]
"""Each certificate as names and values, the server's own first. Bytes: its names may be in any alphabet."""

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# As OpenSSL prints it, whatever the locale: "Jan  5 09:34:43 2028 GMT".
_DATE: Final = re.compile(r"([A-Z][a-z]{2}) +(\d{1,2}) (\d\d):(\d\d):(\d\d) (\d{4}) GMT", re.ASCII)


def own_expiry(chain: Chain) -> float | None:
    """When the server's own certificate expires, Unix time; None where there was none."""
    return _expiry(chain[0]) if chain else None


def earliest_expiry(chain: Chain) -> float | None:
    """When the first certificate of the chain expires, Unix time; None also where one of them does not say when."""
    known = [expiry for expiry in map(_expiry, chain) if expiry is not None]
    return min(known) if known and len(known) == len(chain) else None


def whole_certificates(chain: Chain) -> tuple[bytes, ...]:
    """In DER; none where one of them is not told."""
    from ssl import PEM_cert_to_DER_cert  # a megabyte and a half that no other http check needs

    told = [next((value for name, value in certificate if name == b"Cert"), b"") for certificate in chain]
    try:
        return tuple(PEM_cert_to_DER_cert(pem.decode("ascii").strip()) for pem in told)
    except ValueError:  # what is not ASCII is one too
        return ()


def _expiry(certificate: Sequence[tuple[bytes, bytes]]) -> float | None:
    written = next((value for name, value in certificate if name == b"Expire date"), b"")
    found = _DATE.fullmatch(written.decode("ascii", "replace").strip())
    if found is None or found[1] not in _MONTHS:
        return None
    day, hour, minute, second, year = (int(found[part]) for part in (2, 3, 4, 5, 6))
    try:
        return datetime(year, _MONTHS.index(found[1]) + 1, day, hour, minute, second, tzinfo=UTC).timestamp()
    except ValueError:
        return None
