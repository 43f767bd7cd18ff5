"""`monitor demo`: the whole life of an incident, embedded."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(epilog="Example: monitor demo --exit --out /tmp/demo")
@click.option(
    "--exit", "leave", is_flag=True, help="End with status 0 once the story is told; without it, wait for Enter."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("demo"),
    show_default=True,
    help="Tickets, postmortem, transcript.",
)
@click.option(
    "--speed",
    type=click.FloatRange(10, 600),
    default=60.0,
    show_default=True,
    help="How many times faster than the playbook.",
)
def demo(leave: bool, out: Path, speed: float) -> None:
    """Break a service and watch: detection, severity, ticket, update, recovery, resolution, postmortem draft."""
    import shutil
    import sys

    from monitor.demo.story import MilestoneMissed, Narrator, Stage, play
    from monitor.terminal import colour_wanted

    out.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(out / "state", ignore_errors=True)
    narrator = Narrator(sys.stdout, colour=colour_wanted(sys.stdout))
    try:
        play(Stage(out.resolve(), speed, narrator))
    except MilestoneMissed as missed:
        narrator.say("demo", f"The story ended early: {missed}.")
        raise click.exceptions.Exit(1) from None
    finally:
        (out / "transcript.txt").write_text("\n".join(narrator.transcript) + "\n")
    narrator.say("demo", f"Tickets and this transcript are in {out}/.")
    if not leave and sys.stdin.isatty():
        click.pause("Press any key to end.")
