"""What people may call an incident."""

from __future__ import annotations


def plain_reference(ref: str) -> str:
    """What the ledger knows an incident by: `7` for `INC-0007`, `#7` and `007`; a ULID in capitals."""
    text = ref.strip().upper().removeprefix("INC-").removeprefix("#")
    return text.lstrip("0") or "0" if text.isascii() and text.isdigit() else text
