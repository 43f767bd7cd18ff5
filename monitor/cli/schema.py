"""`monitor schema`: what an editor wants to know of config.yaml."""

from __future__ import annotations

import json

import click


@click.command(epilog="Example: monitor schema > watchkeeper.schema.json")
def schema() -> None:
    """Print the JSON Schema of the configuration."""
    from monitor.config.schema import json_schema

    click.echo(json.dumps(json_schema(), indent=2))
