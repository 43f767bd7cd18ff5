"""`monitor push`: the address that the job of each push check tells. It is secret, so it is shown here alone."""

from __future__ import annotations

import click

from monitor.cli.client import client_of
from monitor.cli.output import Trouble, printable


@click.command(
    epilog="""\b
Examples:
  monitor push                          the address of every push check
  monitor push orders-service/backup    of this one alone
\b
A job tells by asking it: curl -fsS -m 10 --retry 5 --retry-connrefused ADDRESS
Behind the address: /start when it begins, /fail, or /$? for its exit status."""
)
@click.argument("names", nargs=-1, metavar="[SERVICE|SERVICE/CHECK]...")
@click.pass_context
def push(context: click.Context, names: tuple[str, ...]) -> None:
    """Show the secret address that the job of each push check tells."""
    from monitor.cli.main import config_of
    from monitor.cli.selection import UnknownName, select
    from monitor.web.push_tokens import token_of
    from monitor.web.token import TokenError, read_token

    config = config_of(context)
    told = [check for check in config.all_checks() if check.question.kind == "push"]
    try:
        chosen = select(told, names)
    except UnknownName as error:
        raise Trouble("\n".join(map(printable, str(error).splitlines()))) from None
    if not chosen:
        raise Trouble("there is no push check; give one push: {every: 1h} under checks: of a service")
    configured = config.monitor.token
    try:
        secret = read_token(configured.get_secret_value() if configured else None, config.monitor.state)
    except TokenError as error:
        raise Trouble(str(error)) from None
    base = f"http://{client_of(config.whereabouts()).address}/push/"
    width = max(len(check.id) for check in chosen)
    for check in chosen:
        click.echo(f"{check.id.ljust(width)}  {base}{token_of(secret, check)}")
