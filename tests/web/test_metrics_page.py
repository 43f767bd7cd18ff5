"""/metrics: for whoever scrapes, in the dialect that was asked for, whole or visibly broken off."""

from __future__ import annotations

import http.client

import pytest


def test_whoever_may_look_may_scrape_and_gets_text(web):
    answer = web.get("/metrics", token=None)

    assert answer.status == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert (answer.headers["cache-control"], answer.headers["vary"]) == ("no-store", "Accept")
    assert answer.body == b'# TEXT\na{b="?"} 1\n'


def test_openmetrics_for_those_who_name_it(web):
    answer = web.get("/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"})

    assert answer.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert answer.body.startswith(b"# OPENMETRICS\n")


def test_it_is_refused_as_any_page_to_those_who_come_by_a_foreign_name_or_to_write(web):
    assert web.get("/metrics", headers={"Host": "evil.example"}).status == 421
    assert web.post("/metrics", {}).status == 405


def test_what_breaks_on_the_way_is_no_whole_answer_and_keeps_its_secret(web):
    web.desk.breaks = True

    with pytest.raises((http.client.IncompleteRead, ConnectionError)) as broken:
        web.get("/metrics")

    assert "hunter2" not in str(getattr(broken.value, "partial", b""))
