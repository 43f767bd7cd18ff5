"""What the API answers when it is asked as it should be."""

from __future__ import annotations

REPORT = {"reporter": "Ada of support", "symptoms": "customers cannot pay\nsince noon", "service": "orders"}


def test_a_daemon_that_turns_is_healthy_and_one_that_stalls_is_not(web):
    assert (web.get("/healthz").status, web.get("/healthz").document) == (200, {"status": "ok"})

    web.desk.is_alive = False

    assert web.get("/healthz").status == 503


def test_not_ready_says_what_is_missing(web):
    assert web.get("/healthz/ready").status == 200

    web.desk.missing = ["the ledger is held since 03:12:00 UTC"]
    answer = web.get("/healthz/ready")

    assert answer.status == 503
    assert answer.document == {"ready": False, "missing": ["the ledger is held since 03:12:00 UTC"]}


def test_a_user_report_opens_an_incident_that_can_be_found_by_each_of_its_names(web):
    made = web.post("/api/v1/incidents", REPORT)

    assert made.status == 201
    assert made.headers["location"] == "/api/v1/incidents/1"
    assert made.document["declared_by"] == "Ada of support"
    for name in ("1", "INC-0001", "inc-0001", "0001", made.document["id"], made.document["id"].lower()):
        found = web.get(f"/api/v1/incidents/{name}")
        assert (found.status, found.document["id"]) == (200, made.document["id"]), name


def test_the_same_idempotency_key_twice_is_one_report(web):
    first = web.post("/api/v1/incidents", REPORT, headers={"Idempotency-Key": "run-77/orders"})
    again = web.post("/api/v1/incidents", REPORT, headers={"Idempotency-Key": "run-77/orders"})

    assert first.document == again.document
    assert len(web.desk.notebook) == 1


def test_a_report_may_say_how_bad_it_is(web):
    assert web.post("/api/v1/incidents", REPORT | {"severity": "SEV1"}).document["severity"] == "SEV1"


def test_people_take_note_mitigate_and_resolve_and_each_step_is_in_the_log(web):
    web.post("/api/v1/incidents", REPORT)

    assert web.post("/api/v1/incidents/1/ack", {"by": "Grace"}).document["acknowledged_by"] == "Grace"
    assert web.post("/api/v1/incidents/1/note", {"by": "Grace", "text": "the pool is full"}).status == 200
    assert web.post("/api/v1/incidents/1/mitigated", {"by": "Grace"}).document["mitigated_by"] == "Grace"
    resolved = web.post("/api/v1/incidents/1/resolve", {"by": "Grace", "why": "rolled back"}).document
    log = web.get("/api/v1/incidents/1").document["events"]

    assert resolved["state"] == "resolved"
    assert [event["name"].partition(".")[2] for event in log] == [
        "opened",
        "acknowledged",
        "noted",
        "mitigated",
        "resolved",
    ]


def test_what_the_daemon_refuses_comes_back_in_its_own_words(web):
    web.post("/api/v1/incidents", REPORT)
    web.post("/api/v1/incidents/1/resolve", {"by": "Grace", "why": "over"})

    late = web.post("/api/v1/incidents/1/ack", {"by": "Grace"})
    unknown = web.post("/api/v1/incidents", REPORT | {"service": "odrers"})

    assert (late.status, late.document["detail"]) == (409, "orders: no acknowledgement while resolved")
    assert (unknown.status, unknown.document["title"]) == (404, "Not Found")
    assert "there are orders, payments" in unknown.document["detail"]
    assert late.headers["content-type"] == "application/problem+json"


def test_live_incidents_are_listed_by_default_newest_first_and_the_limit_holds(web):
    for service in ("orders", "payments", "orders"):
        web.post("/api/v1/incidents", REPORT | {"service": service})
    web.post("/api/v1/incidents/2/resolve", {"by": "Grace", "why": "over"})

    def numbers(query: str) -> list[int]:
        return [incident["number"] for incident in web.get(f"/api/v1/incidents{query}").document["incidents"]]

    assert numbers("") == [3, 1]
    assert numbers("?state=resolved") == [2]
    assert numbers("?state=all&limit=2") == [3, 2]
    assert numbers("?state=recovering") == []


def test_a_bad_question_is_told_what_would_be_right(web):
    for query in ("?state=closed", "?limit=0", "?limit=1001", "?limit=%C2%B2", "?limit=-1", "?stat=all"):
        assert web.get(f"/api/v1/incidents{query}").status == 400, query
    assert "live, open, recovering, resolved, all" in web.get("/api/v1/incidents?state=closed").document["detail"]


def test_an_unknown_path_or_method_is_a_problem_document_too(web):
    assert web.get("/api/v2/status").document["detail"] == "there is nothing at this path"
    assert web.get("/healthz/").status == 404
    wrong = web.ask("DELETE", "/api/v1/incidents/1")
    assert (wrong.status, wrong.headers["content-type"]) == (405, "application/problem+json")
    assert web.get("/api/v1/incidents/..%2F..%2Fetc").status == 404


def test_an_error_of_our_own_is_an_answer_without_its_details_and_the_server_goes_on(web):
    web.desk.breaks = True

    answer = web.get("/api/v1/status")

    assert answer.status == 500
    assert b"hunter2" not in answer.body
    assert web.get("/healthz").status == 200
