"""What the shell offers for an incident's name when somebody presses tab: those that are live."""

from __future__ import annotations

from typing import Any

import click
from click.shell_completion import CompletionItem


def live_incidents(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """From the daemon, else from the ledger. Nothing where there is neither: a shell has no place for a reason."""
    from monitor.cli.client import DaemonRefused
    from monitor.cli.looking import look
    from monitor.cli.output import Trouble

    try:
        looked = look(
            context,
            "/api/v1/incidents?state=live&limit=100",
            lambda ledger: {"incidents": ledger.incidents("live", 100)},
        )
    except (Trouble, DaemonRefused):
        return []
    found: list[dict[str, Any]] = looked.document["incidents"]
    wanted = incomplete.upper()
    return [
        CompletionItem(one["reference"], help=f"{one['service']}: {one['reason']}")
        for one in found
        if one["reference"].startswith(wanted)
    ]
