"""The draft of a postmortem, as it is handed to the outlet that keeps it."""

from __future__ import annotations

from datetime import timedelta

from monitor.response.postmortem import postmortem_message


def test_the_draft_is_headed_as_a_draft_and_due_from_the_resolution_on(begin):
    evening = begin()
    evening.play(payments="FFFF......")
    [case] = evening.book.cases.values()

    message = postmortem_message(case, evening.book.rules.roles, evening.now, timedelta(hours=48))

    assert message.heading == "Postmortem draft"
    assert message.status == "resolved"
    assert message.markdown.startswith("# Postmortem of INC-0001: payments\n\nDue by 2026-03-03 12:04:30 UTC.")
