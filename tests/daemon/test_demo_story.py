"""The demo tells its whole story and leaves what it promised."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_the_demo_ends_by_itself_and_leaves_a_transcript_a_ticket_and_a_postmortem(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    done = subprocess.run(
        [sys.executable, "-m", "monitor", "demo", "--exit", "--speed", "120", "--out", str(out)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    transcript = (out / "transcript.txt").read_text()
    order = ["incident.opened", "incident.update_due", "incident.recovering", "incident.resolved"]
    places = [transcript.index(f"event {name}") for name in order]
    assert places == sorted(places)
    (ticket,) = (out / "state" / "tickets").glob("*.md")
    assert "resolved" in ticket.read_text()
    (postmortem,) = (out / "state" / "postmortems").glob("*.md")
    assert "payments-service" in postmortem.read_text()
    assert postmortem.read_text().splitlines()[1].startswith("**Postmortem draft** · ")
