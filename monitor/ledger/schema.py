"""The two files of the state folder, and the steps that lead to the schemas that this version knows."""

from __future__ import annotations

from pathlib import Path
from typing import Final


def _step(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


LEDGER_FILE: Final = "ledger.sqlite"
LEDGER_STEPS: Final = (_step("schema.sql"), _step("alerts.sql"))
"""Step n leads from schema n to n + 1. A step that was released is never edited: others have run it."""

HISTORY_FILE: Final = "history.sqlite"
HISTORY_STEPS: Final = (_step("history.sql"),)
