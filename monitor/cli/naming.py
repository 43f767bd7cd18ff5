"""What people call an incident, as the daemon and the ledger know it."""

from __future__ import annotations

from monitor.cli.output import Trouble, printable


def checked(ref: str) -> str:
    """What the daemon and the ledger know it by; Trouble when no incident can be called so."""
    from monitor.core.reference import plain_reference

    plain = plain_reference(ref)
    if plain.isascii() and plain.isalnum():
        return plain
    raise Trouble(f"{printable(ref)} is not the name of an incident; use its number, INC-0042, or its ULID")
