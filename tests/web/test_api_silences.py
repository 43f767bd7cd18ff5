"""Silences over HTTP: made, listed, ended, and what a request for one must hold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

T0 = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
ONE = {"subject": "orders", "comment": "the new pool", "by": "Ada", "for": "2h"}


def test_a_silence_is_made_listed_and_ended(web):
    made = web.post("/api/v1/silences", ONE)

    assert made.status == 201
    assert made.document == {
        "id": 1,
        "subject": "orders",
        "author": "Ada",
        "comment": "the new pool",
        "since": "2026-03-01T03:00:00.000Z",
        "until": "2026-03-01T05:00:00.000Z",
        "active": True,
        "expired_at": None,
        "expired_by": None,
    }
    assert web.get("/api/v1/silences", token=None).document == {"silences": [made.document]}

    ended = web.post("/api/v1/silences/1/expire", {"by": "Grace"})

    assert (ended.status, ended.document["active"], ended.document["expired_by"]) == (200, False, "Grace")
    assert web.get("/api/v1/silences").document == {"silences": []}
    assert web.get("/api/v1/silences?expired=true").document == {"silences": [ended.document]}


def test_an_instant_may_end_it_instead(web):
    body = {key: value for key, value in ONE.items() if key != "for"} | {"until": "2026-03-01T08:00:00+02:00"}

    assert web.post("/api/v1/silences", body).document["until"] == "2026-03-01T06:00:00.000Z"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"for": ""}, "until"),
        ({"until": "2026-03-01T06:00:00Z"}, "until"),  # beside `for`
        ({"for": "2"}, "for"),
        ({"for": "366d"}, "for"),
        ({"for": "0.5s"}, "for"),
        ({"for": "", "until": "2026-03-01T06:00:00"}, "until"),  # whose clock?
        ({"for": "", "until": T0.isoformat()}, "until"),  # it would be over
        ({"for": "", "until": (T0 + timedelta(days=365, seconds=1)).isoformat()}, "until"),
        ({"comment": ""}, "comment"),
        ({"comment": "x" * 1001}, "comment"),
        ({"comment": "a\nb"}, "comment"),
        ({"by": ""}, "by"),
        ({"subject": "o" * 201}, "subject"),
        ({"matchers": "x"}, "'matchers'"),
    ],
)
def test_a_silence_that_says_too_little_or_too_much_is_refused_with_the_field(web, change, field):
    answer = web.post("/api/v1/silences", ONE | change)

    assert answer.status == 422
    assert [error["field"].strip("'") for error in answer.document["errors"]] == [field.strip("'")]
    assert web.desk.silenced == []


def test_both_edges_of_how_long_it_may_last(web):
    assert web.post("/api/v1/silences", ONE | {"for": "365d"}).status == 201
    assert web.post("/api/v1/silences", ONE | {"for": "1s"}).status == 201
    late = {"for": "", "until": (T0 + timedelta(days=365)).isoformat()}
    assert web.post("/api/v1/silences", ONE | late).status == 201


@pytest.mark.parametrize("number", ["7", "x", "-1", "1" * 11, "%C2%B2"])
def test_what_there_is_not_cannot_be_ended(web, number):
    assert web.post(f"/api/v1/silences/{number}/expire", {"by": "Ada"}).status == 404


def test_only_true_and_false_are_asked_for(web):
    assert web.get("/api/v1/silences?expired=yes").status == 400
    assert web.get("/api/v1/silences?page=2").status == 400
